import io
import json
import time
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from arena.models import AuditEvent
from evaluations import media, video
from evaluations.episodes import EpisodeReport, record_episode
from evaluations.models import Episode, Label, MediaFile, Session
from evaluations.video import VideoError
from tests.evaluations.roboarena.client import episode_npz
from tests.factories import Arena, make_arena, open_session


def encode(
    *,
    frames: int = 12,
    codec: str = "libx264",
    container: str = "mp4",
    pixels: str = "yuv420p",
    still: int | None = None,
) -> bytes:
    """A small real video that grows brighter, or stays as it is."""
    target = io.BytesIO()
    with av.open(target, "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=Fraction(10))
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        for number in range(frames):
            shade = number * 9 if still is None else still
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), shade, np.uint8), format="rgb24")
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return target.getvalue()


def upload(arena: Arena, kind: MediaFile.Kind, content: bytes, *, now: datetime | None = None) -> Episode:
    now = now or timezone.now()
    session = open_session(arena, now=now)
    report = EpisodeReport(progress=0.5, success=False, duration_steps=10)
    files: dict[str, File[bytes]] = {kind: ContentFile(content, name="x")}
    return record_episode(session=session, label=Label.A, report=report, uploads=files, now=now)


def check(arena: Arena, kind: MediaFile.Kind, content: bytes) -> MediaFile:
    episode = upload(arena, kind, content)
    media.check_side(side_id=episode.side_id, now=timezone.now())
    return MediaFile.objects.get(side=episode.side_id)


def soon() -> float:
    return time.monotonic() + 60


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sides whose check was asked for."""
    sides: list[int] = []
    monkeypatch.setattr(media, "enqueue", lambda job, *, side_id: sides.append(side_id))
    return sides


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
        encode(container="matroska"),
    ],
    ids=["empty", "text", "playlist", "concat", "truncated", "another container"],
)
def test_any_other_is_kept_and_said_to_be_unreadable(arena: Arena, content: bytes) -> None:
    found = check(arena, MediaFile.Kind.WRIST, content)
    assert (found.check_state, found.size) == ("failed", len(content))
    assert found.problem.endswith(".")
    assert (found.poster.name, found.playback.name) == ("", "")
    assert AuditEvent.objects.filter(tag="media:unreadable").count() == 1


@pytest.mark.parametrize(
    "content",
    [encode(), encode(codec="mpeg4"), encode(pixels="yuv444p")],
    ids=["index at the end", "codec that no browser plays", "colours that no browser plays"],
)
def test_what_a_browser_could_not_play_at_once_gets_a_form_that_it_can(arena: Arena, content: bytes) -> None:
    found = check(arena, MediaFile.Kind.LEFT, content)
    assert found.check_state == "passed"
    with found.file.open("rb") as kept, found.playback.open("rb") as made:
        assert kept.read() == content
        assert video.starts_at_once(made)
        made.seek(0)
        facts = video.inspect(made, deadline=soon())
    assert facts.plays_everywhere
    assert facts.frames == 12
    assert found.played == found.playback


def test_what_plays_at_once_is_left_as_it_came(arena: Arena, tmp_path: Path) -> None:
    video.remux(io.BytesIO(encode()), tmp_path / "fast.mp4", deadline=soon())
    found = check(arena, MediaFile.Kind.LEFT, (tmp_path / "fast.mp4").read_bytes())
    assert (found.check_state, found.playback.name, found.played) == ("passed", "", found.file)


def test_the_first_frame_is_its_poster(arena: Arena, client: Client) -> None:
    found = check(arena, MediaFile.Kind.LEFT, encode(still=200))
    with found.poster.open("rb") as poster, av.open(poster, "r", format="mjpeg") as picture:
        frame = next(picture.decode(video=0))
    assert (frame.width, frame.height) == (64, 48)
    assert frame.to_ndarray(format="gray").mean() == pytest.approx(200, abs=4)
    client.force_login(arena.dana)
    path = f"/sessions/{Session.objects.get().pk}/A/left.jpg"
    answer: Any = client.get(path)
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg")
    assert b"".join(answer.streaming_content).startswith(b"\xff\xd8")
    assert Client().get(path).status_code == 404


def test_its_contact_sheet_shows_how_it_goes_on(arena: Arena, client: Client) -> None:
    found = check(arena, MediaFile.Kind.LEFT, encode())
    with found.sheet.open("rb") as sheet, av.open(sheet, "r", format="mjpeg") as picture:
        frame = next(picture.decode(video=0))
    assert (frame.width, frame.height) == (4 * 258 - 2, 3 * 194 - 2)
    client.force_login(arena.dana)
    path = f"/sessions/{Session.objects.get().pk}/A/left/sheet.jpg"
    answer: Any = client.get(path)
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg")
    assert b"".join(answer.streaming_content).startswith(b"\xff\xd8")
    assert Client().get(path).status_code == 404
    MediaFile.objects.update(sheet="")
    assert client.get(path).status_code == 404


def test_what_was_measured_is_kept(arena: Arena) -> None:
    found = check(arena, MediaFile.Kind.LEFT, encode(still=120))
    measured = found.measured
    assert measured is not None
    assert measured.brightness == pytest.approx(120 / 255, abs=0.01)
    assert (measured.moved, measured.still_at_end_s) == (False, found.duration_s)


@pytest.mark.parametrize(
    ("content", "black", "frozen"),
    [(encode(), False, False), (encode(still=0), True, True), (encode(still=120), False, True)],
    ids=["moving", "black", "frozen"],
)
def test_a_dark_or_a_still_video_is_seen_to_be_one(arena: Arena, content: bytes, black: bool, frozen: bool) -> None:
    found = check(arena, MediaFile.Kind.WRIST, content)
    assert (found.check_state, found.black, found.frozen) == ("passed", black, frozen)


def test_a_check_that_outlives_its_claim_leaves_no_files_behind(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    look_at = media._look_at

    def interrupted(found: MediaFile) -> Any:
        monkeypatch.setattr(media, "_look_at", look_at)
        media.check_side(side_id=found.side_id, now=timezone.now() + 2 * media.CLAIM)
        return look_at(found)

    monkeypatch.setattr(media, "_look_at", interrupted)
    found = check(arena, MediaFile.Kind.LEFT, encode())
    for folder, kept in (
        ("posters", found.poster),
        ("sheets", found.sheet),
        ("playback", found.playback),
    ):
        names = [
            name
            for start in default_storage.listdir(folder)[0]
            for name in default_storage.listdir(f"{folder}/{start}")[1]
        ]
        assert [str(kept.name).rpartition("/")[2]] == names


def test_a_trajectory_of_plain_numbers_is_counted(arena: Arena) -> None:
    found = check(arena, MediaFile.Kind.TRAJECTORY, episode_npz(steps=7))
    assert (found.check_state, found.frames) == ("passed", 7)


def test_any_other_trajectory_is_kept_unopened(arena: Arena) -> None:
    assert check(arena, MediaFile.Kind.TRAJECTORY, b"PK\x03\x04 whatever").check_state == "opaque"


def test_a_second_check_changes_nothing(arena: Arena) -> None:
    found = check(arena, MediaFile.Kind.LEFT, encode())
    media.check_side(side_id=found.side_id, now=timezone.now() + 2 * media.CLAIM)
    again = MediaFile.objects.get()
    assert (again.checked_at, again.attempts) == (found.checked_at, 1)


@pytest.mark.parametrize(
    ("kind", "reader", "state"),
    [(MediaFile.Kind.TRAJECTORY, "read_trajectory", "opaque"), (MediaFile.Kind.LEFT, "_look_at", "failed")],
)
def test_a_reader_that_breaks_stops_no_other_file(
    arena: Arena, monkeypatch: pytest.MonkeyPatch, kind: MediaFile.Kind, reader: str, state: str
) -> None:
    def breaks(*_: Any) -> None:
        raise OverflowError

    monkeypatch.setattr(media, reader, breaks)
    found = check(arena, kind, b"whatever")
    assert (found.check_state, found.problem) == (state, "The file could not be checked.")


def test_a_file_that_is_being_checked_is_left_to_its_checker(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    episode = upload(arena, MediaFile.Kind.LEFT, encode())
    start = timezone.now()
    monkeypatch.setattr(media, "_check", lambda *_: None)  # the worker was lost with the file
    media.check_side(side_id=episode.side_id, now=start)
    monkeypatch.undo()
    media.check_side(side_id=episode.side_id, now=start + media.CLAIM - timedelta(seconds=1))
    assert MediaFile.objects.get().check_state == "pending"
    media.check_side(side_id=episode.side_id, now=start + media.CLAIM + timedelta(seconds=1))
    assert (MediaFile.objects.get().check_state, MediaFile.objects.get().attempts) == ("passed", 2)


@pytest.mark.parametrize(("kind", "state"), [(MediaFile.Kind.TRAJECTORY, "opaque"), (MediaFile.Kind.LEFT, "failed")])
def test_a_file_that_loses_its_worker_again_and_again_is_given_up(
    arena: Arena, kind: MediaFile.Kind, state: str
) -> None:
    episode = upload(arena, kind, encode())
    MediaFile.objects.update(attempts=media.MAX_ATTEMPTS, claimed_at=timezone.now())
    media.check_side(side_id=episode.side_id, now=timezone.now() + 2 * media.CLAIM)
    found = MediaFile.objects.get()
    assert (found.check_state, found.problem) == (state, "The file could not be checked.")


def test_the_sweep_asks_for_what_a_lost_nudge_left_and_opens_nothing(arena: Arena, asked: list[int]) -> None:
    now = timezone.now()
    waiting = upload(arena, MediaFile.Kind.LEFT, encode(), now=now)
    media.enqueue_stale(now=now + media.STALE / 2)
    assert asked == []
    media.enqueue_stale(now=now + media.STALE * 2)
    assert asked == [waiting.side_id]
    assert MediaFile.objects.get().check_state == "pending"


def test_the_sweep_passes_over_what_is_being_checked(
    arena: Arena, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So files that occupy their workers keep no other from its turn, though a sweep asks for a few only."""
    monkeypatch.setattr(media, "SWEEP_BATCH", 1)
    now = timezone.now()
    first, second = (upload(make_arena(), MediaFile.Kind.LEFT, encode(), now=now) for _ in range(2))
    MediaFile.objects.filter(side=first.side_id).update(claimed_at=now + media.STALE)
    media.enqueue_stale(now=now + media.STALE * 2)
    assert asked == [second.side_id]
    media.enqueue_stale(now=now + media.CLAIM * 2)
    assert asked == [second.side_id, first.side_id]


def checked_before_measures(arena: Arena, content: bytes | None = None) -> MediaFile:
    found = check(arena, MediaFile.Kind.LEFT, content or encode())
    default_storage.delete(str(found.sheet.name))
    MediaFile.objects.filter(pk=found.pk).update(measures=None, sheet="", claimed_at=None)
    return MediaFile.objects.get(pk=found.pk)


def test_a_video_that_was_checked_before_is_measured_later(arena: Arena, asked: list[int]) -> None:
    old = checked_before_measures(arena)
    assert old.measured is None
    later = timezone.now() + 2 * media.STALE
    media.enqueue_stale(now=later)
    assert asked == [old.side_id]
    media.check_side(side_id=old.side_id, now=later)
    found = MediaFile.objects.get()
    assert found.measured is not None
    assert default_storage.exists(str(found.sheet.name))
    assert (found.check_state, found.checked_at, found.poster) == ("passed", old.checked_at, old.poster)
    media.enqueue_stale(now=later + 2 * media.CLAIM)
    assert asked == [old.side_id]


def test_old_videos_do_not_crowd_out_what_comes_in(
    arena: Arena, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "MEASURE_BATCH", 1)
    for _ in range(2):
        found = upload(make_arena(), MediaFile.Kind.LEFT, encode())
        media.check_side(side_id=found.side_id, now=timezone.now())
    MediaFile.objects.update(measures=None, claimed_at=None)
    new = upload(arena, MediaFile.Kind.LEFT, encode())
    media.enqueue_stale(now=timezone.now() + 2 * media.STALE)
    first = MediaFile.objects.order_by("side_id")[0]
    assert asked == [new.side_id, first.side_id]


def test_an_old_video_that_is_gone_stays_as_it_was_and_is_given_up(arena: Arena, asked: list[int]) -> None:
    old = checked_before_measures(arena)
    default_storage.delete(str(old.file.name))
    now = timezone.now()
    for _ in range(2 * media.MAX_ATTEMPTS):
        now += 2 * media.CLAIM
        media.check_side(side_id=old.side_id, now=now)
    found = MediaFile.objects.get()
    assert (found.check_state, found.measures, found.sheet.name) == ("passed", None, "")
    assert found.attempts == 2 * media.MAX_ATTEMPTS
    media.enqueue_stale(now=now + 2 * media.CLAIM)
    assert asked == []


def test_an_old_video_is_measured_by_one_worker_at_a_time(arena: Arena) -> None:
    checked_before_measures(arena)
    now = timezone.now()
    MediaFile.objects.update(claimed_at=now)
    assert media.measure_next(now=now + media.CLAIM - timedelta(seconds=1)) == []
    assert media.measure_next(now=now + media.CLAIM + timedelta(seconds=1)) == [True]


def test_the_command_measures_all_or_so_many(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        checked_before_measures(make_arena())
    call_command("measure_videos", "--limit", "2", "--json")
    call_command("measure_videos", "--json")
    call_command("measure_videos", "--json")
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"measured": 2, "failed": 0},
        {"measured": 1, "failed": 0},
        {"measured": 0, "failed": 0},
    ]


def test_a_video_of_too_many_frames_is_called_so(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "MAX_FRAMES", 11)
    found = check(arena, MediaFile.Kind.LEFT, encode(frames=12))
    assert (found.check_state, found.problem) == ("failed", "The video is too long: it has more than 11 frames.")


def test_a_video_that_takes_too_long_is_called_so(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "VIDEO_SECONDS", 0.0)
    found = check(arena, MediaFile.Kind.LEFT, encode())
    assert found.check_state == "failed"
    assert found.problem.startswith("The video is too long: reading it takes more time")


@pytest.mark.parametrize("make", [video.remux, video.transcode])
def test_making_another_form_ends_at_the_deadline(make: Any, tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="too long"):
        make(io.BytesIO(encode()), tmp_path / "made.mp4", deadline=time.monotonic() - 1)
