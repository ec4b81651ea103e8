import io

from django.test import Client
from django.utils import timezone
from PIL import Image

from arena.models import Role
from evaluations import photos
from evaluations.models import Photo, Session
from tests.evaluations.evaluate.forms import address
from tests.factories import Arena, finish_session, make_person, open_session


def keep_photo(session: Session, moment: Photo.Moment = Photo.Moment.START) -> str:
    target = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(target, "JPEG")
    prepared = photos.prepare(io.BytesIO(target.getvalue()), size=len(target.getvalue()))
    photo = photos.keep(session=session, moment=moment, photo=prepared, now=timezone.now())
    return f"/sessions/{session.pk}/photos/{photo.pk}.jpg"


def test_until_the_reveal_it_is_its_evaluators_alone(client: Client, arena: Arena) -> None:
    session = open_session(arena)
    path = keep_photo(session)
    assert client.get(path).status_code == 404
    client.force_login(make_person("bob@example.org", lab=arena.lab, role=Role.ADMIN))
    assert client.get(path).status_code == 404
    client.force_login(arena.dana)
    answer = client.get(path)
    assert answer.headers["Content-Type"] == "image/jpeg"
    picture = answer.getvalue()
    assert picture.startswith(b"\xff\xd8")
    client.logout()
    finish_session(session)
    assert client.get(path).getvalue() == picture


def test_a_photo_of_another_session_is_not_there(dana: Client, arena: Arena) -> None:
    session, other = open_session(arena, "one"), open_session(arena, "another")
    photo = keep_photo(session).rpartition("/")[2]
    assert dana.get(f"/sessions/{other.pk}/photos/{photo}").status_code == 404


def test_the_latest_photo_of_the_start_is_laid_over_the_scene(dana: Client, arena: Arena) -> None:
    session = open_session(arena)
    assert "There is no picture of the start" in dana.get(address(session)).content.decode()
    earlier, later = keep_photo(session), keep_photo(session)
    restored = keep_photo(session, Photo.Moment.RESTORED)
    content = dana.get(address(session)).content.decode()
    assert later in content
    assert earlier not in content
    assert restored not in content
