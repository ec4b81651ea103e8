"""Counters of wrong attempts, in the cache. Where the cache is away nothing is counted and nobody is locked out."""

import hashlib
import logging
from datetime import timedelta

from django.core.cache import cache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


class FailureLimit:
    """At most `most` failures from one address within `window` of the first of them."""

    def __init__(self, name: str, *, most: int, window: timedelta) -> None:
        self._name = name
        self._most = most
        self._window = window

    def reached(self, address: str) -> bool:
        try:
            return int(cache.get(self._key(address)) or 0) >= self._most
        except RedisError:
            logger.warning("the cache is away: %s are not counted", self._name)
            return False

    def count(self, address: str) -> None:
        key = self._key(address)
        try:
            cache.add(key, 0, timeout=self._window.total_seconds())
            cache.incr(key)
        except (RedisError, ValueError):  # ValueError: the counter ran out between the two calls
            logger.warning("one of the %s was not counted", self._name)

    def _key(self, address: str) -> str:
        return f"limit:{self._name.replace(' ', '-')}:{hashlib.sha256(address.encode()).hexdigest()[:32]}"
