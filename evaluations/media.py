"""Uploaded files, looked at once, in the worker.

A video is called readable when its frames could be decoded to the end; where browsers could not play it as it came, a
form that they can is made beside it. A trajectory is read by a reader that runs nothing. What cannot be read is kept,
and said to be so.

The same pass measures a video. One that was checked before there were measures is gone through once more for them, in
small batches; it stays readable whatever comes of it.

A file is claimed before it is opened. One that takes its worker down with it is so left alone for a while, and after a
few attempts for good; the files of others wait for none of this.
"""

import logging
import secrets
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

import av
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.db.models import F, Q, QuerySet

from arena import audit
from arena.jobs import Job, enqueue
from evaluations import reminders, video
from evaluations.models import MediaFile
from evaluations.roboarena.trajectory import TrajectoryError, read_trajectory
from evaluations.video import VideoError, VideoFacts

logger = logging.getLogger(__name__)

CLAIM = timedelta(minutes=15)
"""How long a claim holds: no task runs longer."""
MAX_ATTEMPTS = 3
VIDEO_SECONDS = 240.0
"""What one video may take; the three of an episode end before its task is ended."""
STALE = timedelta(minutes=1)
SWEEP_BATCH = 50
MEASURE_BATCH = 5
"""Sides whose old videos a sweep has measured: what comes in is not to wait for them."""
GIVEN_UP = "The file could not be checked."


def check_side(*, side_id: int, now: datetime) -> None:
    """Check the side's files that are neither checked nor being checked, then measure those that were not."""
    for media in MediaFile.objects.filter(_claimable(now), side_id=side_id):
        if _claim(media, _claimable(now), now):
            _check(media, now)
    measure(MediaFile.objects.filter(side_id=side_id), now=now)


def measure(videos: QuerySet[MediaFile], *, now: datetime) -> list[bool]:
    """Measure those of the videos that were checked and not measured: for each that was claimed, did it succeed?"""
    claimed = (media for media in videos.filter(_unmeasured(now)) if _claim(media, _unmeasured(now), now))
    return [_measure(media) for media in claimed]


def measure_next(*, now: datetime, most: int = SWEEP_BATCH) -> list[bool]:
    """The same for the first of all videos."""
    waiting = MediaFile.objects.filter(_unmeasured(now)).order_by("pk").values_list("pk", flat=True)
    return measure(MediaFile.objects.filter(pk__in=list(waiting[:most])), now=now)


def enqueue_stale(*, now: datetime) -> None:
    """Ask once more for the check of sides whose files wait although nobody is at them."""
    old = Q(received_at__lt=now - STALE)
    for due, most in ((_claimable(now) & old, SWEEP_BATCH), (_unmeasured(now) & old, MEASURE_BATCH)):
        sides = MediaFile.objects.filter(due).order_by("side_id").values_list("side_id", flat=True).distinct()
        for side_id in sides[:most]:
            enqueue(Job.CHECK_MEDIA, side_id=side_id)


def _claimable(now: datetime) -> Q:
    return Q(check_state=MediaFile.Check.PENDING) & _unclaimed(now)


def _unmeasured(now: datetime) -> Q:
    passed = Q(check_state=MediaFile.Check.PASSED, measures__isnull=True) & ~Q(kind=MediaFile.Kind.TRAJECTORY)
    return passed & Q(attempts__lt=2 * MAX_ATTEMPTS) & _unclaimed(now)


def _unclaimed(now: datetime) -> Q:
    return Q(claimed_at=None) | Q(claimed_at__lt=now - CLAIM)


def _claim(media: MediaFile, due: Q, now: datetime) -> bool:
    """False where somebody else was faster."""
    row = MediaFile.objects.filter(due, pk=media.pk)
    return bool(row.update(claimed_at=now, attempts=F("attempts") + 1))


def _check(media: MediaFile, now: datetime) -> None:
    """Whatever a file does to its reader is its own failure: the files after it are looked at all the same."""
    if media.attempts >= MAX_ATTEMPTS:
        _give_up(media, now)
        return
    try:
        if media.kind == MediaFile.Kind.TRAJECTORY:
            _check_trajectory(media, now)
        else:
            _check_video(media, now)
    except Exception:
        logger.exception("media:%s could not be checked", media.pk)
        _give_up(media, now)


def _give_up(media: MediaFile, now: datetime) -> None:
    if media.kind == MediaFile.Kind.TRAJECTORY:
        _record(media, now, check_state=MediaFile.Check.OPAQUE, problem=GIVEN_UP)
    else:
        _fail(media, now, GIVEN_UP)


def _fail(media: MediaFile, now: datetime, problem: str) -> None:
    if _record(media, now, check_state=MediaFile.Check.FAILED, problem=problem):
        audit.record("media:unreadable", subject=f"media:{media.pk}", kind=media.kind)
        reminders.tell_unreadable(media, problem)


def _check_trajectory(media: MediaFile, now: datetime) -> None:
    """Count the steps of a trajectory that is plain numbers; any other is kept unopened."""
    try:
        with media.file.open("rb") as file:
            steps = read_trajectory(file)
    except (TrajectoryError, OSError):
        _record(media, now, check_state=MediaFile.Check.OPAQUE)
    else:
        _record(media, now, check_state=MediaFile.Check.PASSED, frames=len(steps))


def _check_video(media: MediaFile, now: datetime) -> None:
    try:
        found = _look_at(media)
    except VideoError as error:
        _fail(media, now, str(error))
        return
    except FileNotFoundError:
        _fail(media, now, "The file is not on the disk.")
        return
    facts, made = found.facts, {"poster": found.poster, "sheet": found.sheet, "playback": found.playback}
    kept = _record(
        media,
        now,
        check_state=MediaFile.Check.PASSED,
        duration_s=facts.duration_s,
        frames=facts.frames,
        width=facts.width,
        height=facts.height,
        codec=facts.codec,
        black=facts.black,
        frozen=facts.frozen,
        measures=asdict(facts.measures),
        **made,
    )
    if not kept:  # somebody else checked it meanwhile, and made files of its own
        for name in filter(None, made.values()):
            default_storage.delete(name)


def _measure(media: MediaFile) -> bool:
    """A video that cannot be read any more keeps what is known of it, and is tried again a few times."""
    try:
        with media.file.open("rb") as file:
            facts = video.inspect(file, deadline=time.monotonic() + VIDEO_SECONDS)
        sheet = _save(ContentFile(facts.sheet), "sheets", "jpg")
    except Exception:
        logger.exception("media:%s could not be measured", media.pk)
        return False
    row = MediaFile.objects.filter(pk=media.pk, measures__isnull=True)
    kept = bool(row.update(measures=asdict(facts.measures), sheet=sheet))
    if not kept:  # somebody else was faster
        default_storage.delete(sheet)
    return kept


def _record(media: MediaFile, now: datetime, **fields: Any) -> bool:
    """False where the file has been checked already."""
    row = MediaFile.objects.filter(pk=media.pk, check_state=MediaFile.Check.PENDING)
    return bool(row.update(checked_at=now, **fields))


@dataclass(frozen=True)
class _Found:
    """What was seen of a video, with the names of the files that were made of it."""

    facts: VideoFacts
    poster: str
    sheet: str
    playback: str


def _look_at(media: MediaFile) -> _Found:
    deadline = time.monotonic() + VIDEO_SECONDS
    with media.file.open("rb") as file:
        facts = video.inspect(file, deadline=deadline)
        playback = _playable_form(file, facts, deadline)
    pictures = (_save(ContentFile(facts.poster), "posters", "jpg"), _save(ContentFile(facts.sheet), "sheets", "jpg"))
    return _Found(facts, *pictures, playback)


def _playable_form(file: IO[bytes], facts: VideoFacts, deadline: float) -> str:
    """The name of a file that browsers play at once; empty where the uploaded one is such a file."""
    if facts.plays_everywhere and video.starts_at_once(file):
        return ""
    make = video.remux if facts.plays_everywhere else video.transcode
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "playback.mp4"
        try:
            make(file, target, deadline=deadline)
        except (av.FFmpegError, ValueError) as error:
            raise VideoError("The video could not be made playable.") from error
        with target.open("rb") as made:
            return _save(File(made), "playback", "mp4")


def _save(content: "File[bytes]", folder: str, suffix: str) -> str:
    stem = secrets.token_hex(16)
    return default_storage.save(f"{folder}/{stem[:2]}/{stem}.{suffix}", content)
