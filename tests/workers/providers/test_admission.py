"""How fast and how many at once a server is asked, all processes together."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import redis
from django.conf import settings
from django.utils import timezone
from redis.exceptions import RedisError

from reports.providers import Waiting
from workers.providers import admission
from workers.providers.admission import admitted
from workers.providers.options import Options

PROGRAM = """
import sys, time, django
django.setup()
from reports.providers import Waiting
from workers.providers.admission import admitted
from workers.providers.options import Options
granted = 0
for _ in range(40):
    try:
        with admitted(Options("test", per_minute=6, concurrency=1000), patience_s=0):
            granted += 1
    except Waiting:
        pass
print(granted)
"""


@pytest.fixture
def valkey() -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        yield client


def enter(options: Options, patience_s: float = 0.0) -> None:
    with admitted(options, patience_s=patience_s):
        pass


def test_no_more_at_once_than_is_allowed_and_the_next_when_one_leaves() -> None:
    options = Options("test", concurrency=2, per_minute=0, timeout_s=60)
    with admitted(options):
        with admitted(options):
            with pytest.raises(Waiting, match="2 requests to test are under way") as caught:
                enter(options)
            assert caught.value.until > timezone.now()
            enter(Options("other", concurrency=2, per_minute=0))
        enter(options)


def test_a_place_is_left_whatever_happens_in_it() -> None:
    options = Options("test", concurrency=1, per_minute=0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), admitted(options):
            raise ZeroDivisionError


def test_who_waits_gets_the_place_that_is_left() -> None:
    options = Options("test", concurrency=1, per_minute=0)
    entered = threading.Event()

    def wait() -> None:
        enter(options, patience_s=30.0)
        entered.set()

    with admitted(options):
        thread = threading.Thread(target=wait)
        thread.start()
        assert not entered.wait(0.3)
    assert entered.wait(10)
    thread.join()


def test_the_place_of_a_process_that_died_is_free_when_its_lease_is_over(valkey: "redis.Redis") -> None:
    options = Options("test", concurrency=1, per_minute=0, timeout_s=60)
    lease = 2 * options.timeout_s + 10
    for age, is_free in ((lease - 1, False), (lease + 1, True)):
        valkey.delete("model-places:test")
        valkey.zadd("model-places:test", {"dead": time.time() - age + lease})
        if is_free:
            enter(options)
        else:
            with pytest.raises(Waiting):
                enter(options)


def until_waiting(options: Options) -> tuple[int, Waiting]:
    """How many enter at once, and what the next one is told."""
    for granted in range(1000):
        try:
            enter(options)
        except Waiting as wait:
            return granted, wait
    raise AssertionError("nobody had to wait")


def test_a_burst_and_then_one_at_each_interval() -> None:
    granted, wait = until_waiting(Options("test", per_minute=12, concurrency=1000))
    assert granted == 2  # the one that is due, and what the last five seconds would have allowed
    assert "12 times a minute already" in str(wait)
    assert timedelta(0) < wait.until - timezone.now() <= timedelta(seconds=5.1)


def test_who_is_sent_away_leaves_no_debt(valkey: "redis.Redis") -> None:
    options = Options("test", per_minute=12, concurrency=1000)
    until_waiting(options)
    before = valkey.get("model-turn:test")
    for _ in range(20):
        with pytest.raises(Waiting):
            enter(options)
    assert valkey.get("model-turn:test") == before


def test_a_short_wait_is_waited_for() -> None:
    options = Options("test", per_minute=120, concurrency=1000)
    until_waiting(options)
    enter(options, patience_s=5.0)


def test_threads_take_one_turn_each() -> None:
    options = Options("test", per_minute=12, concurrency=1000)

    def try_it(_: int) -> bool:
        try:
            enter(options)
        except Waiting:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(try_it, range(64))) == 2


@pytest.mark.slow
def test_processes_share_the_turns() -> None:
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            stdout=subprocess.PIPE,
            cwd=settings.BASE_DIR,
            env=os.environ | {"DJANGO_SETTINGS_MODULE": "arena.config.settings"},
        )
        for _ in range(2)
    ]
    granted = [int(program.communicate(timeout=60)[0]) for program in programs]
    assert 1 <= sum(granted) <= 3


def test_without_the_counters_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    class Away:
        def eval(self, *_: object) -> None:
            raise RedisError

    monkeypatch.setattr(admission, "_server", Away)
    with pytest.raises(Waiting, match="counters of requests are away"):
        enter(Options("test"))
