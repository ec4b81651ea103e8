"""Seasons, and the mix of tasks that the scores of one are for. Pure.

A score is for a declared mix of tasks, so that a board does not move because labs happen to test other tasks this week.
The mix is that of the sessions that were counted before the season began, those that were ordered left out: an owner
could steer it with them. It holds for the whole season. In a first season there is nothing before it, so its mix is
what was seen so far, and the snapshot says so.
"""

import csv
import io
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

# So few sessions make no mix.
MIX_FROM = 100


@dataclass(frozen=True)
class Season:
    """name: as 2026-q4, or 2026-10 where a season is no quarter."""

    name: str
    start: datetime


@dataclass(frozen=True)
class Mix:
    """Shares by task category. frozen: whether they hold for the whole season. Empty where no category is known."""

    shares: dict[str, float]
    frozen: bool


def season_at(now: datetime, *, months: int) -> Season:
    """months: the length of a season, which divides 12. Seasons begin with the year, in UTC."""
    now = now.astimezone(UTC)
    first = (now.month - 1) // months * months + 1
    name = f"{now.year}-q{(first + 2) // 3}" if months == 3 else f"{now.year}-{first:02}"
    return Season(name, datetime(now.year, first, 1, tzinfo=UTC))


def mix_of(content: bytes, season: Season) -> Mix:
    """content: a board's input."""
    before: Counter[str] = Counter()
    so_far: Counter[str] = Counter()
    start = season.start.isoformat()
    for row in csv.DictReader(io.StringIO(content.decode(), newline="")):
        if row["left_out"] or row["requested"] != "0" or not row["task_category"]:
            continue
        so_far[row["task_category"]] += 1
        before[row["task_category"]] += row["closed_at"] < start
    frozen = before.total() >= MIX_FROM
    counts = +before if frozen else so_far
    return Mix({category: count / counts.total() for category, count in sorted(counts.items())}, frozen)
