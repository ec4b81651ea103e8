"""Episodes as clients upload them: figures, videos and a trajectory. The first upload of a side stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.core.files.base import File
from django.db import transaction

from arena import audit
from arena.errors import Conflict
from evaluations import files, sessions
from evaluations.files import StoredFile
from evaluations.models import Episode, FailureMode, Label, Session, Side


@dataclass(frozen=True)
class EpisodeReport:
    """One rollout in its client's words: progress 0 to 1, duration as the index of the last step."""

    progress: float
    success: bool | None
    duration_steps: int | None = None
    reported_latency_s: float | None = None
    camera: str = ""
    recorded_at: str = ""
    failure_modes: tuple[FailureMode, ...] = ()
    recovered: bool | None = None


def record_episode(
    *,
    session: Session,
    label: Label,
    report: EpisodeReport,
    uploads: Mapping[str, "File[bytes]"],
    now: datetime,
) -> Episode:
    """Keep the episode of one side. A repeat of the same upload changes nothing; a different one is refused.

    The files are written before the transaction begins, so that a slow disk holds no lock; they are removed again
    where the session turns out to have ended meanwhile.
    """
    side = Side.objects.get(session=session, label=label)
    earlier = Episode.objects.filter(side=side).first()
    if earlier is not None:
        return _first_outcome(earlier, report, uploads)
    if not session.is_open:
        raise sessions.ended()
    sessions.require_member(session)
    stored = [files.store(kind, file) for kind, file in uploads.items()]
    # Should the connection break during the commit, the rows may be there all the same: the files stay.
    episode = _commit(side, report, stored, now)
    if episode is None:  # another upload of this side was quicker, or the session's lease ran out while we wrote
        files.discard(stored)
        return record_episode(
            session=Session.objects.get(pk=session.pk), label=label, report=report, uploads=uploads, now=now
        )
    return episode


@transaction.atomic
def _commit(side: Side, report: EpisodeReport, stored: list[StoredFile], now: datetime) -> Episode | None:
    session = sessions.lock(session=side.session, now=now)
    if not session.is_open or Episode.objects.filter(side=side).exists():
        return None
    episode = write(side, report, now)
    # Of a camera whose file came before, in the browser, that one stays in view.
    standing = {media.kind for media in side.files}
    for file in stored:
        files.attach(side, file, now=now, unseen=file.kind in standing)
    sessions.record_activity(session_ids=[session.pk], now=now)
    return episode


def write(side: Side, report: EpisodeReport, now: datetime) -> Episode:
    """The episode's row, in the caller's transaction."""
    session = side.session
    tag = f"episode:uploaded-{side.label}"
    audit.record(tag, subject=f"session:{session.pk}", person=session.evaluator, lab=session.lab)
    return Episode.objects.create(
        side=side,
        progress=report.progress,
        success=report.success,
        failure_modes=list(report.failure_modes),
        recovered=report.recovered,
        duration_steps=report.duration_steps,
        reported_latency_s=report.reported_latency_s,
        camera=report.camera,
        recorded_at=report.recorded_at,
        received_at=now,
    )


def _first_outcome(earlier: Episode, report: EpisodeReport, uploads: Mapping[str, "File[bytes]"]) -> Episode:
    """The earlier episode where this says the same, with the same files where it brings any."""
    same = (
        earlier.progress == report.progress
        and earlier.success == report.success
        and earlier.duration_steps == report.duration_steps
        and set(earlier.failure_modes) == set(report.failure_modes)
    )
    kept = {(media.kind, media.sha256) for media in earlier.side.media.all()}
    again = {(kind, files.digest(file)) for kind, file in uploads.items()}
    if same and again <= kept:
        return earlier
    raise Conflict("episode_exists", f"Side {earlier.side.label} has been uploaded already; the first upload stands.")
