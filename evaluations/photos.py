"""Photos of the scene. Each is decoded, turned upright, shrunk and written anew: nothing else of the file is kept."""

import io
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import IO

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from PIL import Image, ImageOps

from arena import audit
from arena.errors import ArenaError, TooLarge
from evaluations import sessions
from evaluations.models import Photo, Session

MAX_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 60_000_000
LONGEST_EDGE = 1920
QUALITY = 85
FORMATS = ("JPEG", "PNG", "WEBP")
MAX_PHOTOS = 20
"""Of one session: a scene is photographed a few times, not filmed."""


@dataclass(frozen=True)
class Prepared:
    """A photo as it will be stored."""

    jpeg: bytes
    width: int
    height: int


def keep(*, session: Session, moment: Photo.Moment, photo: Prepared, now: datetime) -> Photo:
    """The file is written before the transaction begins, so that a slow disk holds no lock."""
    name = default_storage.save(f"photos/{secrets.token_hex(1)}/{secrets.token_hex(16)}.jpg", ContentFile(photo.jpeg))
    try:
        return _record(session, moment, photo, name, now)
    except ArenaError:
        default_storage.delete(name)
        raise


@transaction.atomic
def _record(session: Session, moment: Photo.Moment, photo: Prepared, name: str, now: datetime) -> Photo:
    session = sessions.lock(session=session, now=now)
    if not session.is_open:
        raise sessions.ended()
    sessions.require_member(session)
    if session.photos.count() >= MAX_PHOTOS:
        raise ArenaError("too_many_photos", f"A session takes at most {MAX_PHOTOS} photos.")
    audit.record("photo:kept", subject=f"session:{session.pk}", person=session.evaluator, lab=session.lab)
    return Photo.objects.create(
        session=session, moment=moment, file=name, width=photo.width, height=photo.height, created_at=now
    )


def prepare(file: IO[bytes], *, size: int) -> Prepared:
    """Read a photo of any of the known formats. Raises an ArenaError for what is none."""
    if size > MAX_BYTES:
        raise TooLarge("photo_too_large", f"The photo is larger than {MAX_BYTES // 1024**2} MB.")
    try:
        with Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise TooLarge("photo_too_large", f"The photo has more than {MAX_PIXELS // 10**6} million pixels.")
            # A large JPEG is decoded at a fraction of its size at once.
            image.draft("RGB", (LONGEST_EDGE, LONGEST_EDGE))
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except TooLarge:
        raise
    except Exception as error:  # a reader of pictures may stumble over a broken one in any way
        raise ArenaError(
            "bad_photo", "This file is no photo that we can read.", hint="Send a JPEG, PNG or WebP."
        ) from error
    upright.thumbnail((LONGEST_EDGE, LONGEST_EDGE))
    target = io.BytesIO()
    upright.save(target, "JPEG", quality=QUALITY, optimize=True)
    return Prepared(target.getvalue(), upright.width, upright.height)
