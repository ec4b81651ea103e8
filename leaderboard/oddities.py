"""What does not fit: evaluators and labs that a steward should look at, with the figures. Never an exclusion.

Each check answers within bounds, to review, or could not check. Many are made at each look, so that some would fail by
chance: a figure is to review where its probability under honest work, times the number of checks of that look, is below
FALSE_ALARM. A look at honest labs raises any alarm at most so often.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from io import BytesIO
from typing import Any

import numpy as np
from django.core.cache import cache
from django.db import transaction
from scipy import stats

from arena import audit
from arena.errors import ArenaError, Conflict, NotFound
from arena.models import Person
from evaluations.models import Preference, Result, Session, State
from evaluations.pairing import DrawKind
from evaluations.scopes import REAL, SIMULATION, Scope
from leaderboard import inputs, questions, ranking, snapshots
from leaderboard.comparison_csv import read_table
from leaderboard.models import Oddity
from leaderboard.ranking.review import SourceReview

# The chance that one look at honest labs and evaluators raises any alarm.
FALSE_ALARM = 0.05
# So few sessions tell nothing.
MIN_SESSIONS = 20
MIN_ABANDONED = 5
MIN_SAME_POLICY = 5
# Two rollouts and a scene put back in between take longer than this with a real robot.
QUICK_S = 90
# A share of sessions this quick is nothing that happens now and then.
QUICK_SHARE = 0.1
# Progress that differs by this much is expected to go with the preference.
CLEAR_DIFFERENCE = 0.2
# Honest labs have habits. Only what exceeds these is asked for its probability: a habit of ties or sides of so many
# standard deviations of one session, residuals so many times as large as expected, contradictions in so many more of
# the sessions than everybody's.
HABIT = 0.3
ROUGHNESS = 1.5
CARELESSNESS = 0.1
# One that was looked at is opened again where it has become so much less likely.
MUCH_WORSE = 1e-3
LIVE = (REAL, SIMULATION)


class Check(StrEnum):
    RESIDUALS = "residuals"
    TIES = "ties"
    SIDE = "side"
    QUICK = "quick"
    ABANDONED = "abandoned"
    CONTRADICTION = "contradiction"
    SAME_POLICY = "same-policy"


WORDS = {
    Check.RESIDUALS: "sees the policies otherwise than everybody else",
    Check.TIES: "calls ties far more or less often than its habit and the tasks explain",
    Check.SIDE: "prefers one side, whichever policy is there",
    Check.QUICK: "ends sessions faster than two rollouts can be run",
    Check.ABANDONED: "gives sessions up depending on which policies were dealt",
    Check.CONTRADICTION: "prefers the policy that came less far, by its own figures",
    Check.SAME_POLICY: "prefers one side although both were the same policy",
}


@dataclass(frozen=True)
class Finding:
    """One check of one lab or evaluator. p: probability of such a figure under honest work; None: could not check.

    about: the policy version that it concerns most, where it concerns one.
    """

    kind: str
    name: str
    check: Check
    n: int
    figure: float | None
    p: float | None
    why_not: str = ""
    about: str = ""


@dataclass(frozen=True)
class Look:
    """All checks of one scope, and from which probability on one is to review."""

    findings: list[Finding]

    @property
    def made(self) -> int:
        return sum(finding.p is not None for finding in self.findings)

    @property
    def threshold(self) -> float:
        return FALSE_ALARM / max(self.made, 1)

    @property
    def to_review(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.p is not None and finding.p < self.threshold]

    @property
    def could_not(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.p is None]


def write(*, now: datetime) -> int:
    """Look at both live scopes, and write down what is to review. Returns how much of it is new."""
    return sum(_write(scope, now) for scope in LIVE)


def look(scope: Scope) -> Look:
    return Look([*_of_the_model(scope), *of_sessions(_rows(scope), simulated=scope.simulated)])


def _of_the_model(scope: Scope) -> list[Finding]:
    """What the board's model leaves unexplained, by lab and by evaluator."""
    snapshot = snapshots.latest(scope.slug)
    if snapshot is None or not snapshot.counted:
        return []
    selection = questions.select(inputs.content_of(snapshot.input), questions.EVERYTHING)
    comparisons = read_table(lambda: BytesIO(selection.content), file=scope.slug).comparisons()
    settings = ranking.settings_from_json(snapshot.model, snapshot.settings)
    found = ranking.review(comparisons, model=snapshot.model, settings=settings)
    sources = [*(("lab", one) for one in found.labs), *(("evaluator", one) for one in found.evaluators)]
    return [finding for kind, one in sources for finding in unexplained(kind, one)]


def unexplained(kind: str, source: SourceReview) -> Iterable[Finding]:
    habit = HABIT * np.sqrt(source.n)
    figures = {
        Check.RESIDUALS: (source.fit, float(stats.chi2.sf(source.fit * source.seen / ROUGHNESS, source.seen))),
        Check.TIES: (source.z_ties, float(min(1.0, 2 * stats.norm.sf(abs(source.z_ties) - habit)))),
        Check.SIDE: (source.z_side, float(min(1.0, 2 * stats.norm.sf(abs(source.z_side) - habit)))),
    }
    for check, (figure, p) in figures.items():
        yield _checked(kind, source.name, check, source.n, figure, p, least=MIN_SESSIONS)


def of_sessions(rows: list[dict[str, Any]], *, simulated: bool) -> list[Finding]:
    """What needs no model. Pure; rows as `_row` makes them."""
    found = []
    for kind in ("lab", "evaluator"):
        by_name: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            by_name[row[kind]].append(row)
        contradicts = [_contradicts(row) for row in rows]
        pool = _share(contradicts)
        for name, own in sorted(by_name.items()):
            found += [_quick(kind, name, own, simulated=simulated), _abandoned(kind, name, own)]
            found += [_contradiction(kind, name, own, pool), _same_policy(kind, name, own)]
    return found


def _rows(scope: Scope) -> list[dict[str, Any]]:
    """Every session that has ended, with what the checks ask for."""
    sessions = (
        scope.sessions()
        .public()
        .select_related("lab", "evaluator", "exclusion")
        .prefetch_related("sides__episode", "sides__version__policy", "results")
        .order_by("closed_at", "pk")
    )
    return [_row(session) for session in sessions]


def _row(session: Session) -> dict[str, Any]:
    sides = {side.label: side for side in session.sides.all()}
    results: list[Result] = sorted(session.results.all(), key=lambda result: (result.submitted_at, result.pk))
    progress: list[Any] = [
        getattr(getattr(side, "episode", None), "progress", None) for _, side in sorted(sides.items())
    ]
    return {
        "lab": session.lab.slug,
        "evaluator": session.evaluator_pseudonym,
        "versions": [side.version.label for side in sides.values()],
        "abandoned": session.state == State.ABANDONED,
        "valid": session.state == State.SUBMITTED and bool(session.valid) and not hasattr(session, "exclusion"),
        "seconds": (session.closed_at - session.opened_at).total_seconds() if session.closed_at else None,
        "preference": results[-1].preference if results else "",
        "difference": None if None in progress or len(progress) < 2 else progress[0] - progress[1],
        "same_policy": session.draw_kind == DrawKind.SAME_POLICY,
    }


def _quick(kind: str, name: str, rows: list[dict[str, Any]], *, simulated: bool) -> Finding:
    if simulated:
        return Finding(kind, name, Check.QUICK, len(rows), None, None, "simulated rollouts take no robot's time")
    seconds = [row["seconds"] for row in rows if row["valid"]]
    quick = sum(second < QUICK_S for second in seconds)
    p = float(stats.binom.sf(quick - 1, len(seconds), QUICK_SHARE)) if quick else 1.0
    return _checked(kind, name, Check.QUICK, len(seconds), _part(quick, len(seconds)), p, least=MIN_SESSIONS)


def _abandoned(kind: str, name: str, rows: list[dict[str, Any]]) -> Finding:
    """Whether giving up depends on the policies: each policy's sessions that were given up against all others."""
    given_up = sum(row["abandoned"] for row in rows)
    if given_up < MIN_ABANDONED or given_up == len(rows):
        return Finding(kind, name, Check.ABANDONED, len(rows), None, None, f"fewer than {MIN_ABANDONED} given up")
    chances = {}
    for version in sorted({version for row in rows for version in row["versions"]}):
        dealt = [row["abandoned"] for row in rows if version in row["versions"]]
        chances[version] = float(stats.hypergeom.sf(sum(dealt) - 1, len(rows), given_up, len(dealt)))
    most = min(chances, key=lambda version: chances[version])
    p = min(1.0, chances[most] * len(chances))
    found = _checked(kind, name, Check.ABANDONED, len(rows), given_up / len(rows), p, least=MIN_SESSIONS)
    return replace(found, about=str(most))


def _contradiction(kind: str, name: str, rows: list[dict[str, Any]], pool: float) -> Finding:
    own = [one for one in map(_contradicts, rows) if one is not None]
    against = sum(own)
    p = float(stats.binom.sf(against - 1, len(own), min(pool + CARELESSNESS, 1.0))) if against else 1.0
    return _checked(kind, name, Check.CONTRADICTION, len(own), _part(against, len(own)), p, least=MIN_SESSIONS)


def _contradicts(row: dict[str, Any]) -> bool | None:
    """Whether the policy that came clearly less far is preferred; None where neither did, or it was a tie."""
    difference, preference = row["difference"], row["preference"]
    if not row["valid"] or difference is None or abs(difference) < CLEAR_DIFFERENCE or preference == Preference.TIE:
        return None
    return bool((difference > 0) != (preference == Preference.A))


def _same_policy(kind: str, name: str, rows: list[dict[str, Any]]) -> Finding:
    """One side preferred throughout, where no difference can be seen but by chance."""
    own = [row["preference"] for row in rows if row["same_policy"] and row["valid"]]
    a, b = own.count(Preference.A), own.count(Preference.B)
    p = float(stats.binomtest(max(a, b), a + b).pvalue) if a + b else 1.0
    figure = _part(max(a, b), len(own))
    return _checked(kind, name, Check.SAME_POLICY, len(own), figure, p, least=MIN_SAME_POLICY)


def _checked(kind: str, name: str, check: Check, n: int, figure: float | None, p: float, *, least: int) -> Finding:
    if n < least:
        return Finding(kind, name, check, n, None, None, f"fewer than {least} sessions")
    return Finding(kind, name, check, n, figure, p)


def _share(values: Iterable[bool | None]) -> float:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else 0.0


def _part(count: int, of: int) -> float | None:
    return count / of if of else None


@transaction.atomic
def _write(scope: Scope, now: datetime) -> int:
    seen = look(scope)
    cache.set(_kept_as(scope), seen, timeout=None)
    new = 0
    for finding in seen.to_review:
        key = {"board": scope.slug, "kind": finding.kind, "name": finding.name, "check_name": finding.check.value}
        figures = {name: value for name, value in asdict(finding).items() if name in ("n", "figure", "p", "about")}
        seen_now = {"figures": figures, "first_seen": now, "last_seen": now}
        stored, is_new = Oddity.objects.select_for_update().get_or_create(**key, defaults=seen_now)
        if is_new:
            new += 1
            continue
        stored.figures, stored.last_seen = figures, now
        if stored.looked_at and (finding.p or 0.0) < MUCH_WORSE * stored.looked_p:
            stored.looked_at = None
            new += 1
        stored.save(update_fields=["figures", "last_seen", "looked_at"])
    return new


def last_look(scope: Scope) -> Look | None:
    """What the last hourly look found. None: there was none since the cache was emptied."""
    look: Look | None = cache.get(_kept_as(scope))
    return look


def _kept_as(scope: Scope) -> str:
    return f"oddities:{scope.slug}"


@transaction.atomic
def look_at(*, oddity_id: int, comment: str, by: Person, now: datetime) -> Oddity:
    """A steward has looked, and says what they found. It says nothing of the sessions: they count as before."""
    comment = comment.strip()
    if not comment:
        raise ArenaError("comment_missing", "Say what you found.")
    oddity = Oddity.objects.select_for_update().filter(pk=oddity_id).first()
    if oddity is None:
        raise NotFound("oddity_unknown", "There is no such oddity.")
    if oddity.looked_at is not None:
        raise Conflict("oddity_looked_at", "Somebody has looked at this already.")
    oddity.looked_at, oddity.looked_by, oddity.comment = now, by, comment[:2000]
    oddity.looked_p = oddity.figures["p"]
    oddity.save(update_fields=["looked_at", "looked_by", "comment", "looked_p"])
    audit.record("oddity:looked_at", subject=f"oddity:{oddity.pk}", person=by, comment=oddity.comment)
    return oddity
