"""How much one asker may ask in a minute, counted in the cache. Where the cache is away nobody is held up."""

import hashlib
import logging
import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from arena.models import ApiKey, Person
from arena.requests import client_address

logger = logging.getLogger(__name__)
WINDOW_S = 60


class PerMinute(BaseThrottle):
    """Fixed windows of a minute: for each key, each signed-in person, each address of those who are not."""

    def __init__(self) -> None:
        self._wait: float | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        who, most = _who_and_how_much(request)
        now = time.time()
        count = _count(who, int(now // WINDOW_S))
        if count is None or count <= most:
            return True
        self._wait = WINDOW_S - now % WINDOW_S
        return False

    def wait(self) -> float | None:
        return self._wait


def _who_and_how_much(request: Request) -> tuple[str, int]:
    reads = request.method in SAFE_METHODS
    most = settings.API_READS_PER_MINUTE if reads else settings.API_WRITES_PER_MINUTE
    kind = "reads" if reads else "writes"
    if isinstance(request.auth, ApiKey):
        return f"key:{request.auth.pk}:{kind}", most
    if isinstance(request.user, Person):
        return f"person:{request.user.pk}:{kind}", most
    address = hashlib.sha256(client_address(request).encode()).hexdigest()[:32]
    return f"address:{address}", settings.API_ANONYMOUS_PER_MINUTE


def _count(who: str, window: int) -> int | None:
    key = f"api-rate:{who}:{window}"
    try:
        cache.add(key, 0, timeout=2 * WINDOW_S)
        return int(cache.incr(key))
    except (RedisError, ValueError):  # ValueError: the counter was dropped between the two calls
        logger.warning("the cache is away: requests of the API are not counted")
        return None
