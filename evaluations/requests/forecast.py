"""What a request would cost, how long it would take and what it could show, said before it is placed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet

from arena import affiliations
from arena.models import PolicyVersion
from evaluations import evidence
from evaluations.models import EvaluationRequest, Session, State
from evaluations.requests.orders import Conditions

# The pace of so many days is taken for that of the next ones.
LOOKED_BACK = timedelta(days=28)


@dataclass(frozen=True)
class Against:
    """What is known of the version against one opponent."""

    opponent: str
    """As the owners of the version may know it."""
    verdict: str
    more_sessions: int | None
    """About how many further sessions would separate the two; None where nobody can say."""


@dataclass(frozen=True)
class Forecast:
    price: int
    days: float | None
    """About how long it takes at the pace of the last weeks; None where no session of late could have served it."""
    sharing: int
    """Other owners whose requests are served at the same stations."""
    against: tuple[Against, ...]


def forecast(*, version: PolicyVersion, wanted: int, conditions: Conditions, now: datetime) -> Forecast:
    sharing = _others_waiting(version)
    a_day = _sessions_that_could_serve(version, conditions, now).count() / LOOKED_BACK.days
    pace = a_day * settings.REQUESTED_SHARE / (1 + sharing)
    return Forecast(
        price=wanted,
        days=wanted / pace if pace else None,
        sharing=sharing,
        against=tuple(_against(version, opponent) for opponent in conditions.opponents),
    )


def days_left(request: EvaluationRequest, *, missing: int, now: datetime) -> float | None:
    conditions = Conditions(categories=request.categories, opponents=list(request.opponents.all()))
    return forecast(version=request.version, wanted=missing, conditions=conditions, now=now).days


def _sessions_that_could_serve(version: PolicyVersion, conditions: Conditions, now: datetime) -> QuerySet[Session]:
    """Valid ones of late, at stations for this robot, of labs without a stake in the version."""
    own = {version.policy.lab_id} if version.policy.lab_id else set()
    found = Session.objects.filter(
        state=State.SUBMITTED,
        valid=True,
        training=False,
        embodiment=version.embodiment_id,
        simulated=version.policy.simulated,
        closed_at__gt=now - LOOKED_BACK,
        closed_at__lte=now,
    ).exclude(lab__in=own | affiliations.barred_labs(own))
    return found.filter(intended_category__in=conditions.categories) if conditions.categories else found


def _others_waiting(version: PolicyVersion) -> int:
    waiting = EvaluationRequest.objects.filter(
        Q(version__embodiment=version.embodiment_id, version__policy__simulated=version.policy.simulated),
        state=EvaluationRequest.State.OPEN,
    ).exclude(lab=version.policy.lab_id)
    return waiting.values("lab").distinct().count()


def _against(version: PolicyVersion, opponent: PolicyVersion) -> Against:
    known, name = evidence.decision(version.pk, opponent.pk), opponent.label_for(version.policy.lab_id)
    if known is None:
        return Against(name, "undecided", None)
    return Against(name, known.verdict, known.more_sessions)
