"""Uploaded files, looked at once, in the worker.

A video is called playable when its frames could be read to the end. A trajectory is read by a reader that runs nothing.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from typing import IO

import av

from arena import audit
from evaluations.models import MediaFile
from evaluations.roboarena.trajectory import TrajectoryError, read_trajectory

# What the browsers that we support play. Anything else is kept, and said to be unreadable there.
PLAYABLE_CODECS = frozenset({"h264", "vp8", "vp9", "av1"})
MAX_FRAMES = 100_000
MAX_PIXELS = 4096 * 4096
CHECK_BATCH = 50


@dataclass(frozen=True)
class VideoFacts:
    duration_s: float
    frames: int
    width: int
    height: int
    codec: str


def check_episode(*, episode_id: int, now: datetime) -> None:
    for media in MediaFile.objects.filter(episode_id=episode_id, check_state=MediaFile.Check.PENDING):
        _check(media, now)


def check_pending(*, now: datetime) -> None:
    for media in MediaFile.objects.filter(check_state=MediaFile.Check.PENDING).order_by("id")[:CHECK_BATCH]:
        _check(media, now)


def _check(media: MediaFile, now: datetime) -> None:
    if media.kind == MediaFile.Kind.TRAJECTORY:
        _check_trajectory(media, now)
    else:
        _check_video(media, now)


def _check_trajectory(media: MediaFile, now: datetime) -> None:
    """Count the steps of a trajectory that is plain numbers; any other is kept unopened."""
    row = MediaFile.objects.filter(pk=media.pk, check_state=MediaFile.Check.PENDING)
    try:
        with media.file.open("rb") as file:
            steps = read_trajectory(file)
    except (TrajectoryError, OSError):
        row.update(check_state=MediaFile.Check.OPAQUE, checked_at=now)
        return
    row.update(check_state=MediaFile.Check.PASSED, checked_at=now, frames=len(steps))


def _check_video(media: MediaFile, now: datetime) -> None:
    row = MediaFile.objects.filter(pk=media.pk, check_state=MediaFile.Check.PENDING)
    facts = _facts(media)
    if facts is None:
        if row.update(check_state=MediaFile.Check.FAILED, checked_at=now):
            audit.record("media:unreadable", subject=f"media:{media.pk}", kind=media.kind)
        return
    row.update(check_state=MediaFile.Check.PASSED, checked_at=now, **asdict(facts))


def _facts(media: MediaFile) -> VideoFacts | None:
    try:
        with media.file.open("rb") as file:
            return read_video(file)
    except (av.FFmpegError, IndexError, ValueError, OSError):
        return None


def read_video(file: IO[bytes]) -> VideoFacts | None:
    """Decode an MP4 to its end; None for what browsers do not play. Raises what PyAV raises for a broken file.

    The demuxer is named, so that a playlist in disguise opens nothing else.
    """
    with av.open(file, "r", format="mp4") as container:
        stream = container.streams.video[0]
        if stream.codec_context.name not in PLAYABLE_CODECS or stream.width * stream.height > MAX_PIXELS:
            return None
        frames = sum(1 for _ in islice(container.decode(stream), MAX_FRAMES))
        rate = float(stream.average_rate or 0)
        if not frames or not rate:
            return None
        return VideoFacts(frames / rate, frames, stream.width, stream.height, stream.codec_context.name)
