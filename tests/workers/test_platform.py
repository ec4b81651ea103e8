"""What the platform watches while it runs."""

import os
import time

import pytest

from arena.embedded import ServicesError, commands
from workers import platform


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class LostServices:
    """Embedded servers whose keepers are gone at every look, or cannot be had."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.looks: list[float] = []
        self.lost = True
        self.problem = ""

    def restore(self) -> list[str]:
        self.looks.append(self.clock.now)
        if self.problem:
            raise ServicesError(self.problem)
        return ["valkey"] if self.lost else []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


@pytest.fixture
def lost(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> LostServices:
    lost = LostServices(clock)
    monkeypatch.setattr(commands, "attached", lost)
    return lost


def look_for(seconds: int, watch: platform.ServicesWatch, clock: Clock) -> None:
    for _ in range(seconds):
        watch()
        clock.now += 1


def test_a_lost_server_is_started_again_at_once_and_then_less_and_less_often(clock: Clock, lost: LostServices) -> None:
    said: list[str] = []
    look_for(30, platform.ServicesWatch(said.append), clock)
    assert [at - 1000 for at in lost.looks] == [0, 2, 6, 14]
    assert said == ["valkey had no keeper; it starts again"] * 4


def test_after_a_quiet_time_it_is_at_once_again(clock: Clock, lost: LostServices) -> None:
    watch = platform.ServicesWatch(lambda _: None)
    look_for(30, watch, clock)
    lost.lost = False
    look_for(120, watch, clock)
    lost.lost, lost.looks = True, []
    begun = clock.now
    look_for(4, watch, clock)
    assert [at - begun for at in lost.looks] == [0, 2]


def test_what_cannot_be_had_is_said(clock: Clock, lost: LostServices) -> None:
    lost.problem = "No space left."
    said: list[str] = []
    look_for(3, platform.ServicesWatch(said.append), clock)
    assert said == ["No space left."] * 2


@pytest.mark.django_db
def test_who_runs_as_the_owner_is_told_and_the_owners_address_is_not_handed_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MIGRATION_DATABASE_URL", "postgresql://owner:secret@host/arena")
    said: list[str] = []
    platform._prepare_database(said.append)
    assert "MIGRATION_DATABASE_URL" not in os.environ
    assert len(said) == 1
    assert "owns its tables" in said[0]
