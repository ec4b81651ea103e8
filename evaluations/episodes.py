"""Episodes as clients upload them: figures, videos and a trajectory. The first upload of a side stands."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import transaction

from arena import audit
from arena.errors import Conflict
from arena.jobs import Job, enqueue
from evaluations import sessions
from evaluations.models import Episode, Label, MediaFile, Session, Side

_SUFFIX = {MediaFile.Kind.TRAJECTORY: "npz"}


@dataclass(frozen=True)
class EpisodeReport:
    """One rollout in its client's words: progress 0 to 1, duration as the index of the last step."""

    progress: float
    success: bool
    duration_steps: int
    reported_latency_s: float | None = None
    camera: str = ""
    recorded_at: str = ""


@dataclass(frozen=True)
class _StoredFile:
    kind: MediaFile.Kind
    name: str
    size: int
    sha256: str


def record_episode(
    *,
    session: Session,
    label: Label,
    report: EpisodeReport,
    files: Mapping[MediaFile.Kind, "File[bytes]"],
    now: datetime,
) -> Episode:
    """Keep the episode of one side. A repeat of the same upload changes nothing; a different one is refused.

    The files are written before the transaction begins, so that a slow disk holds no lock; they are removed again
    where the session turns out to have ended meanwhile.
    """
    side = Side.objects.get(session=session, label=label)
    earlier = Episode.objects.filter(side=side).first()
    if earlier is not None:
        return _first_outcome(earlier, report, files)
    if not session.is_open:
        raise _ended()
    stored = [_store(kind, file) for kind, file in files.items()]
    # Should the connection break during the commit, the rows may be there all the same: the files stay.
    episode = _commit(side, report, stored, now)
    if episode is None:  # another upload of this side was quicker, or the session's lease ran out while we wrote
        _discard(stored)
        return record_episode(
            session=Session.objects.get(pk=session.pk), label=label, report=report, files=files, now=now
        )
    return episode


@transaction.atomic
def _commit(side: Side, report: EpisodeReport, stored: list[_StoredFile], now: datetime) -> Episode | None:
    session = sessions.lock(session=side.session, now=now)
    if not session.is_open or Episode.objects.filter(side=side).exists():
        return None
    episode = Episode.objects.create(
        side=side,
        progress=report.progress,
        success=report.success,
        duration_steps=report.duration_steps,
        reported_latency_s=report.reported_latency_s,
        camera=report.camera,
        recorded_at=report.recorded_at,
        received_at=now,
    )
    MediaFile.objects.bulk_create(
        MediaFile(
            episode=episode,
            kind=file.kind,
            file=file.name,
            size=file.size,
            sha256=file.sha256,
        )
        for file in stored
    )
    sessions.record_activity(session_ids=[session.pk], now=now)
    audit.record(f"episode:uploaded-{side.label}", subject=f"session:{session.pk}", lab=session.lab)
    enqueue(Job.CHECK_MEDIA, episode_id=episode.pk)
    return episode


def _first_outcome(earlier: Episode, report: EpisodeReport, files: Mapping[MediaFile.Kind, "File[bytes]"]) -> Episode:
    figures = (earlier.progress, earlier.success, earlier.duration_steps)
    kept = {media.kind: media.sha256 for media in earlier.media.all()}
    again = {kind: _digest(file) for kind, file in files.items()}
    if figures == (report.progress, report.success, report.duration_steps) and again == kept:
        return earlier
    raise Conflict("episode_exists", f"Side {earlier.side.label} has been uploaded already; the first upload stands.")


def _ended() -> Conflict:
    return Conflict("session_ended", "This session has ended.", hint="Start a new one.")


def _store(kind: MediaFile.Kind, file: "File[bytes]") -> _StoredFile:
    stem = secrets.token_hex(16)
    name = default_storage.save(f"episodes/{stem[:2]}/{stem}.{_SUFFIX.get(kind, 'mp4')}", file)
    return _StoredFile(kind=kind, name=name, size=file.size, sha256=_digest(file))


def _digest(file: "File[bytes]") -> str:
    file.seek(0)
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    return digest.hexdigest()


def _discard(stored: list[_StoredFile]) -> None:
    for file in stored:
        default_storage.delete(file.name)
