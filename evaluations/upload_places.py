"""How many uploads one web process takes at once. A slow one keeps a thread busy: some are always left for pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from django.conf import settings

from arena.errors import Unavailable

RETRY_AFTER_S = 5
places = BoundedSemaphore(settings.UPLOADS_AT_ONCE)


@contextmanager
def upload_place() -> Iterator[None]:
    if not places.acquire(blocking=False):
        raise too_many_uploads()
    try:
        yield
    finally:
        places.release()


def too_many_uploads() -> Unavailable:
    return Unavailable("too_many_uploads", "Too many uploads at once.", hint="Nothing is lost: try again in a minute.")
