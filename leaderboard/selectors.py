"""What the leaderboard page shows: a snapshot's rows, with the registry's facts and the geometry of their picture."""

import math
from dataclasses import dataclass
from typing import Any

from arena.models import PolicyVersion
from evaluations.reasons import Reason
from leaderboard.boards import EXCLUDED_BY_STEWARD, PROVISIONAL_BELOW, SAME_POLICY
from leaderboard.models import Snapshot

REASON_WORDS = dict(Reason.choices) | {
    EXCLUDED_BY_STEWARD: "excluded by a steward",
    SAME_POLICY: "the same policy on both sides",
}
# Positions in the forest plot are in hundredths of its width; the outermost interval ends keep this distance.
PLOT_WIDTH = 100.0
PLOT_MARGIN = 3.0


def signed(number: str) -> str:
    """With a minus sign, which is as wide as the plus, instead of a hyphen."""
    return number.replace("-", "−")


@dataclass(frozen=True)
class Axis:
    """A linear scale from scores (log-odds) to the width of the plot."""

    low: float
    high: float

    def at(self, score: float) -> float:
        share = (score - self.low) / (self.high - self.low)
        return round(PLOT_MARGIN + share * (PLOT_WIDTH - 2 * PLOT_MARGIN), 2)

    def ticks(self) -> list[tuple[float, str]]:
        step = next(step for step in (0.25, 0.5, 1, 2, 5, 10, 20, 50) if (self.high - self.low) / step <= 8)
        first = math.ceil(self.low / step)
        marks = [number * step for number in range(first, math.floor(self.high / step) + 1)]
        return [(self.at(mark), signed(f"{mark:+g}") if mark else "0") for mark in marks]


@dataclass(frozen=True)
class Row:
    """One policy version on a board. x_* are positions in the plot.

    rank_low and rank_high are None for versions that were never compared with those of the largest connected part.
    """

    label: str
    name: str
    version: str
    lab: str
    open_source: bool
    rank_low: int | None
    rank_high: int | None
    group: str
    score: float
    low: float
    high: float
    n: int
    wins: int
    ties: int
    losses: int
    mean_progress: float | None
    provisional: bool
    x_low: float
    x_high: float
    x_score: float

    @property
    def rank_text(self) -> str:
        if self.rank_low is None:
            return "–"
        return f"{self.rank_low}" if self.rank_low == self.rank_high else f"{self.rank_low}–{self.rank_high}"

    @property
    def score_text(self) -> str:
        return signed(f"{self.score:+.2f}")

    @property
    def interval_text(self) -> str:
        return f"{signed(f'{self.low:+.2f}')} to {signed(f'{self.high:+.2f}')}"


@dataclass(frozen=True)
class BoardPage:
    snapshot: Snapshot
    axis: Axis
    rows: list[Row]
    excluded: list[tuple[str, int]]
    warnings: list[str]
    conclusion: str


def board_page(snapshot: Snapshot) -> BoardPage:
    numbers: list[dict[str, Any]] = snapshot.result["policies"]
    versions = _versions({number["policy"] for number in numbers})
    axis = _axis(numbers)
    rows = [_row(number, versions.get(number["policy"]), axis) for number in numbers]
    return BoardPage(
        snapshot=snapshot,
        axis=axis,
        rows=rows,
        excluded=[(REASON_WORDS.get(reason, reason), count) for reason, count in snapshot.excluded.items()],
        warnings=[warning["message"] for warning in snapshot.result["warnings"]],
        conclusion=conclusion(rows),
    )


def conclusion(rows: list[Row]) -> str:
    """What can be said about the lead, in one sentence."""
    ranked = [row for row in rows if row.rank_low is not None]
    leaders = [row for row in ranked if row.rank_low == 1]
    if len(ranked) < 2:
        return ""
    if len(leaders) == 1:
        return f"{leaders[0].label} leads: no other policy can still be first."
    if len(leaders) == len(ranked):
        return "Nothing separates these policies yet: each of them can still be first."
    return f"{len(leaders)} of {len(ranked)} policies can still be first: the data do not separate them yet."


def _versions(labels: set[str]) -> dict[str, PolicyVersion]:
    slugs = {label.rpartition("@")[0] for label in labels}
    versions = PolicyVersion.objects.filter(policy__slug__in=slugs).select_related("policy__lab")
    return {version.label: version for version in versions if version.label in labels}


def _axis(numbers: list[dict[str, Any]]) -> Axis:
    low = min((number["low"] for number in numbers), default=-1.0)
    high = max((number["high"] for number in numbers), default=1.0)
    return Axis(low, high) if high > low else Axis(low - 1, high + 1)


def _row(number: dict[str, Any], version: PolicyVersion | None, axis: Axis) -> Row:
    policy = version.policy if version else None
    return Row(
        label=number["policy"],
        name=policy.name if policy else number["policy"],
        version=version.version if version else "",
        lab=policy.lab.name if policy and policy.lab else "",
        open_source=bool(policy and policy.open_source),
        rank_low=number["rank_low"] if number["component"] == 0 else None,
        rank_high=number["rank_high"] if number["component"] == 0 else None,
        group=number["group"],
        score=number["score"],
        low=number["low"],
        high=number["high"],
        n=number["n"],
        wins=number["wins"],
        ties=number["ties"],
        losses=number["losses"],
        mean_progress=number["mean_progress"],
        provisional=number["n"] < PROVISIONAL_BELOW,
        x_low=axis.at(number["low"]),
        x_high=axis.at(number["high"]),
        x_score=axis.at(number["score"]),
    )
