"""An exclusion is appealed against once, and another steward decides."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from arena import audit
from arena.errors import AccessDenied, Conflict, NotFound
from arena.jobs import Job, enqueue
from arena.models import Membership, Person
from arena.texts import clean_text
from evaluations import decisions
from evaluations.models import Appeal, Exclusion, Session
from evaluations.requests import orders
from evaluations.session_reports import LONGEST_TEXT, clean_said, owns_a_side


def may_appeal(person: Person | None, session: Session) -> bool:
    """A member of the lab that evaluated, or an owner of one of the policies."""
    member = person is not None and Membership.objects.filter(person=person, lab=session.lab_id).exists()
    return member or owns_a_side(person, session)


def appeal(*, session: Session, text: str, by: Person, now: datetime) -> Appeal:
    exclusion = Exclusion.objects.filter(session=session, session__in=Session.objects.public()).first()
    if exclusion is None:
        raise NotFound("exclusion_unknown", "This session was not excluded.")
    if not may_appeal(by, session):
        raise AccessDenied(
            "not_concerned", "Only the lab that evaluated and owners of the two policies appeal against an exclusion."
        )
    text = clean_said(text)
    try:
        with transaction.atomic():
            made = Appeal.objects.create(exclusion=exclusion, text=text, person=by, created_at=now)
            # Not among the events of the lab: it may be an owner of a policy who appeals.
            audit.record("exclusion:appealed", subject=f"session:{session.pk}", person=by)
    except IntegrityError:
        raise Conflict("appealed_already", "An appeal against this exclusion was made already.") from None
    return made


@transaction.atomic
def decide(*, appeal_id: int, lift: bool, comment: str, by: Person, now: datetime) -> Appeal:
    """Lift the exclusion, or let it stand, for good. The first decision stands.

    Where it is lifted the session counts again everywhere and its lab gets back what was taken from it.
    """
    if not by.is_staff:
        raise AccessDenied("not_a_steward", "Only a steward decides on appeals.")
    comment = clean_text(comment, field="comment", longest=LONGEST_TEXT, required=True)
    rows = Appeal.objects.select_for_update(of=("self",)).select_related(
        "exclusion__session__lab", "person", "decided_by"
    )
    found = rows.get(pk=appeal_id)
    state = Appeal.State.LIFTED if lift else Appeal.State.UPHELD
    if found.state != Appeal.State.OPEN:
        if found.state == state:
            return found
        raise Conflict("appeal_decided", f"{found.decided_by} has decided on this appeal already.")
    if not may_decide(by, found):
        raise AccessDenied(
            "second_steward_needed",
            "Another steward decides on an appeal than the one who excluded, or the one who appeals.",
        )
    found.state, found.decided_by, found.decided_at, found.comment = state, by, now, comment
    found.save(update_fields=["state", "decided_by", "decided_at", "comment"])
    session = found.exclusion.session
    tag = "exclusion:lifted" if lift else "exclusion:upheld"
    audit.record(tag, subject=f"session:{session.pk}", person=by, lab=session.lab, comment=comment)
    if lift:
        orders.restore(session=session, reason=comment, by=by)
        enqueue(Job.RECOMPUTE_BOARDS)
    decisions.tell_appeal_decided(found)
    return found


def may_decide(steward: Person, appeal: Appeal) -> bool:
    return steward.pk not in _concerned(appeal)


def deciders(appeal: Appeal) -> QuerySet[Person]:
    """The stewards who may. Where there is none the appeal waits until somebody else is made a steward."""
    return Person.objects.filter(is_staff=True, is_active=True).exclude(pk__in=_concerned(appeal))


def _concerned(appeal: Appeal) -> tuple[int, int]:
    return appeal.exclusion.person_id, appeal.person_id


def waiting() -> QuerySet[Appeal]:
    """The oldest first."""
    return told().filter(state=Appeal.State.OPEN).order_by("created_at", "pk")


def decided() -> QuerySet[Appeal]:
    return told().exclude(state=Appeal.State.OPEN).order_by("-decided_at", "-pk")


def told() -> QuerySet[Appeal]:
    return Appeal.objects.select_related("exclusion__session__lab", "exclusion__person", "person", "decided_by")
