import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.core.files.storage import default_storage
from django.utils import timezone

from arena.models import AuditEvent
from evaluations import media, sessions
from evaluations.models import MediaFile, Session, State, Upload
from tests.evaluations.uploads.client import TUS, TusClient, code
from tests.factories import Arena, make_arena

DATA = bytes(range(256)) * 5000


def test_a_file_in_pieces_becomes_a_file_of_its_side(
    dana: TusClient, session: Session, uploading: Path, arena: Arena
) -> None:
    url = dana.begin(session, size=len(DATA), kind="wrist")
    for offset in range(0, len(DATA), 300_000):
        answer = dana.patch(url, offset, DATA[offset : offset + 300_000])
        assert answer.status_code == 204
        assert answer["Upload-Offset"] == str(min(offset + 300_000, len(DATA)))
    kept = MediaFile.objects.get()
    assert (kept.side.label, kept.kind, kept.size) == ("A", "wrist", len(DATA))
    assert kept.sha256 == hashlib.sha256(DATA).hexdigest()
    with kept.file.open() as file:
        assert file.read() == DATA
    upload = Upload.objects.get()
    assert (upload.media, upload.offset) == (kept, len(DATA))
    assert list(uploading.iterdir()) == []
    assert AuditEvent.objects.get(tag="media:uploaded").person == arena.dana
    session.refresh_from_db()
    assert session.state == State.RUNNING


def test_names_on_disk_say_nothing(dana: TusClient, session: Session) -> None:
    dana.send(session, b"numbers", kind="trajectory", filename="policy pi0 run 3.npz")
    folder, start, name = str(MediaFile.objects.get().file.name).split("/")
    stem, _, suffix = name.partition(".")
    assert (folder, start, suffix) == ("episodes", stem[:2], "npz")
    assert int(stem, 16) >= 0


def test_what_the_check_finds_is_told(dana: TusClient, session: Session) -> None:
    url = dana.send(session, b"no video at all")
    media.check_side(side_id=session.sides.get(label="A").pk, now=timezone.now())
    told = dana.http.get(url).json()["media"]
    assert (told["state"], told["problem"]) == ("failed", "The file is not a complete MP4 video.")


@pytest.mark.parametrize("offset", [0, 3, 5, 9])
def test_a_piece_for_another_place_is_refused(dana: TusClient, session: Session, offset: int, uploading: Path) -> None:
    url = dana.begin(session, size=10)
    dana.patch(url, 0, b"1234")
    assert code(dana.patch(url, offset, b"x")) == (409, "upload_offset")
    assert dana.head(url)["Upload-Offset"] == "4"
    assert next(uploading.iterdir()).read_bytes() == b"1234"


def test_more_than_was_announced_is_refused(dana: TusClient, session: Session, uploading: Path) -> None:
    url = dana.begin(session, size=10)
    dana.patch(url, 0, b"1234")
    assert code(dana.patch(url, 4, b"5678901")) == (413, "upload_too_long")
    assert next(uploading.iterdir()).read_bytes() == b"1234"
    assert not MediaFile.objects.exists()


def test_a_piece_needs_its_type_its_place_and_its_version(dana: TusClient, session: Session) -> None:
    url = dana.begin(session, size=10)
    headers = TUS | {"Upload-Offset": "0"}
    assert code(dana.http.patch(url, b"1", "text/plain", headers=headers)) == (415, "tus_content_type")
    assert code(dana.http.patch(url, b"1", "application/offset+octet-stream", headers=TUS)) == (400, "tus_header")
    assert code(dana.http.patch(url, b"1", "application/offset+octet-stream")) == (412, "tus_version")
    assert code(dana.patch(url, 0, b"1", **{"Transfer-Encoding": "chunked"})) == (411, "tus_length")


def test_an_empty_piece_changes_nothing(dana: TusClient, session: Session) -> None:
    url = dana.begin(session, size=10)
    empty = {"CONTENT_TYPE": "application/offset+octet-stream", "CONTENT_LENGTH": "0"}
    answer = dana.http.generic("PATCH", url, headers=TUS | {"Upload-Offset": "0"}, **empty)  # type: ignore[arg-type]
    assert (answer.status_code, answer["Upload-Offset"]) == (204, "0")


def test_front_servers_that_know_no_patch_are_got_around(dana: TusClient, session: Session) -> None:
    url = dana.begin(session, size=4)
    headers = TUS | {"Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    answer = dana.http.post(url, b"1234", "application/offset+octet-stream", headers=headers)
    assert answer.status_code == 204
    assert MediaFile.objects.count() == 1


def test_a_foreign_upload_is_not_there(dana: TusClient, session: Session) -> None:
    url = dana.begin(session, size=10)
    charlie = TusClient.of(make_arena().dana)
    assert code(charlie.patch(url, 0, b"1234")) == (404, "upload_unknown")
    assert charlie.head(url).status_code == 404
    assert code(charlie.http.get(url)) == (404, "upload_unknown")
    assert code(charlie.delete(url)) == (404, "upload_unknown")
    assert charlie.http.get("/api/v1/uploads").json()["results"] == []


def test_pieces_keep_the_session_alive(dana: TusClient, session: Session) -> None:
    url = dana.begin(session, size=100)
    soon = timezone.now() + timedelta(minutes=1)
    Session.objects.update(lease_expires_at=soon)
    dana.patch(url, 0, b"1234")
    session.refresh_from_db()
    assert session.lease_expires_at is not None
    assert session.lease_expires_at > soon + timedelta(hours=1)


def test_but_write_to_it_once_a_minute_only(dana: TusClient, session: Session) -> None:
    url = dana.begin(session, size=100)
    with time_machine.travel(timezone.now() + timedelta(minutes=2), tick=False) as clock:
        dana.patch(url, 0, b"1")
        first = Session.objects.get().lease_expires_at
        clock.shift(59)
        dana.patch(url, 1, b"2")
        assert Session.objects.get().lease_expires_at == first
        clock.shift(2)
        dana.patch(url, 2, b"3")
        assert Session.objects.get().lease_expires_at == (first or timezone.now()) + timedelta(seconds=61)


def test_a_session_that_ended_takes_no_piece(dana: TusClient, arena: Arena, session: Session) -> None:
    url = dana.begin(session, size=10)
    sessions.abandon(session=session, now=timezone.now(), by=arena.dana)
    assert code(dana.patch(url, 0, b"1234567890")) == (409, "session_ended")
    assert not MediaFile.objects.exists()


def test_one_that_ends_before_the_last_byte_is_kept_gets_no_file(
    dana: TusClient, arena: Arena, session: Session, monkeypatch: pytest.MonkeyPatch, uploading: Path
) -> None:
    """It ends between the last piece and the finish."""
    url = dana.begin(session, size=4)
    digest = "evaluations.uploads._digest"

    def end_meanwhile(path: Path) -> str:
        sessions.abandon(session=session, now=timezone.now(), by=arena.dana)
        return "0" * 64

    monkeypatch.setattr(digest, end_meanwhile)
    assert code(dana.patch(url, 0, b"1234")) == (409, "session_ended")
    assert not MediaFile.objects.exists()
    assert list(uploading.iterdir()) == []
    assert not default_storage.exists("episodes")
    assert dana.head(url).status_code == 404


def test_a_camera_that_got_its_file_elsewhere_keeps_it(dana: TusClient, session: Session) -> None:
    url = dana.begin(session, size=4)
    side = session.sides.get(label="A")
    MediaFile.objects.create(side=side, kind="left", file="episodes/00/x.mp4", size=1, sha256="0" * 64)
    assert code(dana.patch(url, 0, b"1234")) == (409, "media_exists")
    MediaFile.objects.update(withdrawn_at=timezone.now())
    assert dana.head(url)["Upload-Offset"] == "4"
    assert MediaFile.objects.filter(withdrawn_at=None).count() == 1
