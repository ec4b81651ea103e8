"""What does not fit: evaluators, labs and pairs that a steward should look at, with the figures. Never an exclusion.

The checks themselves are in `oddity_checks`. What is to review is kept until a steward has looked, with all that was
ever said of it.
"""

import csv
from collections import defaultdict
from datetime import datetime
from io import BytesIO, StringIO
from typing import Any

from django.db import transaction

from arena import audit
from arena.errors import ArenaError, Conflict, NotFound
from arena.models import Person
from evaluations.models import Result, Session, SessionQuerySet, State
from evaluations.pairing import DrawKind
from evaluations.scopes import REAL, SIMULATION, Scope
from leaderboard import inputs, questions, ranking, snapshots
from leaderboard.comparison_csv import read_table
from leaderboard.models import Oddity, OddityComment, OddityLook
from leaderboard.oddity_checks import Finding, Look, of_sessions, pair_unexplained, unexplained

# One that was looked at is opened again where it has become so much less likely.
MUCH_WORSE = 1e-3
LIVE = (REAL, SIMULATION)


def write(*, now: datetime) -> int:
    """Look at both live scopes, and write down what is to review. Returns how much of it is new."""
    return sum(_write(scope, look(scope), now) for scope in LIVE)


def look(scope: Scope) -> Look:
    return Look([*_of_the_model(scope), *of_sessions(_rows(scope), simulated=scope.simulated)])


def _of_the_model(scope: Scope) -> list[Finding]:
    """What the board's model leaves unexplained, by lab, by evaluator and by pair."""
    snapshot = snapshots.latest(scope.slug)
    if snapshot is None or not snapshot.counted:
        return []
    selection = questions.select(inputs.content_of(snapshot.input), questions.EVERYTHING)
    comparisons = read_table(lambda: BytesIO(selection.content), file=scope.slug).comparisons()
    settings = ranking.settings_from_json(snapshot.model, snapshot.settings)
    found = ranking.review(comparisons, model=snapshot.model, settings=settings)
    ids = _ids(selection.content)
    sources = [*(("lab", one) for one in found.labs), *(("evaluator", one) for one in found.evaluators)]
    return [
        *(finding for kind, one in sources for finding in unexplained(kind, one, ids[kind, one.name])),
        *(pair_unexplained(pair, ids["pair", pair.policy, pair.other]) for pair in found.pairs),
    ]


def _ids(content: bytes) -> dict[tuple[str, ...], list[str]]:
    """The sessions of each lab, evaluator and pair (its policies sorted) in the rows of a board."""
    found: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for row in csv.DictReader(StringIO(content.decode(), newline="")):
        keys = (("lab", row["lab"]), ("evaluator", row["evaluator"]))
        for key in (*keys, ("pair", *sorted((row["policy_a"], row["policy_b"])))):
            found[key].append(row["session"])
    return found


def _rows(scope: Scope) -> list[dict[str, Any]]:
    """Every session that has ended, with what the checks ask for."""
    sessions = (
        scope.sessions()
        .public()
        .select_related("lab", "evaluator", "exclusion__appeal")
        .prefetch_related("sides__episode", "sides__version__policy", "results")
        .order_by("closed_at", "pk")
    )
    return [_row(session) for session in sessions]


def _row(session: Session) -> dict[str, Any]:
    sides = sorted(session.sides.all(), key=lambda side: side.label)
    episodes = [(side.version.input_label, getattr(side, "episode", None)) for side in sides]
    results: list[Result] = sorted(session.results.all(), key=lambda result: (result.submitted_at, result.pk))
    progress = [episode.progress for _, episode in episodes if episode and episode.progress is not None]
    return {
        "id": str(session.pk),
        "lab": session.lab.slug,
        "evaluator": session.evaluator_pseudonym,
        "versions": [version for version, _ in episodes],
        "given_up": session.state == State.ABANDONED or (session.state == State.EXPIRED and not results),
        "valid": session.state == State.SUBMITTED and bool(session.valid) and not session.standing_exclusion,
        "seconds": (session.closed_at - session.opened_at).total_seconds() if session.closed_at else None,
        "preference": results[-1].preference if results else "",
        "difference": progress[0] - progress[1] if len(progress) > 1 else None,
        "same_policy": session.draw_kind == DrawKind.SAME_POLICY,
        "failed": [
            (version, episode.duration_steps)
            for version, episode in episodes
            if episode and not episode.success and episode.duration_steps is not None
        ],
    }


@transaction.atomic
def _write(scope: Scope, seen: Look, now: datetime) -> int:
    kept = {"made_at": now, "findings": [finding.as_json() for finding in seen.findings]}
    OddityLook.objects.update_or_create(board=scope.slug, defaults=kept)
    return sum(_keep(scope, finding, seen.threshold, now) for finding in seen.to_review)


def _keep(scope: Scope, finding: Finding, threshold: float, now: datetime) -> bool:
    """Whether it is new, or open again."""
    key = {"board": scope.slug, "kind": finding.kind, "name": finding.name, "check_name": finding.check.value}
    figures = finding.as_json() | {"threshold": threshold, "sessions": list(finding.sessions)}
    seen_now = {"figures": figures, "first_seen": now, "last_seen": now}
    stored, is_new = Oddity.objects.select_for_update().get_or_create(**key, defaults=seen_now)
    if is_new:
        return True
    reopened = stored.looked_at is not None and (finding.p or 0.0) < MUCH_WORSE * stored.looked_p
    stored.figures, stored.last_seen = figures, now
    stored.looked_at = None if reopened else stored.looked_at
    stored.save(update_fields=["figures", "last_seen", "looked_at"])
    return reopened


def last_look(scope: Scope) -> Look | None:
    """What the last look found. None: there was none yet."""
    stored = OddityLook.objects.filter(board=scope.slug).first()
    return Look([Finding.from_json(finding) for finding in stored.findings]) if stored else None


def find(oddity_id: int) -> Oddity:
    """Raises NotFound."""
    oddity = Oddity.objects.filter(pk=oddity_id).first()
    if oddity is None:
        raise NotFound("oddity_unknown", "There is no such oddity.")
    return oddity


def sessions_of(oddity: Oddity) -> SessionQuerySet:
    """Those that the figure was made of when it was last seen."""
    return Session.objects.public().filter(pk__in=oddity.figures.get("sessions", []))


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
    OddityComment.objects.create(oddity=oddity, person=by, made_at=now, text=oddity.comment, p=oddity.looked_p)
    audit.record("oddity:looked_at", subject=f"oddity:{oddity.pk}", person=by, comment=oddity.comment)
    return oddity
