"""Uploaded files, looked at once, in the worker.

A video is called readable when its frames could be decoded to the end; where browsers could not play it as it came, a
form that they can is made beside it. A trajectory is read by a reader that runs nothing. What cannot be read is kept,
and said to be so.
"""

import secrets
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import av
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage

from arena import audit
from evaluations import video
from evaluations.models import MediaFile
from evaluations.roboarena.trajectory import TrajectoryError, read_trajectory
from evaluations.video import VideoError, VideoFacts

CHECK_BATCH = 50


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
    except (VideoError, OSError) as error:
        problem = str(error) if isinstance(error, VideoError) else "The file is not on the disk."
        if _record(media, now, check_state=MediaFile.Check.FAILED, problem=problem):
            audit.record("media:unreadable", subject=f"media:{media.pk}", kind=media.kind)
        return
    facts, made = found.facts, {"poster": found.poster, "playback": found.playback}
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
        **made,
    )
    if not kept:  # somebody else checked it meanwhile, and made files of its own
        for name in filter(None, made.values()):
            default_storage.delete(name)


def _record(media: MediaFile, now: datetime, **fields: Any) -> bool:
    """False where the file has been checked already."""
    row = MediaFile.objects.filter(pk=media.pk, check_state=MediaFile.Check.PENDING)
    return bool(row.update(checked_at=now, **fields))


@dataclass(frozen=True)
class _Found:
    """What was seen of a video, with the names of the files that were made of it."""

    facts: VideoFacts
    poster: str
    playback: str


def _look_at(media: MediaFile) -> _Found:
    with media.file.open("rb") as file:
        facts = video.inspect(file)
        playback = _playable_form(file, facts)
    return _Found(facts, _save(ContentFile(facts.poster), "posters", "jpg"), playback)


def _playable_form(file: IO[bytes], facts: VideoFacts) -> str:
    """The name of a file that browsers play at once; empty where the uploaded one is such a file."""
    if facts.plays_everywhere and video.starts_at_once(file):
        return ""
    make = video.remux if facts.plays_everywhere else video.transcode
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "playback.mp4"
        try:
            make(file, target)
        except (av.FFmpegError, ValueError) as error:
            raise VideoError("The video could not be made playable.") from error
        with target.open("rb") as made:
            return _save(File(made), "playback", "mp4")


def _save(content: "File[bytes]", folder: str, suffix: str) -> str:
    stem = secrets.token_hex(16)
    return default_storage.save(f"{folder}/{stem[:2]}/{stem}.{suffix}", content)
