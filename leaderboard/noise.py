"""The noise floor: how far two answers to one question differ, and what evaluators do where there is no difference.

From sessions with one policy on both sides, and from sessions in which the same pair met on the same task at the same
station again.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.db.models import F, FilteredRelation, OuterRef, Q, QuerySet, Subquery

from evaluations.models import Label, Preference, Result, Session
from evaluations.pairing import DrawKind
from evaluations.pairs import repeated_after
from evaluations.scopes import Scope
from leaderboard.estimates import Estimate, agreement, mean, share, spread

KEPT_S = 60
"""All sessions are read for it, and anybody may ask: the figures are computed once a minute at most."""


@dataclass(frozen=True)
class SamePolicy:
    """One policy on both sides. Progress runs from 0 to 1; each figure is None where there are too few sessions."""

    sessions: int
    ties: Estimate | None
    a_preferred: Estimate | None
    """Of those with a preference."""
    distance: Estimate | None
    """The mean of |progress of A - progress of B|."""
    a_ahead: Estimate | None
    """The mean of progress of A - progress of B."""
    spread: Estimate | None
    """Its standard deviation."""


@dataclass(frozen=True)
class Repeats:
    """The same question twice: `asked_again` times."""

    asked_again: int
    same: Estimate | None
    """The same preference both times; a tie is one."""
    flipped: Estimate | None
    """First one of the two preferred, then the other."""
    agreement: Estimate | None
    """The correlation of the two differences of progress."""
    spread: Estimate | None
    """The standard deviation of one session's difference of progress around what the pair would show on average."""


@dataclass(frozen=True)
class NoiseFloor:
    same_policy: SamePolicy
    repeats: Repeats


@dataclass(frozen=True)
class Reading:
    """A session's answer, as seen from the version with the smaller id: 1 where it was preferred, 0 a tie, else -1."""

    question: tuple[int, str, int, int]
    opened_at: datetime
    closed_at: datetime
    preference: int
    ahead: float | None


def noise_floor(scope: Scope) -> NoiseFloor:
    key = f"noise:{scope.slug}"
    kept: NoiseFloor | None = cache.get(key)
    if kept is not None:
        return kept
    found = measure(scope)
    cache.set(key, found, KEPT_S)
    return found


def measure(scope: Scope) -> NoiseFloor:
    counted = scope.sessions().valid().not_excluded()
    twice = _rows(counted.filter(draw_kind=DrawKind.SAME_POLICY))
    others = _rows(counted.exclude(draw_kind=DrawKind.SAME_POLICY))
    return NoiseFloor(_same_policy(list(twice)), _repeats(_asked_again(map(_reading, others), scope)))


def _rows(sessions: QuerySet[Session]) -> QuerySet[Session, dict[str, Any]]:
    latest = Result.objects.filter(session=OuterRef("pk")).latest_first()
    rows: QuerySet[Session, dict[str, Any]] = (
        sessions.alias(
            side_a=FilteredRelation("sides", condition=Q(sides__label=Label.A)),
            side_b=FilteredRelation("sides", condition=Q(sides__label=Label.B)),
        )
        .annotate(
            version_a=F("side_a__version"),
            version_b=F("side_b__version"),
            ahead=F("side_a__episode__progress") - F("side_b__episode__progress"),
            preference=Subquery(latest.values("preference")[:1]),
        )
        .order_by("closed_at", "pk")
        .values(
            *("station", "instruction", "opened_at", "closed_at"), *("version_a", "version_b", "ahead", "preference")
        )
    )
    return rows


def _same_policy(rows: list[dict[str, Any]]) -> SamePolicy:
    preferences = [row["preference"] for row in rows]
    ties, a, b = (preferences.count(kind) for kind in (Preference.TIE, Preference.A, Preference.B))
    ahead = [row["ahead"] for row in rows if row["ahead"] is not None]
    return SamePolicy(
        sessions=len(rows),
        ties=share(ties, len(rows)),
        a_preferred=share(a, a + b),
        distance=mean([abs(one) for one in ahead], least=0.0),
        a_ahead=mean(ahead),
        spread=spread(ahead),
    )


def _reading(row: dict[str, Any]) -> Reading:
    way = 1 if row["version_a"] < row["version_b"] else -1
    low, high = sorted((row["version_a"], row["version_b"]))
    return Reading(
        question=(row["station"], row["instruction"], low, high),
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
        preference=way * {Preference.A: 1, Preference.B: -1}.get(row["preference"], 0),
        ahead=None if row["ahead"] is None else way * row["ahead"],
    )


def _asked_again(readings: Iterable[Reading], scope: Scope) -> list[tuple[Reading, Reading]]:
    """Each reading with the one before of the same question, where enough time lies between; drawn or met by chance."""
    rest = repeated_after(simulated=scope.simulated)
    before: dict[tuple[int, str, int, int], Reading] = {}
    found = []
    for reading in readings:
        earlier = before.get(reading.question)
        if earlier is not None and reading.opened_at - earlier.closed_at < rest:
            continue
        if earlier is not None:
            found.append((earlier, reading))
        before[reading.question] = reading
    return found


def _repeats(pairs: list[tuple[Reading, Reading]]) -> Repeats:
    answers = [(first.preference, second.preference) for first, second in pairs]
    ahead = [
        (first.ahead, second.ahead) for first, second in pairs if first.ahead is not None and second.ahead is not None
    ]
    return Repeats(
        asked_again=len(pairs),
        same=share(sum(first == second for first, second in answers), len(pairs)),
        flipped=share(sum(first * second < 0 for first, second in answers), len(pairs)),
        agreement=agreement(ahead),
        spread=spread([(second - first) / math.sqrt(2) for first, second in ahead]),
    )
