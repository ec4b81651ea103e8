"""What boards are computed from: every session of a scope that has ended, as one canonical CSV, kept in pieces.

Rows come in the order in which sessions ended, so further sessions change the last piece and add some: an input costs
little more than what is new in it.
"""

import csv
import gzip
import hashlib
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import (
    BooleanField,
    Case,
    CharField,
    ExpressionWrapper,
    F,
    FilteredRelation,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Concat, NullIf

from evaluations.models import EXCLUDED, Label, Result, Session, SessionQuerySet, State
from evaluations.models.sessions import STANDING_CATEGORY
from evaluations.scopes import Scope
from leaderboard.models import InputChunk, SnapshotInput

# The columns, and where each comes from in the query behind it.
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
    "embodiment": "embodiment__name",
    "closed_at": "closed_at",
    "open_source_a": "open_source_a",
    "open_source_b": "open_source_b",
    "requested": "requested",
}
LEFT_OUT = "left_out"
EXCLUDED_BY_STEWARD = "excluded_by_steward"
SAME_POLICY = "same_policy"
ROWS_A_CHUNK = 1000


def canonical(scope: Scope) -> bytes:
    """Read in one statement, and so from one moment: a session that ends meanwhile is in all figures or in none."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, LEFT_OUT])
    for session in _ended(scope.sessions()).iterator(chunk_size=2000):
        writer.writerow([*(_text(session[column]) for column in COLUMNS.values()), _left_out_because(session)])
    return text.getvalue().encode()


@transaction.atomic
def keep(content: bytes) -> SnapshotInput:
    """The stored input with this content; what is stored already is stored once."""
    digest = hashlib.sha256(content).hexdigest()
    stored = SnapshotInput.objects.filter(pk=digest).first()
    if stored is not None:
        return stored
    pieces = {hashlib.sha256(piece).hexdigest(): piece for piece in _pieces(content)}
    InputChunk.objects.bulk_create(
        [InputChunk(sha256=key, content=gzip.compress(piece, mtime=0)) for key, piece in pieces.items()],
        ignore_conflicts=True,
    )
    rows = sum(1 for _ in csv.reader(io.StringIO(content.decode(), newline=""))) - 1
    stored, _ = SnapshotInput.objects.get_or_create(sha256=digest, defaults={"chunks": list(pieces), "rows": rows})
    return stored


def content_of(stored: SnapshotInput) -> bytes:
    """Byte for byte what was hashed."""
    if stored.content is not None:
        return gzip.decompress(bytes(stored.content))
    found = dict(InputChunk.objects.filter(pk__in=stored.chunks).values_list("sha256", "content"))
    return b"".join(gzip.decompress(bytes(found[key])) for key in stored.chunks)


def _pieces(content: bytes) -> Iterator[bytes]:
    lines = content.splitlines(keepends=True)
    for first in range(0, len(lines), ROWS_A_CHUNK):
        yield b"".join(lines[first : first + ROWS_A_CHUNK])


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
            open_source_a=_open_source("side_a"),
            open_source_b=_open_source("side_b"),
            preference=Subquery(latest.values("preference")[:1]),
            task_category=STANDING_CATEGORY,
            evaluator_name=Coalesce("evaluator__pseudonym", "evaluator_alias"),
            is_excluded=ExpressionWrapper(EXCLUDED, output_field=BooleanField()),
        )
        .order_by("closed_at", "pk")
        .values("state", "valid", "reason", "is_excluded", *COLUMNS.values())
    )
    return columns


def _label(side: str) -> Coalesce:
    """As `PolicyVersion.input_label`."""
    name = Concat(f"{side}__version__policy__slug", Value("@"), f"{side}__version__version", output_field=CharField())
    return Coalesce(NullIf(f"{side}__version__pseudonym", Value("")), name)


def _open_source(side: str) -> Case:
    """As `PolicyVersion.shown_open_source`."""
    named = Q(**{f"{side}__version__pseudonym": ""}) | Q(**{f"{side}__version__listed_at__isnull": False})
    return Case(When(named, then=F(f"{side}__version__policy__open_source")), default=Value(False))


def _left_out_because(session: dict[str, Any]) -> str:
    if not (session["state"] == State.SUBMITTED and session["valid"]):
        return str(session["reason"] or session["state"])
    if session["is_excluded"]:
        return EXCLUDED_BY_STEWARD
    return SAME_POLICY if session["policy_a"] == session["policy_b"] else ""


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return repr(value) if isinstance(value, float) else str(value)
