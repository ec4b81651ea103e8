"""Can a board be trusted: who evaluated, what was completed, what is excluded, what the order owes to each lab.

From sessions that have ended and are published, and from nothing else: what is open now changes no figure.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.db.models import Case, CharField, Count, F, FilteredRelation, Q, QuerySet, Value, When, Window
from django.db.models.functions import Coalesce, NullIf, RowNumber
from django.utils import timezone

from arena.models import Lab, PolicyVersion
from evaluations.models import EXCLUDED, Exclusion, Label, State
from evaluations.scopes import IMPORTED, Scope
from leaderboard import completion, concentration, selectors, snapshots, unlisted
from leaderboard.completion import Completion
from leaderboard.concentration import SEVERITY, Cell, Outcome, Share, Verdict
from leaderboard.inputs import EXCLUDED_BY_STEWARD, SAME_POLICY
from leaderboard.noise import NoiseFloor, noise_floor
from leaderboard.selectors import LabRow
from leaderboard.standing import PROVISIONAL_BELOW
from leaderboard.unlisted import UnlistedOfLab

KEPT_S = 60
"""All sessions are read for it, and anybody may ask: the figures are computed once a minute at most."""
KEPT_AS = "integrity-3"
"""Another name wherever `Facts` has other fields: what an earlier version kept cannot be read."""
LATEST_OF_A_REASON = 3
EXCLUSIONS_SHOWN = 20


@dataclass(frozen=True)
class LeftOut:
    """Why sessions are not counted, how many, and the latest of them."""

    reason: str
    sessions: int
    latest: list[str]

    @property
    def words(self) -> str:
        return str(selectors.REASON_WORDS.get(self.reason, self.reason))


@dataclass(frozen=True)
class Excluded:
    """A steward's decision, as it was published."""

    session: str
    reason: str
    comment: str
    at: datetime
    lifted: str
    """Why it was lifted on an appeal, and the session counts again; empty where it stands."""
    lifted_at: datetime | None


@dataclass(frozen=True)
class Influence:
    """What the order of the last snapshot owes to a lab."""

    lab: LabRow
    verdict: Verdict


@dataclass(frozen=True)
class Facts:
    scope: Scope
    at: datetime
    shares: list[Share]
    all: Completion
    labs: list[Completion]
    evaluators: list[Completion]
    versions: list[Completion]
    pairs: list[Completion]
    counted: int
    left_out: list[LeftOut]
    excluded: list[Excluded]
    excluded_in_all: int
    snapshot: int | None
    snapshot_at: datetime | None
    influence: list[Influence]
    noise: NoiseFloor | None
    """None: imported sessions say nothing of it."""
    lab_names: dict[str, str]
    unlisted: list[UnlistedOfLab]


def facts(scope: Scope) -> Facts:
    key = f"{KEPT_AS}:{scope.slug}"
    kept: Facts | None = cache.get(key)
    if kept is not None:
        return kept
    found = measure(scope, now=timezone.now())
    cache.set(key, found, KEPT_S)
    return found


def measure(scope: Scope, *, now: datetime) -> Facts:
    cells = read_cells(scope)
    exclusions = Exclusion.objects.filter(session__in=scope.sessions().public())
    snapshot = snapshots.latest(scope.slug)
    lab_slugs = {cell.lab for cell in cells}
    return Facts(
        scope=scope,
        at=now,
        shares=concentration.shares(cells, least=PROVISIONAL_BELOW),
        all=completion.of_all(cells),
        labs=completion.of_labs(cells),
        evaluators=completion.of_evaluators(cells),
        versions=completion.of_versions(cells),
        pairs=completion.of_pairs(cells),
        counted=sum(cell.n for cell in cells if not cell.left_out),
        left_out=_left_out(scope, cells),
        excluded=_excluded(exclusions),
        excluded_in_all=sum(cell.n for cell in cells if cell.left_out == EXCLUDED_BY_STEWARD),
        snapshot=snapshot.pk if snapshot else None,
        snapshot_at=snapshot.created_at if snapshot else None,
        influence=_influence(snapshot.result) if snapshot else [],
        noise=None if scope == IMPORTED else noise_floor(scope),
        lab_names=dict(Lab.objects.filter(slug__in=lab_slugs).values_list("slug", "name")),
        unlisted=unlisted.by_lab(scope),
    )


def read_cells(scope: Scope) -> list[Cell]:
    """Sessions that ended alike, counted by the database."""
    columns = ("version_a", "version_b", "embodiment", "lab__slug", "who", "state", "valid", "reason", "left_out")
    rows = list(_ended(scope).order_by().values(*columns).annotate(n=Count("pk")))
    labels = _labels({row[side] for row in rows for side in ("version_a", "version_b")})
    return [_cell(row, labels) for row in rows]


def _ended(scope: Scope) -> QuerySet[Any]:
    """Those that are published, with their versions, their evaluator's public name, and why they are not counted."""
    sessions = scope.sessions().public()
    return sessions.alias(
        side_a=FilteredRelation("sides", condition=Q(sides__label=Label.A)),
        side_b=FilteredRelation("sides", condition=Q(sides__label=Label.B)),
    ).annotate(
        version_a=F("side_a__version"),
        version_b=F("side_b__version"),
        who=Coalesce("evaluator__pseudonym", "evaluator_alias"),
        left_out=Case(
            When(~Q(state=State.SUBMITTED, valid=True), then=Coalesce(NullIf("reason", Value("")), "state")),
            When(EXCLUDED, then=Value(EXCLUDED_BY_STEWARD)),
            When(side_a__version=F("side_b__version"), then=Value(SAME_POLICY)),
            default=Value(""),
            output_field=CharField(),
        ),
    )


def _labels(pks: set[int]) -> dict[int, str]:
    return {one.pk: one.shown_label for one in PolicyVersion.objects.filter(pk__in=pks).select_related("policy")}


def _cell(row: dict[str, Any], labels: dict[int, str]) -> Cell:
    return Cell(
        versions=(labels[row["version_a"]], labels[row["version_b"]]),
        embodiment=row["embodiment"],
        lab=row["lab__slug"],
        evaluator=row["who"],
        outcome=_outcome(row["state"], valid=bool(row["valid"])),
        reason=row["reason"],
        left_out=row["left_out"],
        n=row["n"],
    )


def _outcome(state: str, *, valid: bool) -> Outcome:
    if state == State.SUBMITTED:
        return Outcome.VALID if valid else Outcome.NOT_VALID
    return Outcome.ABANDONED if state == State.ABANDONED else Outcome.EXPIRED


def _left_out(scope: Scope, cells: list[Cell]) -> list[LeftOut]:
    """The commonest reason first."""
    counts: dict[str, int] = {}
    for cell in cells:
        if cell.left_out:
            counts[cell.left_out] = counts.get(cell.left_out, 0) + cell.n
    newest_first = Window(RowNumber(), partition_by=[F("left_out")], order_by=[F("closed_at").desc(), F("pk").asc()])
    ranked = _ended(scope).order_by().annotate(place=newest_first).exclude(left_out="")
    latest: dict[str, list[str]] = {}
    for reason, pk in ranked.filter(place__lte=LATEST_OF_A_REASON).order_by("place").values_list("left_out", "pk"):
        latest.setdefault(reason, []).append(str(pk))
    found = [LeftOut(reason, n, latest.get(reason, [])) for reason, n in counts.items()]
    return sorted(found, key=lambda one: (-one.sessions, one.reason))


def _excluded(exclusions: QuerySet[Exclusion]) -> list[Excluded]:
    newest_first = exclusions.order_by("-created_at", "-pk")[:EXCLUSIONS_SHOWN]
    return [_as_published(one) for one in newest_first.select_related("appeal")]


def _as_published(one: Exclusion) -> Excluded:
    lifted = None if one.stands else one.appeal
    return Excluded(
        session=str(one.session_id),
        reason=one.reason,
        comment=one.comment,
        at=one.created_at,
        lifted=lifted.comment if lifted else "",
        lifted_at=lifted.decided_at if lifted else None,
    )


def _influence(result: dict[str, Any]) -> list[Influence]:
    """The worst first."""
    rows = selectors.lab_rows(result)
    judged = [
        Influence(row, concentration.influence_verdict(row.move, changes_leader=row.changes_leader, labs=len(rows)))
        for row in rows
    ]
    return sorted(judged, key=lambda one: (SEVERITY[one.verdict], -one.lab.move, one.lab.slug))
