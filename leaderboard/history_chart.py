"""The ranks of a board over time, as the geometry of a picture and as a table."""

from dataclasses import dataclass
from datetime import date

from leaderboard import history

SHOWN = 8
DAYS_SHOWN = 90
WIDTH, HEIGHT, MARGIN = 600.0, 220.0, 12.0


@dataclass(frozen=True)
class Line:
    """One policy version: points as the attribute of a polyline, and its ranges of ranks by day."""

    number: int
    policy: str
    points: str
    x_last: float
    y_last: float
    ranks: list[str]


@dataclass(frozen=True)
class Chart:
    """At most SHOWN policy versions, those that are first today, on the last DAYS_SHOWN days that have a snapshot.

    width, height: of its coordinates.
    """

    days: list[date]
    lines: list[Line]
    width: float = WIDTH
    height: float = HEIGHT


def chart(slug: str) -> Chart | None:
    """None where there are fewer than two days to show."""
    found = history.days(slug, limit=DAYS_SHOWN)
    if len(found) < 2 or not found[-1].places:
        return None
    shown = [place.policy for place in found[-1].places[:SHOWN]]
    by_day = [{place.policy: place for place in day.places} for day in found]
    lowest = max((places[policy].rank for places in by_day for policy in shown if policy in places), default=1)
    first, span = found[0].date, max((found[-1].date - found[0].date).days, 1)

    def at(day: date, rank: int) -> tuple[float, float]:
        x = MARGIN + (day - first).days / span * (WIDTH - 2 * MARGIN)
        y = MARGIN + (rank - 1) / max(lowest - 1, 1) * (HEIGHT - 2 * MARGIN)
        return round(x, 1), round(y, 1)

    lines = []
    for number, policy in enumerate(shown, 1):
        places = [(day.date, known[policy].rank) for day, known in zip(found, by_day, strict=True) if policy in known]
        points = [at(*place) for place in places]
        ranks = [_range(known.get(policy)) for known in by_day]
        lines.append(Line(number, policy, " ".join(f"{x},{y}" for x, y in points), *points[-1], ranks))
    return Chart([day.date for day in found], lines)


def _range(place: history.Place | None) -> str:
    if place is None:
        return "–"
    low, high = place.rank_low, place.rank_high
    return f"{low}" if low == high else f"{low}–{high}"
