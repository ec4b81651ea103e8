"""How a board went: the last snapshot of each day."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.db.models.functions import TruncDate

from leaderboard import naming
from leaderboard.models import Snapshot

DAYS = 400


@dataclass(frozen=True)
class Place:
    """One policy version on one day."""

    policy: str
    rank: int
    rank_low: int
    rank_high: int
    score: float
    n: int


@dataclass(frozen=True)
class Day:
    date: date
    snapshot: int
    created_at: datetime
    counted: int
    places: list[Place]


def days(slug: str, *, limit: int = DAYS) -> list[Day]:
    """The oldest first; at most `limit` of the last ones. Versions outside the largest component have no place."""
    last_of_day = (
        Snapshot.objects.filter(board=slug)
        .annotate(day=TruncDate("created_at", tzinfo=UTC))
        .order_by("-day", "-created_at", "-id")
        .distinct("day")
        .values_list("day", "pk")[:limit]
    )
    by_pk = {pk: day for day, pk in last_of_day}
    # Apart from the choice of days, which would otherwise read the result of every snapshot there is.
    rows = list(Snapshot.objects.filter(pk__in=by_pk).values("pk", "created_at", "counted", "result__policies"))
    names = naming.Names(policy["policy"] for row in rows for policy in row["result__policies"] or [])
    return sorted((_day(row | {"day": by_pk[row["pk"]]}, names) for row in rows), key=lambda day: day.date)


def _day(row: dict[str, Any], names: naming.Names) -> Day:
    policies = [policy for policy in row["result__policies"] or [] if policy["component"] == 0]
    return Day(
        date=row["day"],
        snapshot=row["pk"],
        created_at=row["created_at"],
        counted=row["counted"],
        places=[_place(policy, names) for policy in policies],
    )


def _place(policy: dict[str, Any], names: naming.Names) -> Place:
    figures = {name: policy[name] for name in Place.__dataclass_fields__}
    return Place(**figures | {"policy": names.shown(policy["policy"])})
