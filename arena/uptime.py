"""How much of the time a policy's server was up. Pure arithmetic over the moments at which its health changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from arena.models import Endpoint, HealthChange

SHOWN = timedelta(days=30)


@dataclass(frozen=True)
class Stretch:
    health: str
    begin: datetime
    end: datetime
    problem: str

    @property
    def seconds(self) -> float:
        return (self.end - self.begin).total_seconds()


def stretches(changes: Sequence[HealthChange], *, since: datetime, now: datetime) -> list[Stretch]:
    """How its health was from `since` to `now`, oldest first. changes: all of one endpoint, oldest first."""
    found = []
    ends = [*(change.at for change in changes[1:]), now]
    for change, end in zip(changes, ends, strict=False):
        begin, end = max(change.at, since), min(end, now)
        if begin < end:
            found.append(Stretch(change.health, begin, end, change.problem))
    return found


def share_up(parts: Sequence[Stretch]) -> float | None:
    """Of the time in which the server was known to be up or down; None where it never was."""
    known = sum(part.seconds for part in parts if part.health != Endpoint.Health.UNKNOWN)
    up = sum(part.seconds for part in parts if part.health == Endpoint.Health.UP)
    return up / known if known else None


def of(endpoint: Endpoint, *, now: datetime) -> list[Stretch]:
    return stretches(list(endpoint.changes.all()), since=now - SHOWN, now=now)
