"""Uploaded files, looked at once, in the worker.

A video is called playable when its frames could be read to the end. A trajectory is read by a reader that runs nothing.
"""

from dataclasses import dataclass
from datetime import datetime

import av
from django.core.files.storage import default_storage

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
        with default_storage.open(media.file.name) as file:
            steps = read_trajectory(file)
    except (TrajectoryError, OSError):
        row.update(check_state=MediaFile.Check.OPAQUE, checked_at=now)
        return
    row.update(check_state=MediaFile.Check.PASSED, checked_at=now, frames=len(steps))


def _check_video(media: MediaFile, now: datetime) -> None:
    facts = read_video(media.file.name)
    row = MediaFile.objects.filter(pk=media.pk, check_state=MediaFile.Check.PENDING)
    if facts is None:
        if row.update(check_state=MediaFile.Check.FAILED, checked_at=now):
            audit.record("media:unreadable", subject=f"media:{media.pk}", kind=media.kind)
        return
    row.update(
        check_state=MediaFile.Check.PASSED,
        checked_at=now,
        duration_s=facts.duration_s,
        frames=facts.frames,
        width=facts.width,
        height=facts.height,
        codec=facts.codec,
    )


def read_video(name: str) -> VideoFacts | None:
    """Decode a stored MP4 to its end. The demuxer is named, so that a playlist in disguise opens nothing else."""
    try:
        with default_storage.open(name) as file, av.open(file, format="mp4") as container:
            stream = container.streams.video[0]
            if stream.codec_context.name not in PLAYABLE_CODECS or stream.width * stream.height > MAX_PIXELS:
                return None
            frames = sum(1 for _ in zip(range(MAX_FRAMES), container.decode(stream), strict=False))
            rate = float(stream.average_rate or 0)
            return (
                VideoFacts(
                    duration_s=frames / rate if rate else 0.0,
                    frames=frames,
                    width=stream.width,
                    height=stream.height,
                    codec=stream.codec_context.name,
                )
                if frames
                else None
            )
    except (av.FFmpegError, IndexError, ValueError, OSError):
        return None
