import io

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone
from PIL import Image

from arena.errors import ArenaError
from evaluations import photos, sessions
from evaluations.models import Photo
from tests.factories import Arena, open_session


def picture(width: int = 64, height: int = 48, *, kind: str = "JPEG", exif: Image.Exif | None = None) -> io.BytesIO:
    target = io.BytesIO()
    Image.new("RGB", (width, height), "orange").save(target, kind, **({"exif": exif} if exif else {}))
    target.seek(0)
    return target


def prepared(file: io.BytesIO) -> photos.Prepared:
    return photos.prepare(file, size=len(file.getvalue()))


@pytest.mark.parametrize("kind", photos.FORMATS)
def test_a_photo_is_written_anew_as_jpeg(kind: str) -> None:
    found = prepared(picture(kind=kind))
    assert (found.width, found.height) == (64, 48)
    assert Image.open(io.BytesIO(found.jpeg)).format == "JPEG"


def test_nothing_of_the_camera_or_the_place_stays_in_it() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Camera of Dana"
    exif.get_ifd(0x8825)[1] = "N"
    file = picture(exif=exif)
    assert b"Camera of Dana" in file.getvalue()
    found = prepared(file)
    assert b"Dana" not in found.jpeg
    assert not Image.open(io.BytesIO(found.jpeg)).getexif()


def test_it_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side
    found = prepared(picture(exif=exif))
    assert (found.width, found.height) == (48, 64)


def test_broken_words_of_the_camera_are_no_mishap_of_ours() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x011A] = 6, 72.0
    broken = picture(exif=exif).getvalue().replace(b"\x01\x1a\x00\x05", b"\x01\x00\x00\x05")
    with pytest.raises(ArenaError) as refused:
        prepared(io.BytesIO(broken))
    assert refused.value.code == "bad_photo"


def test_a_large_one_is_made_smaller() -> None:
    found = prepared(picture(4000, 3000))
    assert (found.width, found.height) == (1920, 1440)


@pytest.mark.parametrize(
    "content",
    [b"", b"no picture", b"GIF89a" + b"\x00" * 40, picture().getvalue()[:200], b"<svg/>", b"\x89PNG\r\n\x1a\n"],
)
def test_what_is_no_photo_is_refused(content: bytes) -> None:
    with pytest.raises(ArenaError) as refused:
        photos.prepare(io.BytesIO(content), size=len(content))
    assert refused.value.code == "bad_photo"


def test_a_picture_of_endless_pixels_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos, "MAX_PIXELS", 64 * 48 - 1)
    with pytest.raises(ArenaError) as refused:
        prepared(picture(kind="PNG"))
    assert refused.value.code == "photo_too_large"


def test_its_size_is_bounded_before_it_is_read() -> None:
    with pytest.raises(ArenaError) as refused:
        photos.prepare(picture(), size=photos.MAX_BYTES + 1)
    assert refused.value.code == "photo_too_large"


def test_photos_are_kept_while_the_session_is_open(arena: Arena) -> None:
    session, now = open_session(arena), timezone.now()
    kept = photos.keep(session=session, moment=Photo.Moment.START, photo=prepared(picture()), now=now)
    assert default_storage.exists(str(kept.file.name))
    sessions.abandon(session=session, now=now, by=arena.dana)
    with pytest.raises(ArenaError) as refused:
        photos.keep(session=session, moment=Photo.Moment.RESTORED, photo=prepared(picture()), now=now)
    assert refused.value.code == "session_ended"


def test_a_scene_is_photographed_a_few_times(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos, "MAX_PHOTOS", 1)
    session, photo = open_session(arena), prepared(picture())
    photos.keep(session=session, moment=Photo.Moment.START, photo=photo, now=timezone.now())
    with pytest.raises(ArenaError) as refused:
        photos.keep(session=session, moment=Photo.Moment.START, photo=photo, now=timezone.now())
    assert refused.value.code == "too_many_photos"
