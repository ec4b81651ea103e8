import io
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.utils import timezone

from arena.models import AuditEvent
from evaluations import media
from evaluations.episodes import EpisodeReport, record_episode
from evaluations.models import Label, MediaFile
from tests.evaluations.roboarena.client import episode_npz
from tests.factories import Arena, open_session


def encode(*, frames: int = 12, codec: str = "libx264", container: str = "mp4") -> bytes:
    """A small real video."""
    target = io.BytesIO()
    with av.open(target, "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=Fraction(10))
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number * 9, np.uint8), format="rgb24")
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return target.getvalue()


def check(arena: Arena, kind: MediaFile.Kind, content: bytes) -> MediaFile:
    session = open_session(arena)
    report = EpisodeReport(progress=0.5, success=False, duration_steps=10)
    files = {kind: ContentFile(content, name="x")}
    episode = record_episode(session=session, label=Label.A, report=report, files=files, now=timezone.now())
    media.check_episode(episode_id=episode.pk, now=timezone.now())
    return MediaFile.objects.get()


def test_a_video_that_decodes_to_its_end_is_readable(arena: Arena) -> None:
    found = check(arena, MediaFile.Kind.LEFT, encode())
    assert (found.check_state, found.frames, found.width, found.height, found.codec) == ("passed", 12, 64, 48, "h264")
    assert found.duration_s == pytest.approx(1.2)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a video",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile '/etc/passwd'\n",
        encode()[:-400],
        encode(codec="mpeg4"),
        encode(container="matroska"),
    ],
    ids=["empty", "text", "playlist", "concat", "truncated", "codec that no browser plays", "another container"],
)
def test_any_other_is_kept_and_said_to_be_unreadable(arena: Arena, content: bytes) -> None:
    found = check(arena, MediaFile.Kind.WRIST, content)
    assert (found.check_state, found.size) == ("failed", len(content))
    assert AuditEvent.objects.filter(tag="media:unreadable").count() == 1


def test_a_trajectory_of_plain_numbers_is_counted(arena: Arena) -> None:
    found = check(arena, MediaFile.Kind.TRAJECTORY, episode_npz(steps=7))
    assert (found.check_state, found.frames) == ("passed", 7)


def test_any_other_trajectory_is_kept_unopened(arena: Arena) -> None:
    assert check(arena, MediaFile.Kind.TRAJECTORY, b"PK\x03\x04 whatever").check_state == "opaque"


def test_a_second_check_changes_nothing(arena: Arena) -> None:
    found = check(arena, MediaFile.Kind.LEFT, encode())
    media.check_pending(now=timezone.now())
    assert MediaFile.objects.get().checked_at == found.checked_at


def test_what_a_lost_nudge_left_is_found_by_the_sweep(arena: Arena) -> None:
    session = open_session(arena)
    report = EpisodeReport(progress=0.5, success=False, duration_steps=10)
    files = {MediaFile.Kind.LEFT: ContentFile(encode(), name="x")}
    record_episode(session=session, label=Label.A, report=report, files=files, now=timezone.now())
    media.check_pending(now=timezone.now())
    assert MediaFile.objects.get().check_state == "passed"
