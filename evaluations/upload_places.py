"""How uploads share a web process with pages: so many at once, and of those one at a time works."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock

from django.conf import settings

from arena.errors import Unavailable

RETRY_AFTER_S = 5
REST = 2.0
"""How much longer than its work an upload rests: of the pages' time in its process it takes a third at most."""
LONGEST_REST_S = 0.03
places = BoundedSemaphore(settings.UPLOADS_AT_ONCE)
_turn = Lock()


@contextmanager
def upload_place() -> Iterator[None]:
    """A slow upload keeps a thread busy: some are always left for pages."""
    if not places.acquire(blocking=False):
        raise too_many_uploads()
    try:
        yield
    finally:
        places.release()


@contextmanager
def upload_turn() -> Iterator[None]:
    """Work on what has arrived: one upload of a process after the other, and after each a rest for pages.

    Nobody waits for a network in here. Where the network brings more than the rests leave time for, it waits.
    """
    with _turn:
        began = time.monotonic()
        yield
        time.sleep(min(REST * (time.monotonic() - began), LONGEST_REST_S))


def too_many_uploads() -> Unavailable:
    return Unavailable("too_many_uploads", "Too many uploads at once.", hint="Nothing is lost: try again in a minute.")
