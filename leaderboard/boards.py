"""Boards: the questions that are put to the data, and the comparisons that answer each."""

import csv
import hashlib
import io
from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.models import F, FilteredRelation, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Concat, NullIf

from evaluations.models import Label, Result, Session, SessionQuerySet, State
from evaluations.scopes import SCOPES, Scope

# Below so many comparisons a policy's place is called provisional: its interval is wide, and a handful of sessions can
# still move it past others.
PROVISIONAL_BELOW = 20

# The columns of a board's input, and where each comes from in the query behind it.
COLUMNS = {
    "session": "pk",
    "policy_a": "policy_a",
    "policy_b": "policy_b",
    "preference": "preference",
    "progress_a": "progress_a",
    "progress_b": "progress_b",
    "task_category": "task_category",
    "lab": "lab__slug",
    "evaluator": "evaluator_name",
}
EXCLUDED_BY_STEWARD = "excluded_by_steward"
SAME_POLICY = "same_policy"


@dataclass(frozen=True)
class Board:
    """For now one board a scope. A board's slug names its question; the same question always has the same slug."""

    scope: Scope

    @property
    def slug(self) -> str:
        return self.scope.slug


BOARDS = tuple(Board(scope) for scope in SCOPES)


@dataclass(frozen=True)
class BoardInput:
    """The comparisons behind a board as a canonical CSV (rows by session id), and what was left out, by reason."""

    content: bytes
    rows: int
    excluded: dict[str, int]

    @property
    def total(self) -> int:
        """The sessions of the board that have ended: each is counted, or left out for a reason."""
        return self.rows + sum(self.excluded.values())

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def records(self) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.content.decode())))


def board_input(board: Board) -> BoardInput:
    """Read in one statement, and so from one moment: a session that ends meanwhile is in all figures or in none."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    excluded: Counter[str] = Counter()
    rows = 0
    for session in _ended(board.scope.sessions()).iterator(chunk_size=2000):
        left_out = _left_out_because(session)
        if left_out:
            excluded[left_out] += 1
            continue
        writer.writerow([_text(session[field]) for field in COLUMNS.values()])
        rows += 1
    return BoardInput(content=text.getvalue().encode(), rows=rows, excluded=dict(sorted(excluded.items())))


def _ended(sessions: SessionQuerySet) -> QuerySet[Session, dict[str, Any]]:
    """What a board needs to know of each session that has ended, as columns of one query."""
    latest = Result.objects.filter(session=OuterRef("pk")).latest_first()
    columns: QuerySet[Session, dict[str, Any]] = (
        sessions.public()
        .alias(
            side_a=FilteredRelation("sides", condition=Q(sides__label=Label.A)),
            side_b=FilteredRelation("sides", condition=Q(sides__label=Label.B)),
        )
        .annotate(
            policy_a=_label("side_a"),
            policy_b=_label("side_b"),
            progress_a=F("side_a__episode__progress"),
            progress_b=F("side_b__episode__progress"),
            preference=Subquery(latest.values("preference")[:1]),
            task_category=_last_known("corrected_category", "tagged_category", "intended_category"),
            evaluator_name=Coalesce("evaluator__pseudonym", "evaluator_alias"),
        )
        .order_by("pk")
        .values("state", "valid", "reason", "exclusion__pk", *COLUMNS.values())
    )
    return columns


def _label(side: str) -> Concat:
    return Concat(f"{side}__version__policy__slug", Value("@"), f"{side}__version__version")


def _last_known(*columns: str) -> Coalesce:
    return Coalesce(*(NullIf(column, Value("")) for column in columns))


def _left_out_because(session: dict[str, Any]) -> str:
    if not (session["state"] == State.SUBMITTED and session["valid"]):
        return str(session["reason"] or session["state"])
    if session["exclusion__pk"]:
        return EXCLUDED_BY_STEWARD
    return SAME_POLICY if session["policy_a"] == session["policy_b"] else ""


def _text(value: Any) -> str:
    if value is None:
        return ""
    return repr(value) if isinstance(value, float) else str(value)
