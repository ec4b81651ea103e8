from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from evaluations import media, sessions, uploads
from evaluations.models import MediaFile, Session, Upload
from tests.e2e.conftest import make_video
from tests.evaluations.uploads.client import TusClient
from tests.factories import Arena


def later(moment: datetime | None = None) -> datetime:
    return (moment or timezone.now()) + uploads.STRAY_AFTER + timedelta(minutes=1)


def test_an_upload_that_waits_too_long_is_given_up(dana: TusClient, session: Session, uploading: Path) -> None:
    url = dana.begin(session, size=10)
    dana.patch(url, 0, b"1234")
    active = Upload.objects.get().active_at
    uploads.sweep(now=active + uploads.IDLE - timedelta(seconds=1))
    assert Upload.objects.get().cancelled_at is None
    uploads.sweep(now=active + uploads.IDLE + timedelta(seconds=1))
    assert Upload.objects.get().cancelled_at is not None
    assert list(uploading.iterdir()) == []


def test_one_that_moves_on_is_left_alone(dana: TusClient, session: Session, uploading: Path) -> None:
    """However old it is."""
    url = dana.begin(session, size=10)
    dana.patch(url, 0, b"1234")
    part = next(uploading.iterdir())
    Upload.objects.update(active_at=later() - timedelta(hours=1))
    uploads.sweep(now=later())
    uploads.sweep(now=later())
    assert part.read_bytes() == b"1234"
    assert dana.patch(url, 4, b"567890").status_code == 204


def test_those_of_a_session_that_ended_go_soon(
    dana: TusClient, arena: Arena, session: Session, uploading: Path
) -> None:
    url = dana.begin(session, size=10)
    dana.patch(url, 0, b"1234")
    sessions.abandon(session=session, now=timezone.now(), by=arena.dana)
    uploads.sweep(now=timezone.now() + timedelta(minutes=3))
    assert list(uploading.iterdir()) == []


def test_what_arrived_whole_is_finished(
    dana: TusClient, session: Session, monkeypatch: pytest.MonkeyPatch, uploading: Path
) -> None:
    url = dana.begin(session, size=4)
    with monkeypatch.context() as patched:
        patched.setattr(uploads, "finish", lambda **arguments: None)
        dana.patch(url, 0, b"1234")
    uploads.sweep(now=timezone.now() + timedelta(minutes=1))
    assert not MediaFile.objects.exists()
    uploads.sweep(now=timezone.now() + timedelta(minutes=3))
    assert MediaFile.objects.get().size == 4
    assert list(uploading.iterdir()) == []


def test_files_that_belong_to_nothing_go_after_a_day(dana: TusClient, session: Session, uploading: Path) -> None:
    uploading.mkdir()
    stray = [uploading / "tmpabc.upload", uploading / f"{'0' * 32}.part", uploading / "note.part"]
    for path in stray:
        path.write_bytes(b"x")
    uploads.sweep(now=timezone.now())
    assert all(path.exists() for path in stray)
    uploads.sweep(now=later())
    assert list(uploading.iterdir()) == []


def test_media_without_a_row_go_and_others_stay(dana: TusClient, session: Session, short_file: bytes) -> None:
    dana.send(session, short_file)
    dana.send(session, short_file, kind="right")
    MediaFile.objects.filter(kind="right").update(withdrawn_at=timezone.now())
    media.check_side(side_id=session.sides.get(label="A").pk, now=timezone.now())
    root = Path(settings.MEDIA_ROOT)
    named = {path for path in root.rglob("*") if path.is_file()}
    assert len(named) >= 6  # two files, and posters and contact sheets of two
    stray = {root / folder / "ab" / "stray.mp4" for folder in ("episodes", "playback", "posters", "sheets", "photos")}
    foreign = root / "others" / "ab" / "kept.bin"
    for path in {*stray, foreign}:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    uploads.sweep(now=timezone.now())
    assert all(path.exists() for path in stray)
    uploads.sweep(now=later())
    assert {path for path in root.rglob("*") if path.is_file()} == named | {foreign}


def test_a_link_out_of_the_folder_is_not_followed(uploading: Path, tmp_path: Path, db: None) -> None:
    uploading.mkdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_bytes(b"x")
    (uploading / "way-out").symlink_to(outside)
    (Path(settings.MEDIA_ROOT) / "episodes").mkdir(parents=True)
    (Path(settings.MEDIA_ROOT) / "episodes" / "ab").symlink_to(outside)
    uploads.sweep(now=later())
    assert (outside / "precious").exists()


@pytest.fixture
def short_file(tmp_path: Path) -> bytes:
    return make_video(tmp_path / "short.mp4", seconds=1)
