"""Boards: the questions that are put to the data, and the comparisons that answer each."""

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Count, OuterRef, Subquery

from evaluations.models import Result, SessionQuerySet, State
from evaluations.scopes import SCOPES, Scope

# Below so many comparisons a policy's place is called provisional: its interval is wide, and a handful of sessions can
# still move it past others.
PROVISIONAL_BELOW = 20

COLUMNS = (
    "session", "policy_a", "policy_b", "preference", "progress_a", "progress_b", "task_category", "lab", "evaluator",
)  # fmt: skip
EXCLUDED_BY_STEWARD = "excluded_by_steward"


@dataclass(frozen=True)
class Board:
    """For now one board a scope. A board's slug names its question; the same question always has the same slug."""

    scope: Scope

    @property
    def slug(self) -> str:
        return self.scope.slug


BOARDS = tuple(Board(scope) for scope in SCOPES)


def board_named(slug: str | None) -> Board | None:
    return next((board for board in BOARDS if board.slug == slug), None)


@dataclass(frozen=True)
class BoardInput:
    """The comparisons behind a board as a canonical CSV (rows by session id), and what was left out, by reason."""

    content: bytes
    rows: int
    total: int
    excluded: dict[str, int]

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def records(self) -> list[dict[str, str]]:
        return read_csv(self.content)


def read_csv(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def board_input(board: Board) -> BoardInput:
    """Every session of the board that has ended is either counted or left out for a reason; none is passed over."""
    closed = board.scope.sessions().closed()
    total = closed.count()
    excluded = _left_out(closed)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    rows = 0
    for row in _counted_rows(closed):
        writer.writerow(row)
        rows += 1
    return BoardInput(content=text.getvalue().encode(), rows=rows, total=total, excluded=excluded)


def _left_out(closed: SessionQuerySet) -> dict[str, int]:
    reasons: Counter[str] = Counter()
    never_valid = closed.exclude(state=State.SUBMITTED, valid=True)
    for state, reason, count in never_valid.values_list("state", "reason").annotate(n=Count("pk")):
        reasons[reason or state] += count
    by_steward = closed.valid().filter(exclusion__isnull=False).count()
    if by_steward:
        reasons[EXCLUDED_BY_STEWARD] = by_steward
    return dict(sorted(reasons.items()))


def _counted_rows(closed: SessionQuerySet) -> Iterator[tuple[str, ...]]:
    latest = Result.objects.filter(session=OuterRef("pk")).order_by("-submitted_at", "-pk")
    sessions = (
        closed.valid()
        .filter(exclusion__isnull=True)
        .annotate(preference=Subquery(latest.values("preference")[:1]))
        .select_related("lab", "evaluator")
        .prefetch_related("sides__version__policy", "sides__episode")
        .order_by("pk")
    )
    for session in sessions.iterator(chunk_size=2000):
        side_a, side_b = sorted(session.sides.all(), key=lambda side: side.label)
        yield (
            str(session.pk),
            side_a.version.label,
            side_b.version.label,
            session.preference,  # type: ignore[attr-defined]  # annotated above
            _number(side_a.episode.progress),
            _number(side_b.episode.progress),
            session.category,
            session.lab.slug,
            session.evaluator_pseudonym,
        )


def _number(value: float | None) -> str:
    return "" if value is None else repr(value)
