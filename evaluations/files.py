"""Files of a side: stored under names that say nothing, checked by the worker, withdrawn but never deleted."""

import hashlib
import re
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import transaction

from arena import audit
from arena.errors import ArenaError, Conflict
from arena.jobs import Job, enqueue
from arena.models import Person
from evaluations import sessions, storage
from evaluations.models import KIND_PATTERN, MediaFile, Side

MAX_CAMERAS = 8
_SUFFIX = {MediaFile.Kind.TRAJECTORY.value: "npz"}


@dataclass(frozen=True)
class StoredFile:
    kind: str
    name: str
    size: int
    sha256: str


def clean_kind(kind: str) -> str:
    """`left`, `right`, `wrist`, `trajectory`, or the name of another camera as a slug."""
    kind = kind.strip().lower()
    if not re.fullmatch(KIND_PATTERN, kind):
        raise ArenaError(
            "bad_camera",
            "A camera is named by 1 to 24 small letters, digits and hyphens.",
            hint="Such as left, right, wrist or overhead.",
        )
    return kind


def store(kind: str, file: "File[bytes]") -> StoredFile:
    """Written to the storage, not yet any session's."""
    storage.require_space(file.size)
    name = default_storage.save(new_name(kind), file)
    return StoredFile(kind=kind, name=name, size=file.size, sha256=digest(file))


def new_name(kind: str) -> str:
    stem = secrets.token_hex(16)
    return f"episodes/{stem[:2]}/{stem}.{_SUFFIX.get(kind, 'mp4')}"


def attach(side: Side, file: StoredFile, *, now: datetime, unseen: bool = False) -> MediaFile:
    """Make a stored file one of the side's, in the caller's transaction, which holds the session's lock.

    An unseen one is kept as one that was withdrawn is.
    """
    media = MediaFile.objects.create(
        side=side,
        kind=file.kind,
        file=file.name,
        size=file.size,
        sha256=file.sha256,
        received_at=now,
        withdrawn_at=now if unseen else None,
    )
    enqueue(Job.CHECK_MEDIA, side_id=side.pk)
    return media


def require_room(side: Side, kind: str, *, on_their_way: Collection[str] = ()) -> None:
    """Raise a Conflict where the side has a file of this kind or one on its way, or has as many as it may."""
    kinds = set(side.media.filter(withdrawn_at=None).values_list("kind", flat=True))
    if kind in kinds:
        raise Conflict(
            "media_exists", f"Side {side.label} has a file for {kind} already.", hint="Take the other one away first."
        )
    if kind in on_their_way:
        raise Conflict(
            "upload_exists",
            f"Another file for {kind} of side {side.label} is on its way.",
            hint="Go on with that one, or cancel it first.",
        )
    if len(kinds.union(on_their_way)) >= MAX_CAMERAS:
        raise Conflict("too_many_files", f"A side takes at most {MAX_CAMERAS} files.")


@transaction.atomic
def withdraw(*, media: MediaFile, by: Person, now: datetime) -> None:
    """Take a file away from an open session. It is kept, unseen; a repeat changes nothing."""
    session = sessions.lock(session=media.side.session, now=now)
    if not session.is_open:
        raise sessions.ended()
    if MediaFile.objects.filter(pk=media.pk, withdrawn_at=None).update(withdrawn_at=now):
        audit.record("media:withdrawn", subject=f"session:{session.pk}", person=by, lab=session.lab, kind=media.kind)


def digest(file: "File[bytes]") -> str:
    file.seek(0)
    found = hashlib.sha256()
    for chunk in file.chunks():
        found.update(chunk)
    return found.hexdigest()


def discard(stored: Iterable[StoredFile]) -> None:
    for file in stored:
        default_storage.delete(file.name)
