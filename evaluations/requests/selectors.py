"""Reads of requests for pages and the API."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, Count, Q, QuerySet, When

from arena.models import UNLISTED, Lab, PolicyVersion, PolicyVersionQuerySet
from credits.models import Account
from evaluations.models import EvaluationRequest, Session, State
from evaluations.requests import forecast

# Progress is told in steps of so many evaluations, so that nobody can tell from it who has just finished one.
BATCH = 5


@dataclass(frozen=True)
class Progress:
    """What its owner is told of a request. published: how many evaluations are told of; all of them once it is over."""

    request: EvaluationRequest
    published: int
    returned: int
    held: int

    @property
    def share(self) -> int:
        return 100 * self.published // self.request.wanted


def requests_of(labs: QuerySet[Lab]) -> QuerySet[EvaluationRequest]:
    done = Count("sessions", filter=Q(sessions__state=State.SUBMITTED, sessions__valid=True))
    running = Count("sessions", filter=Q(sessions__state__in=[State.ASSIGNED, State.RUNNING]))
    found = EvaluationRequest.objects.filter(lab__in=labs).annotate(done=done, running=running)
    found = found.order_by("-created_at", "pk")
    return found.select_related("version__policy", "lab", "person").prefetch_related("opponents__policy")


def progress(request: EvaluationRequest) -> Progress:
    """Expects a request of `requests_of`. What is held is told in the same steps as what is done."""
    done: int = request.done  # type: ignore[attr-defined]
    running: int = request.running  # type: ignore[attr-defined]
    if request.is_over and not running:
        return Progress(request, done, request.wanted - done, 0)
    published = done - done % BATCH
    if request.is_over:
        held = Account.objects.filter(key=request.purpose).values_list("balance", flat=True).first() or 0
        return Progress(request, published, request.wanted - done - held, held)
    return Progress(request, published, 0, request.wanted - published)


def published_sessions(shown: Progress) -> QuerySet[Session]:
    """The sessions that the owner is told of, first ones first, as far as they are public."""
    done = shown.request.sessions.filter(state=State.SUBMITTED, valid=True).order_by("closed_at", "pk")
    told = list(done.values_list("pk", flat=True)[: shown.published])
    return Session.objects.public().filter(pk__in=told).order_by("closed_at", "pk")


def days_left(shown: Progress, *, now: datetime) -> float | None:
    missing = shown.request.wanted - shown.published
    return forecast.days_left(shown.request, missing=missing, now=now) if missing else None


def versions_to_order(labs: QuerySet[Lab]) -> QuerySet[PolicyVersion]:
    """Versions of these labs that are in the pool."""
    found = PolicyVersion.objects.filter(policy__lab__in=labs, pool=PolicyVersion.Pool.ACTIVE)
    return found.select_related("policy__lab", "embodiment").order_by("policy__name", "-created_at")


def opponents_of(version: PolicyVersion) -> PolicyVersionQuerySet:
    """Versions that could meet this one."""
    found = PolicyVersion.objects.filter(
        embodiment=version.embodiment_id,
        pool=PolicyVersion.Pool.ACTIVE,
        policy__simulated=version.policy.simulated,
    ).exclude(pk=version.pk)
    # Sorted by name, an unlisted one would stand where its name belongs.
    shown = Case(When(UNLISTED, then="pseudonym"), default="policy__name")
    return found.select_related("policy__lab").order_by(shown, "-created_at")


def opponent_named(version: PolicyVersion, label: str) -> PolicyVersion | None:
    """One of them, by what the owners of this version are told that it is called."""
    found, own = opponents_of(version), version.policy.lab_id
    return found.shown_as(label).first() or found.filter(policy__lab=own).labelled(label).first()


def opponents_told(request: EvaluationRequest) -> list[str]:
    """Whom it names, as its owners may know them. Expects a request of `requests_of`."""
    return [opponent.label_for(request.lab_id) for opponent in request.opponents.all()]
