"""The life of a request: placed with its credits held, served, paused, and ended once, the rest returned.

Where several rows are locked, the request comes before accounts of the ledger.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from arena import audit
from arena.errors import ArenaError, Conflict
from arena.models import Person, PolicyVersion
from credits import ledger
from evaluations import decisions, evidence
from evaluations.models import LARGEST_REQUEST, EvaluationRequest, Session, State, TaskCategory

LONGEST_COMMENT = ledger.COMMENT_MAX_LENGTH

ENDED = {
    EvaluationRequest.State.DONE: "all evaluations are done",
    EvaluationRequest.State.DECIDED: "the two are told apart",
    EvaluationRequest.State.EXPIRED: "its time is over",
    EvaluationRequest.State.CANCELLED: "cancelled",
}


@dataclass(frozen=True)
class Conditions:
    """What the evaluations of a request must be like. Empty: any will do."""

    categories: Collection[str] = ()
    opponents: Collection[PolicyVersion] = ()
    until: datetime | None = None
    most_from_one_lab: int | None = None
    stop_when_decided: bool = False


ANY = Conditions()


@transaction.atomic
def place(
    *, version: PolicyVersion, wanted: int, by: Person, now: datetime, conditions: Conditions = ANY
) -> EvaluationRequest:
    """Order evaluations of a version of one's lab. Raises NotEnoughCredits; nothing is held then."""
    version = PolicyVersion.objects.select_related("policy__lab").get(pk=version.pk)
    require_possible(version=version, wanted=wanted, now=now, conditions=conditions)
    lab = version.policy.lab
    assert lab is not None
    request = EvaluationRequest.objects.create(
        version=version,
        lab=lab,
        person=by,
        wanted=wanted,
        categories=sorted(conditions.categories),
        until=conditions.until,
        most_from_one_lab=conditions.most_from_one_lab,
        stop_when_decided=conditions.stop_when_decided,
        created_at=now,
    )
    request.opponents.set(conditions.opponents)
    ledger.hold(lab=lab, amount=wanted, purpose=request.purpose, by=by, comment=f"{wanted} evaluations of {version}")
    audit.record("request:placed", subject=request.purpose, person=by, lab=lab, version=version.label, wanted=wanted)
    return request


def require_possible(*, version: PolicyVersion, wanted: int, now: datetime, conditions: Conditions) -> None:
    """Raise what stands against such a request, whatever its lab's credits."""
    if not 1 <= wanted <= LARGEST_REQUEST:
        raise ArenaError("bad_amount", f"A request is for 1 to {LARGEST_REQUEST} evaluations.")
    if version.policy.lab is None:
        raise Conflict("policy_without_owner", "Nobody owns this policy, so nobody can order evaluations of it.")
    if version.pool != PolicyVersion.Pool.ACTIVE:
        raise Conflict("version_not_in_pool", f"{version} is not in the pool.", hint="Put it back into the pool first.")
    if unknown := set(conditions.categories) - set(TaskCategory.values):
        raise ArenaError("category_unknown", f"There is no task category {sorted(unknown)[0]!r}.")
    if conditions.until is not None and conditions.until <= now:
        raise ArenaError("until_is_past", "This time is over already.", hint="Name a later one, or none.")
    if conditions.most_from_one_lab is not None and not 1 <= conditions.most_from_one_lab <= wanted:
        raise ArenaError("bad_lab_cap", f"From one lab come at most 1 to {wanted} of these evaluations.")
    _require_opponents(version, conditions)


def _require_opponents(version: PolicyVersion, conditions: Conditions) -> None:
    for opponent in conditions.opponents:
        alike = opponent.embodiment_id == version.embodiment_id
        if opponent.pk == version.pk or not alike or opponent.policy.simulated != version.policy.simulated:
            raise ArenaError(
                "opponent_does_not_fit",
                f"{opponent.label_for(version.policy.lab_id)} never meets {version}.",
                hint="An opponent is another version for the same robot.",
            )
    if not conditions.stop_when_decided:
        return
    if len(conditions.opponents) != 1:
        raise ArenaError("stop_needs_one_opponent", "To stop when it is decided, a request names exactly one opponent.")
    (opponent,) = conditions.opponents
    known = evidence.decision(version.pk, opponent.pk)
    if known is not None and known.verdict != "undecided":
        raise Conflict(
            "decided_already",
            f"It is decided already: {version} is {known.verdict} than {opponent.label_for(version.policy.lab_id)}.",
            hint="Order without stopping when it is decided, to know by how much.",
        )


@transaction.atomic
def pause(*, request: EvaluationRequest, by: Person) -> EvaluationRequest:
    """It causes no session until it is resumed. Its credits stay held; a repeat changes nothing."""
    return _move(request, EvaluationRequest.State.OPEN, EvaluationRequest.State.PAUSED, by)


@transaction.atomic
def resume(*, request: EvaluationRequest, by: Person) -> EvaluationRequest:
    return _move(request, EvaluationRequest.State.PAUSED, EvaluationRequest.State.OPEN, by)


def cancel(*, request: EvaluationRequest, by: Person, now: datetime) -> EvaluationRequest:
    """End it. What no running session may still cost is returned at once; a repeat changes nothing."""
    return end(request=request, state=EvaluationRequest.State.CANCELLED, now=now, by=by)


@transaction.atomic
def end(
    *, request: EvaluationRequest, state: EvaluationRequest.State, now: datetime, by: Person | None = None
) -> EvaluationRequest:
    """End it for one of the reasons of ENDED. One that has ended stays as it is."""
    request = lock(request.pk)
    if request.is_over:
        return request
    request.state, request.ended_at = state, now
    request.save(update_fields=["state", "ended_at"])
    audit.record(f"request:{state}", subject=request.purpose, person=by, lab=request.lab)
    return_rest(request)
    decisions.tell_request_ended(request, why=ENDED[state], by=by)
    return request


@transaction.atomic
def tell_done(request_id: UUID) -> None:
    """One of its sessions was revealed just now: that it is done may have waited for that."""
    request = lock(request_id)
    if request.state == EvaluationRequest.State.DONE:
        decisions.tell_request_ended(request, why=ENDED[EvaluationRequest.State.DONE])


def _move(
    request: EvaluationRequest, before: EvaluationRequest.State, after: EvaluationRequest.State, by: Person
) -> EvaluationRequest:
    request = lock(request.pk)
    if request.is_over:
        raise Conflict("request_over", "This request has ended.", hint="Place a new one.")
    if request.state == before:
        request.state = after
        request.save(update_fields=["state"])
        tag = "request:paused" if after == EvaluationRequest.State.PAUSED else "request:resumed"
        audit.record(tag, subject=request.purpose, person=by, lab=request.lab)
    return request


def return_rest(request: EvaluationRequest) -> None:
    """Give back what a request that is over holds beyond what its running sessions may cost. Expects it locked."""
    running = request.sessions.open().count()
    why = ENDED[EvaluationRequest.State(request.state)]
    ledger.release(purpose=request.purpose, key=f"{request.purpose}:returned:{running}", keep=running, comment=why)


def end_overdue(*, now: datetime) -> int:
    """End those whose time is over; safe to run at any time, by any number at once."""
    overdue = living().filter(until__lte=now)
    for request in overdue:
        end(request=request, state=EvaluationRequest.State.EXPIRED, now=now)
    return len(overdue)


def end_decided(*, now: datetime) -> int:
    """End those that were to stop when the two are told apart, where they are."""
    ended = 0
    for request in living().filter(stop_when_decided=True).prefetch_related("opponents"):
        (opponent,) = request.opponents.all()
        known = evidence.decision(request.version_id, opponent.pk)
        if known is not None and known.verdict != "undecided":
            end(request=request, state=EvaluationRequest.State.DECIDED, now=now)
            ended += 1
    return ended


def living() -> QuerySet[EvaluationRequest]:
    return EvaluationRequest.objects.filter(ended_at=None)


def lock(request_id: UUID) -> EvaluationRequest:
    return EvaluationRequest.objects.select_for_update(of=("self",)).select_related("lab").get(pk=request_id)


def settle(*, session: Session, now: datetime) -> None:
    """What a session that has just ended earns and costs. Part of the transaction that ends it."""
    request = lock(session.request_id) if session.request_id else None
    valid = session.state == State.SUBMITTED and bool(session.valid)
    earns = valid and settings.CREDITS_EARNED > 0 and _earns(session)
    ledger.lock(([session.lab] if earns else []) + ([request.lab] if request else []))
    if earns:
        ledger.earn(lab=session.lab, amount=settings.CREDITS_EARNED, key=earned_key(session))
    if request is None:
        return
    if valid:
        ledger.spend(purpose=request.purpose, key=spent_key(session))
    if request.is_over:
        return_rest(request)
    elif valid and done(request) >= request.wanted:
        end(request=request, state=EvaluationRequest.State.DONE, now=now)


def _earns(session: Session) -> bool:
    return not session.training and (settings.DEMO or not session.simulated)


def earned_key(session: Session) -> str:
    return f"session:{session.pk}:reward"


def spent_key(session: Session) -> str:
    return f"session:{session.pk}:spent"


def undo(*, session: Session, reason: str, by: Person) -> None:
    """A session is not to count after all: its lab gives back what it earned, its owner gets back what it cost."""
    comment = f"a session was excluded: {reason}"
    request = lock(session.request_id) if session.request_id else None
    ledger.lock([session.lab] + ([request.lab] if request else []))
    earned = earned_key(session)
    ledger.take_back(earned=earned, comment=comment, by=by, number=1 + ledger.times_restored(earned))
    if request is not None:
        ledger.refund(lab=request.lab, spent=spent_key(session), comment=comment)


def restore(*, session: Session, reason: str, by: Person) -> None:
    """A session counts again: its lab gets back what was taken. Its owner's refund stays."""
    earned, comment = earned_key(session), f"an exclusion was lifted: {reason}"[:LONGEST_COMMENT]
    ledger.restore(earned=earned, comment=comment, by=by, number=1 + ledger.times_restored(earned))


def done(request: EvaluationRequest) -> int:
    return request.sessions.filter(state=State.SUBMITTED, valid=True).count()
