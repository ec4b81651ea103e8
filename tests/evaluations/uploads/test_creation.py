import base64
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from arena.models import Role
from evaluations import sessions, uploads
from evaluations.models import MediaFile, Session, State, Upload
from tests.evaluations.uploads.client import TusClient, code, metadata
from tests.factories import Arena, make_arena, make_person


def test_what_the_server_takes_is_said_to_anybody() -> None:
    answer = Client().options("/api/v1/uploads")
    assert answer.status_code == 204
    assert answer["Tus-Version"] == answer["Tus-Resumable"] == "1.0.0"
    assert answer["Tus-Extension"] == "creation,expiration,termination"
    assert answer["Tus-Max-Size"] == str(settings.MAX_UPLOAD_BYTES)


def test_an_upload_gets_an_address(dana: TusClient, session: Session) -> None:
    answer = dana.create(session, size=1000, filename="left (3).mp4", fingerprint="1763720000000")
    assert answer.status_code == 201
    assert (answer["Upload-Offset"], answer["Tus-Resumable"]) == ("0", "1.0.0")
    assert "Upload-Expires" in answer
    upload = Upload.objects.get()
    assert answer["Location"] == f"http://testserver/api/v1/uploads/{upload.pk}"
    assert (upload.filename, upload.kind, upload.size, upload.offset) == ("left (3).mp4", "left", 1000, 0)
    assert upload.side.label == "A"


def test_the_same_file_announced_again_goes_on_where_it_was(dana: TusClient, session: Session) -> None:
    url = dana.begin(session, size=10)
    dana.patch(url, 0, b"1234")
    again = dana.create(session, size=10)
    assert again.status_code == 201
    assert (again["Location"], again["Upload-Offset"]) == (f"http://testserver{url}", "4")
    assert Upload.objects.count() == 1


@pytest.mark.parametrize("said", [{"filename": "other.mp4"}, {"fingerprint": "2"}])
def test_another_file_for_the_same_camera_waits_until_the_first_is_cancelled(
    dana: TusClient, session: Session, said: dict[str, str]
) -> None:
    url = dana.begin(session, size=10)
    assert code(dana.create(session, size=10, **said)) == (409, "upload_exists")
    assert code(dana.create(session, size=11)) == (409, "upload_exists")
    dana.delete(url)
    assert dana.create(session, size=10, **said).status_code == 201


def test_a_camera_that_has_its_file_takes_no_second_one(dana: TusClient, session: Session) -> None:
    dana.send(session, b"a video")
    assert code(dana.create(session, size=10)) == (409, "media_exists")
    assert dana.create(session, size=10, side="B").status_code == 201
    assert dana.create(session, size=10, kind="overhead").status_code == 201


def test_files_on_their_way_count_among_the_cameras(dana: TusClient, session: Session) -> None:
    for number in range(8):
        dana.begin(session, size=10, kind=f"camera-{number}")
    assert code(dana.create(session, size=10, kind="one-more")) == (409, "too_many_files")


def test_a_side_takes_not_more_than_so_many_files_in_all(
    dana: TusClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MAX_FILES_EVER", 1)
    dana.send(session, b"a video")
    MediaFile.objects.update(withdrawn_at=timezone.now())
    assert code(dana.create(session, size=10)) == (409, "too_many_files")


def test_a_foreign_session_is_not_found(dana: TusClient, session: Session) -> None:
    charlie = TusClient.of(make_arena().dana)
    assert code(charlie.create(session, size=10)) == (404, "session_unknown")


def test_nor_is_that_of_a_colleague(arena: Arena, session: Session) -> None:
    bob = TusClient.of(make_person("bob@example.org", lab=arena.lab, role=Role.ADMIN))
    assert code(bob.create(session, size=10)) == (404, "session_unknown")


def test_nobody_uploads_without_an_account(session: Session) -> None:
    assert code(TusClient(Client()).create(session, size=10)) == (401, "not_signed_in")
    assert not Upload.objects.exists()


def test_a_browser_must_send_its_token(arena: Arena, session: Session) -> None:
    http = Client(enforce_csrf_checks=True)
    http.force_login(arena.dana)
    assert code(TusClient(http).create(session, size=10))[0] == 403


def test_a_session_that_has_ended_takes_nothing(dana: TusClient, arena: Arena, session: Session) -> None:
    sessions.abandon(session=session, now=timezone.now(), by=arena.dana)
    assert code(dana.create(session, size=10)) == (409, "session_ended")


def test_a_lease_that_has_run_out_ends_it_here_and_now(dana: TusClient, session: Session) -> None:
    Session.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert code(dana.create(session, size=10)) == (409, "session_ended")
    session.refresh_from_db()
    assert session.state == State.EXPIRED


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        ("0", (400, "upload_empty")),
        ("-1", (400, "tus_header")),
        ("ten", (400, "tus_header")),
        ("1e3", (400, "tus_header")),
        ("\u0661", (400, "tus_header")),
        ("9" * 40, (400, "tus_header")),
        (None, (400, "tus_header")),
        (str(512 * 1024**2 + 1), (413, "upload_too_large")),
    ],
)
def test_a_size_that_cannot_be_is_refused(
    dana: TusClient, session: Session, length: str | None, expected: tuple[int, str]
) -> None:
    said = metadata(session=str(session.pk), side="A", kind="left")
    headers = {"Upload-Metadata": said} | ({} if length is None else {"Upload-Length": length})
    assert code(dana.post(headers)) == expected
    assert not Upload.objects.exists()


def test_the_largest_file_is_taken(dana: TusClient, session: Session) -> None:
    assert dana.create(session, size=settings.MAX_UPLOAD_BYTES).status_code == 201


def test_a_length_that_comes_later_is_not_served(dana: TusClient, session: Session) -> None:
    headers = {"Upload-Defer-Length": "1", "Upload-Length": "10"}
    assert code(dana.post(headers)) == (400, "tus_header")


@pytest.mark.parametrize("version", ["", "0.2.2", "2.0.0"])
def test_another_version_of_the_protocol_is_told_ours(dana: TusClient, version: str) -> None:
    answer = dana.post({"Tus-Resumable": version})
    assert (code(answer), answer["Tus-Version"]) == ((412, "tus_version"), "1.0.0")


def test_bytes_are_not_taken_with_the_creation(dana: TusClient, session: Session) -> None:
    answer = dana.http.post("/api/v1/uploads", {"file": "x" * 1000}, headers={"Tus-Resumable": "1.0.0"})
    assert code(answer) == (413, "tus_body")


JUNK = [
    "session",
    "session !!!!",
    f"session {base64.b64encode(b'not-a-uuid').decode()}",
    f"session {base64.b64encode(bytes([0xFF, 0xFE])).decode()}",
    "session YQ==,session YQ==",
    ",,,",
    " ",
    "x" * 5000,
    "side QQ==",
]


@pytest.mark.parametrize("junk", JUNK)
def test_metadata_that_say_nothing_are_refused(dana: TusClient, session: Session, junk: str) -> None:
    assert code(dana.post({"Upload-Length": "10", "Upload-Metadata": junk})) == (400, "tus_metadata")


@pytest.mark.parametrize("side", ["C", "", "a", "A\0", "AB"])
def test_a_side_is_a_or_b(dana: TusClient, session: Session, side: str) -> None:
    assert code(dana.create(session, size=10, side=side)) == (400, "tus_metadata")


@pytest.mark.parametrize("kind", ["", "../../etc", "left\0", "x" * 25, "ü", "-left", "left.mp4"])
def test_a_camera_is_a_slug(dana: TusClient, session: Session, kind: str) -> None:
    assert code(dana.create(session, size=10, kind=kind)) == (400, "bad_camera")


@pytest.mark.parametrize(
    ("filename", "kept"),
    [
        ("a\0b\x1b[31m.mp4", "ab[31m.mp4"),
        ("\u202egpm.exe", "gpm.exe"),
        ("../../etc/passwd", "../../etc/passwd"),
        ("é" * 300, "é" * 200),
        ("", ""),
    ],
)
def test_a_file_name_is_only_something_to_show(
    dana: TusClient, session: Session, filename: str, kept: str, uploading: Path
) -> None:
    url = dana.begin(session, size=10, filename=filename)
    dana.patch(url, 0, b"123")
    upload = Upload.objects.get()
    assert upload.filename == kept
    assert [path.name for path in uploading.iterdir()] == [f"{upload.pk.hex}.part"]
