"""The cache, without which one can still sign in."""

import logging
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)
OF_ACCOUNTS = ("allauth", "jwt:")  # what the keys of allauth begin with


class Cache(RedisCache):
    """Django's, where allauth's counts of attempts are empty while the server is away. Others see the error."""

    def add(self, key: Any, *args: Any, **kwargs: Any) -> bool:
        try:
            return bool(super().add(key, *args, **kwargs))
        except RedisError:
            if not forgiven(key):
                raise
            return True

    def get(self, key: Any, default: Any = None, version: Any = None) -> Any:
        try:
            return super().get(key, default, version)
        except RedisError:
            if not forgiven(key):
                raise
            return default

    def set(self, key: Any, *args: Any, **kwargs: Any) -> None:
        try:
            super().set(key, *args, **kwargs)
        except RedisError:
            if not forgiven(key):
                raise

    def delete(self, key: Any, *args: Any, **kwargs: Any) -> bool:
        try:
            return bool(super().delete(key, *args, **kwargs))
        except RedisError:
            if not forgiven(key):
                raise
            return False


def forgiven(key: object) -> bool:
    if not str(key).startswith(OF_ACCOUNTS):
        return False
    logger.warning("the cache is away: attempts at accounts are not counted")
    return True
