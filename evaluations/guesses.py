"""The check on our blinding: evaluators are asked, before the reveal, which policies they think these were.

If blinding holds they hit about as often as chance would.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum

from arena import audit
from arena.errors import ArenaError, Conflict
from arena.models import UNLISTED, Policy, PolicyVersion, Source
from evaluations import sessions
from evaluations.models import Guess, Session, Side
from evaluations.scopes import Scope


def choices(session: Session) -> QuerySet[Policy]:
    """The policies to choose from: all of this robot that are not the session's own lab's.

    Those that have left the pool are among them: were only the one that ran offered, the list would name it. Those that
    were in no pool yet are not, and those without a listed version: nobody is told of them.
    """
    known = PolicyVersion.objects.exclude(UNLISTED).exclude(pool=PolicyVersion.Pool.TRIAL)
    known = known.filter(embodiment=session.embodiment_id)
    of_this_kind = Policy.objects.filter(versions__in=known, simulated=session.simulated)
    others = of_this_kind.filter(source=Source.REGISTERED).exclude(lab=session.lab_id)
    return others.distinct().order_by("name", "pk")


@transaction.atomic
def answer(*, session: Session, policy_a: str | None, policy_b: str | None, now: datetime) -> Session:
    """Record the guess, by slugs, and reveal the session; with neither only reveal it. A repeat changes nothing."""
    session = Session.objects.select_for_update(of=("self",)).get(pk=session.pk)
    if session.is_open:
        raise Conflict("session_open", "This session has not ended yet.")
    if session.revealed_at is not None:
        return session
    known = {policy.slug: policy for policy in choices(session)}
    unknown = {slug for slug in (policy_a, policy_b) if slug and slug not in known}
    if unknown:
        raise ArenaError("policy_unknown", "One of these policies is none of those to choose from.")
    if policy_a or policy_b:
        Guess.objects.create(
            session=session,
            policy_a=known.get(policy_a or ""),
            policy_b=known.get(policy_b or ""),
            choices=len(known),
            created_at=now,
        )
        audit.record("session:guessed", subject=f"session:{session.pk}", person=session.evaluator, lab=session.lab)
    return sessions.reveal(session=session, now=now, by=session.evaluator)


@dataclass(frozen=True)
class HitRate:
    """How often named sides were named rightly, and how often blind choice among the policies would have been.

    Without sides whose version was registered unlisted: what is right there was not among the choices.
    """

    sessions: int
    named: int
    hits: int
    by_chance: float
    """The expected number of hits of somebody who chooses at random."""


def hit_rate(scope: Scope) -> HitRate:
    guesses = Guess.objects.filter(session__in=scope.sessions().public())
    sides = Side.objects.filter(session__guess__in=guesses, version__pseudonym="")
    named_a = Q(Exists(sides.filter(session=OuterRef("session"), label="A")), policy_a__isnull=False)
    named_b = Q(Exists(sides.filter(session=OuterRef("session"), label="B")), policy_b__isnull=False)
    figures = guesses.aggregate(
        sessions=Count("pk"),
        named_a=Count("pk", filter=named_a),
        named_b=Count("pk", filter=named_b),
        chance_a=Sum(1.0 / F("choices"), filter=named_a),
        chance_b=Sum(1.0 / F("choices"), filter=named_b),
    )
    right = Q(label="A", version__policy=F("session__guess__policy_a")) | Q(
        label="B", version__policy=F("session__guess__policy_b")
    )
    return HitRate(
        sessions=figures["sessions"],
        named=figures["named_a"] + figures["named_b"],
        hits=sides.filter(right).count(),
        by_chance=(figures["chance_a"] or 0.0) + (figures["chance_b"] or 0.0),
    )
