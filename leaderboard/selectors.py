"""What the leaderboard page shows: a snapshot's rows, with the registry's facts and the geometry of their picture."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from arena.models import Lab, PolicyVersion, Source
from evaluations.models import TaskCategory
from evaluations.reasons import Reason
from evaluations.scopes import SCOPES
from leaderboard import board_words, freezes, naming, snapshots
from leaderboard.boards import Board, offered
from leaderboard.history_chart import chart
from leaderboard.inputs import EXCLUDED_BY_STEWARD, SAME_POLICY
from leaderboard.models import BoardRun, Snapshot
from leaderboard.standing import PROVISIONAL_BELOW, Standing, standing

REASON_WORDS = dict(Reason.choices) | {
    EXCLUDED_BY_STEWARD: "excluded by a steward",
    SAME_POLICY: "the same policy on both sides",
}
# Positions in the forest plot are in hundredths of its width; the outermost interval ends keep this distance.
PLOT_WIDTH = 100.0
PLOT_MARGIN = 3.0
TIMES_FROZEN_SHOWN = 3


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
    """One policy version on a board. x_* are positions in the plot. in_input: its name in the snapshot's input.

    rank_low and rank_high are None for versions that were never compared with those of the largest connected part, low
    and high where the model has no intervals.
    """

    label: str
    name: str
    version: str
    lab: str
    open_source: bool
    unlisted: bool
    in_input: str
    rank_low: int | None
    rank_high: int | None
    group: str
    score: float
    low: float | None
    high: float | None
    n: int
    wins: int
    ties: int
    losses: int
    mean_progress: float | None
    standing: Standing
    unadjusted: float | None
    expected_progress: float | None
    x_low: float | None
    x_high: float | None
    x_score: float

    @property
    def provisional(self) -> bool:
        return self.n < PROVISIONAL_BELOW

    @property
    def retired(self) -> bool:
        return self.standing is Standing.RETIRED

    @property
    def unadjusted_text(self) -> str:
        return "–" if self.unadjusted is None else signed(f"{self.unadjusted:+.2f}")

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
        if self.low is None or self.high is None:
            return "not known"
        return signed(f"{self.low:+.2f} to {self.high:+.2f}")


@dataclass(frozen=True)
class BoardPage:
    snapshot: Snapshot
    axis: Axis
    rows: list[Row]
    excluded: list[tuple[str, int]]
    warnings: list[str]
    conclusion: str
    tasks: list["TaskRow"]
    labs: list["LabRow"]

    @property
    def unlisted(self) -> int:
        return sum(row.unlisted for row in self.rows)

    @property
    def labs_with_unlisted(self) -> int:
        return len({row.lab for row in self.rows if row.unlisted})

    @property
    def adjusts(self) -> bool:
        """Whether the model adjusts for tasks."""
        return any(row.unadjusted is not None for row in self.rows)


@dataclass(frozen=True)
class TaskRow:
    """A kind of task: how much harder than the average kind, in log-odds of progress. x_*: positions in its picture."""

    title: str
    n: int
    share: float
    text: str
    interval_text: str
    x_low: float | None
    x_high: float | None
    x: float | None


@dataclass(frozen=True)
class LabRow:
    """A lab: what the order owes to it, to first order. move: of the score that it moves most, in standard errors."""

    name: str
    slug: str
    n: int
    share: float
    move: float
    of_policy: str
    places_changed: int
    leader_without: str
    changes_leader: bool


def leaderboard_page(board: Board, *, now: datetime) -> dict[str, Any]:
    """Whoever looks at a board that is not kept up to date has it computed, where sessions came since."""
    overall = snapshots.latest(board.scope.slug)
    snapshot = overall if board.is_overall else snapshots.latest(board.slug)
    facets = overall.facets if overall else {}
    has_answer = board.is_overall or board.slug in {one.slug for one in offered(board.scope, facets)}
    run, freeze = None, freezes.of(board)
    frozen = freeze is not None and freeze.board == board.slug
    if has_answer and not board.is_overall and not frozen and not snapshots.is_current(board):
        run = snapshots.ask(board=board, now=now)
    return {
        "board": board,
        "title": board_words.title(board),
        "scope": board.scope,
        "scopes": SCOPES,
        "page": board_page(snapshot) if snapshot else None,
        "provisional_below": PROVISIONAL_BELOW,
        "choices": board_words.choices(board, facets),
        "run": run or BoardRun.objects.filter(board=board.slug).exclude(failure="").first(),
        "has_answer": has_answer,
        "freeze": freeze,
        "times_frozen": freezes.times_of(board)[:TIMES_FROZEN_SHOWN],
        "history": chart(board.slug),
    }


def board_page(snapshot: Snapshot) -> BoardPage:
    numbers: list[dict[str, Any]] = snapshot.result["policies"]
    versions = naming.versions_named(number["policy"] for number in numbers)
    warnings = [warning["message"] for warning in snapshot.result["warnings"]]
    names = naming.Names(warnings)
    axis = _axis(numbers)
    rows = [_row(number, versions.get(number["policy"]), axis) for number in numbers]
    return BoardPage(
        snapshot=snapshot,
        axis=axis,
        rows=rows,
        excluded=[(REASON_WORDS.get(reason, reason), count) for reason, count in snapshot.excluded.items()],
        warnings=[names.shown(warning) for warning in warnings],
        conclusion=conclusion(rows),
        tasks=_tasks(snapshot.result.get("tasks", [])),
        labs=lab_rows(snapshot.result),
    )


def _tasks(numbers: list[dict[str, Any]]) -> list[TaskRow]:
    known = [number for number in numbers if number["difficulty"] is not None]
    low, high = min((one["low"] for one in known), default=-1), max((one["high"] for one in known), default=1)
    axis = Axis(low, high) if high > low else Axis(low - 1, high + 1)
    return [_task(number, axis) for number in numbers]


def _task(number: dict[str, Any], axis: Axis) -> TaskRow:
    difficulty, category = number["difficulty"], number["category"]
    known = difficulty is not None
    return TaskRow(
        title=str(TaskCategory(category).label) if category in TaskCategory.values else category,
        n=number["n"],
        share=100 * number["share"],
        text=signed(f"{difficulty:+.2f}") if known else "–",
        interval_text=signed(f"{number['low']:+.2f} to {number['high']:+.2f}") if known else "–",
        x_low=axis.at(number["low"]) if known else None,
        x_high=axis.at(number["high"]) if known else None,
        x=axis.at(difficulty) if known else None,
    )


def lab_rows(result: dict[str, Any]) -> list[LabRow]:
    """Those that move a score most come first."""
    numbers = naming.influence(result)
    names = dict(Lab.objects.filter(slug__in=[number["lab"] for number in numbers]).values_list("slug", "name"))
    leader = result["policies"][0]["policy"] if result["policies"] else ""
    leader = naming.Names([leader]).shown(leader)
    rows = [
        LabRow(
            name=names.get(number["lab"], number["lab"]),
            slug=number["lab"],
            n=number["n"],
            share=100 * number["share"],
            move=number["largest_move"],
            of_policy=number["of_policy"],
            places_changed=number["places_changed"],
            leader_without=number["leader_without"],
            changes_leader=number["leader_without"] != leader,
        )
        for number in numbers
    ]
    return sorted(rows, key=lambda row: (-row.move, row.slug))


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


def _axis(numbers: list[dict[str, Any]]) -> Axis:
    ends = [end for number in numbers for end in (number["low"], number["score"], number["high"]) if end is not None]
    low, high = min(ends, default=-1.0), max(ends, default=1.0)
    return Axis(low, high) if high > low else Axis(low - 1, high + 1)


def _at(axis: Axis, score: float | None) -> float | None:
    return None if score is None else axis.at(score)


def _pool(version: PolicyVersion | None) -> str | None:
    """Imported versions were never in the pool."""
    return version.pool if version and version.policy.source == Source.REGISTERED else None


def _row(number: dict[str, Any], version: PolicyVersion | None, axis: Axis) -> Row:
    policy = version.policy if version else None
    return Row(
        label=version.shown_label if version else number["policy"],
        name=version.shown_name if version else number["policy"],
        version=version.shown_version if version else "",
        lab=policy.lab.name if policy and policy.lab else "",
        open_source=bool(version and version.shown_open_source),
        unlisted=bool(version and version.is_unlisted),
        in_input=number["policy"],
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
        standing=standing(n=number["n"], component=number["component"], pool=_pool(version)),
        unadjusted=number.get("unadjusted"),
        expected_progress=number.get("expected_progress"),
        x_low=_at(axis, number["low"]),
        x_high=_at(axis, number["high"]),
        x_score=axis.at(number["score"]),
    )
