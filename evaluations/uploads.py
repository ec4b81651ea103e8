"""Files on their way: begun, received in pieces, finished or cancelled, and swept.

An upload's row says how much has arrived, and only that counts: bytes on the disk beyond it will be sent again. A piece
is written while its row is locked, at the place where the row ends, so that of two writers one is refused; nobody waits
for a network while holding that lock. What has arrived whole is never written to again.
"""

import hashlib
import logging
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from arena import audit
from arena.errors import ArenaError, Conflict, NotFound, TooLarge
from arena.models import Person
from evaluations import files, sessions, storage
from evaluations.files import StoredFile
from evaluations.models import MediaFile, Session, Side, Upload
from evaluations.upload_places import upload_turn

logger = logging.getLogger(__name__)

IDLE = timedelta(hours=24)
"""How long an upload waits for its next piece."""
STRAY_AFTER = timedelta(days=1)
FINISH_AFTER = timedelta(minutes=2)
"""What has arrived whole and is not finished by then lost the process that should have done it."""
LEASE_STEP = timedelta(minutes=1)
"""Pieces that arrive extend the session's lease, once in so long."""
PIECE_BYTES = 256 * 1024
"""How much is held in memory and written at once."""
FILENAME_LENGTH = 200
MAX_FILES_EVER = 40
"""Files that a side takes in all, those that were taken away again included."""
_DIGEST_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Wanted:
    """A file as its sender announces it."""

    kind: str
    filename: str
    size: int
    fingerprint: str = ""


def waiting() -> QuerySet[Upload]:
    return Upload.objects.filter(finished_at=None, cancelled_at=None)


def expires_at(upload: Upload) -> datetime:
    return upload.active_at + IDLE


def begin(*, side: Side, person: Person, wanted: Wanted, now: datetime) -> Upload:
    """A place for a file of a side. The same file announced again gets the place that it has: it goes on from there."""
    wanted = _clean(wanted)
    upload = _begin(side, person, wanted, now)
    if upload is None:
        raise sessions.ended()
    return upload


@transaction.atomic
def _begin(side: Side, person: Person, wanted: Wanted, now: datetime) -> Upload | None:
    session = sessions.lock(session=side.session, now=now)
    if not session.is_open:
        return None
    sessions.require_member(session)
    on_their_way = list(waiting().filter(side=side))
    for upload in on_their_way:
        if upload.person_id == person.pk and _said(upload) == wanted:
            return upload
    files.require_room(side, wanted.kind, on_their_way=[upload.kind for upload in on_their_way])
    if side.media.count() >= MAX_FILES_EVER:
        raise Conflict("too_many_files", f"A side takes at most {MAX_FILES_EVER} files in all.")
    storage.require_space(wanted.size)
    return Upload.objects.create(
        side=side,
        person=person,
        kind=wanted.kind,
        filename=wanted.filename,
        fingerprint=wanted.fingerprint,
        size=wanted.size,
        created_at=now,
        active_at=now,
    )


def require_place(*, upload: Upload, offset: int, length: int, now: datetime) -> None:
    """Refuse a piece before its bytes are read, where it can be told that it will not be taken."""
    require_open(upload.side.session, now)
    if offset != upload.offset:
        raise wrong_offset()
    if offset + length > upload.size:
        raise _too_long()


def append(*, upload: Upload, offset: int, piece: bytes, now: datetime) -> int:
    """Write a piece behind what has arrived; returns how much there is then. Another place is refused."""
    end = offset + len(piece)
    if end > upload.size:
        raise _too_long()
    try:
        with transaction.atomic():
            # A piece whose row is lost in a crash is sent again: no need to wait for the disk each time.
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL synchronous_commit TO off")
            if not waiting().filter(pk=upload.pk, offset=offset).update(offset=end, active_at=now):
                raise wrong_offset()
            storage.write_at(storage.partial_path(upload), offset, piece)
    except storage.FileIsShort:
        _believe_the_disk(upload)
        raise wrong_offset() from None
    upload.offset, upload.active_at = end, now
    _keep_lease(upload, now)
    return end


def _too_long() -> TooLarge:
    return TooLarge("upload_too_long", "More bytes than this upload was said to have.")


def wrong_offset() -> Conflict:
    return Conflict(
        "upload_offset",
        "The upload does not end where this piece begins.",
        hint="Ask with HEAD how much has arrived, and go on from there.",
    )


def finish(*, upload: Upload, now: datetime) -> MediaFile:
    """Make what has arrived whole a file of its side. A repeat is answered with the first outcome."""
    upload.refresh_from_db()
    if upload.media is not None:
        return upload.media
    path = storage.partial_path(upload)
    if upload.offset != upload.size or storage.size_of(path) < upload.size:
        _believe_the_disk(upload)
        raise wrong_offset()
    try:
        storage.sync(path)
        digest = _digest(path)
        media = _finish(upload, path, digest, now)
    except FileNotFoundError:
        media = None
    upload.refresh_from_db()
    media = media or upload.media  # somebody else may have finished it, or cancelled it, meanwhile
    if media is None:
        if upload.cancelled_at is not None:
            raise unknown()
        cancel(upload=upload, now=now)
        raise sessions.ended()
    path.unlink(missing_ok=True)
    return media


@transaction.atomic
def _finish(upload: Upload, path: Path, digest: str, now: datetime) -> MediaFile | None:
    """None where the session has ended."""
    session = sessions.lock(session=upload.side.session, now=now)
    upload = Upload.objects.select_for_update(of=("self",)).get(pk=upload.pk)
    if upload.media is not None:
        return upload.media
    if not session.is_open or upload.cancelled_at is not None:
        return None
    files.require_room(upload.side, upload.kind)
    name = storage.take_in(path, files.new_name(upload.kind))
    stored = StoredFile(kind=upload.kind, name=name, size=upload.size, sha256=digest)
    media = files.attach(upload.side, stored, now=now)
    Upload.objects.filter(pk=upload.pk).update(finished_at=now, active_at=now, media=media)
    audit.record(
        "media:uploaded", subject=f"session:{session.pk}", person=upload.person, lab=session.lab, kind=upload.kind
    )
    sessions.record_activity(session_ids=[session.pk], now=now)
    return media


def look(*, upload: Upload, now: datetime) -> Upload:
    """How much of it has arrived. One that arrived whole while its process ended is finished by the look."""
    if upload.media_id is not None:
        return upload
    if storage.size_of(storage.partial_path(upload)) < upload.offset:
        _believe_the_disk(upload)
    elif upload.offset == upload.size:
        finish(upload=upload, now=now)
    upload.refresh_from_db()
    return upload


def cancel(*, upload: Upload, now: datetime) -> None:
    """Give an upload up; its bytes are removed. A repeat changes nothing."""
    ended = waiting().filter(pk=upload.pk).update(cancelled_at=now)
    if not ended and Upload.objects.filter(pk=upload.pk, finished_at__isnull=False).exists():
        raise Conflict("upload_finished", "This upload has arrived whole.", hint="Take the file away instead.")
    _remove_bytes(upload)


def _remove_bytes(upload: Upload) -> None:
    # No writer comes after this: each looks at the row first.
    storage.partial_path(upload).unlink(missing_ok=True)


def sweep(*, now: datetime) -> None:
    """Finish what was left whole, give up what waits too long, remove what belongs to nothing. Safe at any time."""
    for upload in waiting().filter(_left_behind(now)).select_related("side__session"):
        _settle(upload, now)
    living = {pk.hex for pk in waiting().values_list("pk", flat=True)}
    storage.remove_stray_parts(before=now - STRAY_AFTER, is_living=living.__contains__)
    storage.remove_stray_media(before=now - STRAY_AFTER)


def _left_behind(now: datetime) -> Q:
    whole = Q(offset=F("size"), active_at__lt=now - FINISH_AFTER)
    return whole | Q(active_at__lt=now - IDLE) | Q(side__session__closed_at__lt=now - FINISH_AFTER)


def _settle(upload: Upload, now: datetime) -> None:
    try:
        if upload.offset == upload.size and upload.side.session.is_open and upload.active_at >= now - IDLE:
            finish(upload=upload, now=now)
        elif waiting().filter(pk=upload.pk, active_at=upload.active_at).update(cancelled_at=now):
            _remove_bytes(upload)
    except ArenaError as error:
        logger.info("upload %s: %s", upload.pk, error.code)


def _clean(wanted: Wanted) -> Wanted:
    if wanted.size < 1:
        raise ArenaError("upload_empty", "The file is empty.")
    if wanted.size > settings.MAX_UPLOAD_BYTES:
        limit = settings.MAX_UPLOAD_BYTES // 1024**2
        raise TooLarge("upload_too_large", f"The file is larger than {limit} MB.", hint="Shorten or compress it.")
    return Wanted(
        kind=files.clean_kind(wanted.kind),
        filename=_printable(wanted.filename, FILENAME_LENGTH),
        size=wanted.size,
        fingerprint=_printable(wanted.fingerprint, 80),
    )


def _printable(text: str, length: int) -> str:
    """Of control characters, lone surrogates and marks that turn the writing direction nothing is kept."""
    kept = "".join(letter for letter in text if not unicodedata.category(letter).startswith("C"))
    return " ".join(kept.split())[:length]


def _said(upload: Upload) -> Wanted:
    return Wanted(upload.kind, upload.filename, upload.size, upload.fingerprint)


def _believe_the_disk(upload: Upload) -> None:
    """Where the disk holds less than the row says, the rest is to be sent again."""
    arrived = storage.size_of(storage.partial_path(upload))
    if arrived < upload.offset and waiting().filter(pk=upload.pk, offset=upload.offset).update(offset=arrived):
        logger.warning("upload %s: %s bytes are not on the disk any more", upload.pk, upload.offset - arrived)
    upload.refresh_from_db()


def _keep_lease(upload: Upload, now: datetime) -> None:
    session = upload.side.session
    lease = session.lease_expires_at
    if lease is not None and lease < now + settings.SESSION_LEASE - LEASE_STEP:
        session = sessions.extend(session=session, now=now)
        upload.side.session = session
    require_open(session, now)


def require_open(session: Session, now: datetime) -> None:
    lease = session.lease_expires_at
    if not session.is_open or (lease is not None and lease <= now):
        raise sessions.ended()


def _digest(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_DIGEST_BYTES):
            with upload_turn():
                found.update(piece)
    return found.hexdigest()


def unknown() -> NotFound:
    return NotFound("upload_unknown", "There is no upload of yours at this address.")
