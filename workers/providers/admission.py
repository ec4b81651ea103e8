"""How fast and how many at once a server is asked, by all processes together. Counted in Valkey, by its clock.

A request waits a few seconds for its turn at most; longer waits are the caller's.
"""

import logging
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import lru_cache

import redis
from django.conf import settings
from django.utils import timezone
from redis.exceptions import RedisError

from reports.providers import Waiting
from workers.providers.options import Options

logger = logging.getLogger(__name__)
PATIENCE_S = 5.0
_LOOK_AGAIN_S = 0.1
# Where the counters are away nobody knows how much is too much.
_WITHOUT_COUNTERS = timedelta(seconds=30)
_TIMEOUT_S = 5.0
BURST_S = 5.0
"""What was not used of the last seconds may be used at once."""

# The generic cell rate algorithm: the key holds when the next request would be on time. Answers how many seconds
# there are until the turn of this one, taken where they are no more than its patience, else negative.
_TAKE_TURN = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6
local interval, burst, patience = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now - burst)
local wait = math.max(0, due - now)
if wait > patience then return tostring(-wait) end
redis.call('SET', KEYS[1], string.format('%.6f', due + interval), 'EX', math.ceil(interval + burst + patience) + 1)
return tostring(wait)
"""

# A sorted set of those under way, by when they are given up.
_TAKE_PLACE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[3])
redis.call('EXPIRE', KEYS[1], math.ceil(tonumber(ARGV[2])) + 1)
return 1
"""


@contextmanager
def admitted(options: Options, *, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """One request's place and turn. Raises Waiting where it would take longer than `patience_s`."""
    until = time.monotonic() + patience_s
    place = secrets.token_hex(8)
    try:
        _wait_for_place(options, place, until)
        try:
            _wait_for_turn(options, until)
        except BaseException:
            _leave(options, place)
            raise
    except RedisError:
        logger.warning("the counters of requests to %s are away", options.name)
        raise _waiting("the counters of requests are away", _WITHOUT_COUNTERS.total_seconds()) from None
    try:
        yield
    finally:
        _leave(options, place)


def _wait_for_place(options: Options, place: str, until: float) -> None:
    # A request ends within its time-out; one that does not has died with its process.
    lease = 2 * options.timeout_s + 10
    while not _server().eval(_TAKE_PLACE, 1, _key(options, "places"), options.concurrency, lease, place):
        if time.monotonic() >= until:
            raise _waiting(f"{options.concurrency} requests to {options.name} are under way", options.timeout_s / 10)
        time.sleep(_LOOK_AGAIN_S)


def _wait_for_turn(options: Options, until: float) -> None:
    if not options.per_minute:
        return
    patience = max(0.0, until - time.monotonic())
    interval = 60 / options.per_minute
    wait = float(_server().eval(_TAKE_TURN, 1, _key(options, "turn"), interval, BURST_S, patience))
    if wait < 0:
        raise _waiting(f"{options.name} is asked {options.per_minute} times a minute already", -wait)
    time.sleep(wait)


def _leave(options: Options, place: str) -> None:
    with suppress(RedisError):  # its lease ends by itself
        _server().zrem(_key(options, "places"), place)


def _waiting(why: str, seconds: float) -> Waiting:
    return Waiting(f"Not asked: {why}.", until=timezone.now() + timedelta(seconds=max(1.0, seconds)))


def _key(options: Options, what: str) -> str:
    return f"model-{what}:{options.name}"


def _server() -> "redis.Redis":
    """The cache's server, and its database: Django's cache runs no scripts."""
    return _connections(settings.REDIS_URL)


@lru_cache(maxsize=4)
def _connections(url: str) -> "redis.Redis":
    return redis.Redis.from_url(url, socket_connect_timeout=_TIMEOUT_S, socket_timeout=_TIMEOUT_S)
