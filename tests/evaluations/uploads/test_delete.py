from pathlib import Path

from evaluations.models import MediaFile, Session, Upload
from tests.evaluations.uploads.client import TusClient, code


def test_its_bytes_go_and_its_record_stays(dana: TusClient, session: Session, uploading: Path) -> None:
    url = dana.begin(session, size=10)
    dana.patch(url, 0, b"1234")
    assert dana.delete(url).status_code == 204
    assert list(uploading.iterdir()) == []
    assert Upload.objects.get().cancelled_at is not None
    assert code(dana.patch(url, 4, b"5")) == (404, "upload_unknown")
    assert dana.head(url).status_code == 404
    assert code(dana.delete(url)) == (404, "upload_unknown")
    assert list(uploading.iterdir()) == []


def test_a_finished_one_is_a_file_by_now(dana: TusClient, session: Session) -> None:
    url = dana.send(session, b"1234")
    assert code(dana.delete(url)) == (409, "upload_finished")
    assert MediaFile.objects.get().withdrawn_at is None
