from pathlib import Path

import pytest

from evaluations import uploads
from evaluations.models import MediaFile, Session, Upload
from tests.evaluations.uploads.client import TusClient, metadata


def test_it_tells_how_much_has_arrived(dana: TusClient, session: Session) -> None:
    url = dana.begin(session, size=10)
    dana.patch(url, 0, b"1234")
    answer = dana.head(url)
    assert answer.status_code == 200
    assert (answer["Upload-Offset"], answer["Upload-Length"]) == ("4", "10")
    assert answer["Cache-Control"] == "no-store"
    said = metadata(session=str(session.pk), side="A", kind="left", filename="left.mp4")
    assert answer["Upload-Metadata"] == said


def test_of_a_finished_upload_too(dana: TusClient, session: Session) -> None:
    url = dana.send(session, b"1234")
    answer = dana.head(url)
    assert (answer["Upload-Offset"], answer["Upload-Length"]) == ("4", "4")
    assert "Upload-Expires" not in answer


def test_what_arrived_whole_when_its_process_died_is_finished_by_the_next_look(
    dana: TusClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(**arguments: object) -> None:
        raise SystemExit

    url = dana.begin(session, size=4)
    with monkeypatch.context() as patched:
        patched.setattr(uploads, "finish", dies)
        with pytest.raises(SystemExit):
            dana.patch(url, 0, b"1234")
    assert not MediaFile.objects.exists()
    assert dana.head(url)["Upload-Offset"] == "4"
    assert MediaFile.objects.get().size == 4


@pytest.mark.parametrize("left", [0, 3])
def test_what_the_disk_has_lost_is_asked_for_again(
    dana: TusClient, session: Session, uploading: Path, left: int
) -> None:
    url = dana.begin(session, size=10)
    dana.patch(url, 0, b"123456")
    part = next(uploading.iterdir())
    part.write_bytes(b"123456"[:left])
    assert dana.head(url)["Upload-Offset"] == str(left)
    assert dana.patch(url, left, b"1234567890"[left:]).status_code == 204
    with MediaFile.objects.get().file.open() as file:
        assert file.read() == b"1234567890"


def test_a_piece_never_leaves_a_hole(dana: TusClient, session: Session, uploading: Path) -> None:
    url = dana.begin(session, size=10)
    dana.patch(url, 0, b"123456")
    next(uploading.iterdir()).unlink()
    assert dana.patch(url, 6, b"7890").status_code == 409
    assert dana.head(url)["Upload-Offset"] == "0"


def test_the_list_holds_what_is_on_its_way(dana: TusClient, session: Session) -> None:
    url = dana.begin(session, size=10, fingerprint="7")
    dana.patch(url, 0, b"1234")
    dana.send(session, b"whole", kind="wrist")
    dana.delete(dana.begin(session, size=10, kind="right"))
    found = dana.http.get(f"/api/v1/uploads?session={session.pk}").json()
    assert found["count"] == 1
    (one,) = found["results"]
    assert (one["id"], one["url"]) == (str(Upload.objects.get(kind="left").pk), url)
    assert (one["offset"], one["size"], one["kind"], one["side"]) == (4, 10, "left", "A")
    assert (one["filename"], one["fingerprint"], one["media"]) == ("left.mp4", "7", None)


def test_of_a_session_that_is_none_nothing(dana: TusClient, session: Session) -> None:
    assert dana.http.get("/api/v1/uploads?session=x").status_code == 404
