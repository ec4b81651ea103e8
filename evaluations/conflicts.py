"""Sessions whose evaluators turn out to have had a stake: in a policy of a lab of theirs, or of one close to it."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q, QuerySet

from arena import affiliations, stakes
from arena.models import Lab, Membership, Person, Source
from evaluations import sessions
from evaluations.models import Exclusion, Session

REASON = "a stake was found later"
FLAGGED_LAB = "the lab left too much unfinished"


def found() -> Iterator[Session]:
    """Valid sessions that still count, of evaluators of whose labs it is known by now that they had a stake."""
    # One whose exclusion was lifted is not excluded again.
    counted = Session.objects.valid().filter(source=Source.REGISTERED, exclusion=None)
    for lab_id, evaluator_id in counted.order_by().values_list("lab", "evaluator").distinct():
        joined = dict(Membership.objects.filter(person=evaluator_id).values_list("lab", "created_at"))
        for own_lab in {lab_id, *joined}:
            in_conflict = counted.filter(_barred_to(own_lab), lab=lab_id, evaluator=evaluator_id).distinct()
            # Who joined a lab later had no stake through it.
            yield from in_conflict if own_lab == lab_id else in_conflict.filter(opened_at__gte=joined[own_lab])


def _barred_to(lab_id: int) -> Q:
    owners = {lab_id} | affiliations.barred_labs([lab_id])
    versions = stakes.versions_barred_to([lab_id])
    return Q(sides__version__policy__lab__in=owners) | Q(sides__version__in=versions)


def exclude_found(*, by: Person) -> list[Exclusion]:
    """Exclude them all, with the reason that the public reads."""
    comment = "Its evaluator's lab, or one close to it, has a stake in one of the two policies."
    return [sessions.exclude(session=session, reason=REASON, comment=comment, by=by) for session in set(found())]


def exclude_lab(*, lab: Lab, since: datetime, comment: str, by: Person, reason: str = FLAGGED_LAB) -> list[Exclusion]:
    """A steward's decision that a lab's sessions from then on are not counted, with a public reason."""
    return [
        sessions.exclude(session=session, reason=reason, comment=comment, by=by)
        for session in list(sessions_of(lab, since))
    ]


def sessions_of(lab: Lab, since: datetime) -> QuerySet[Session]:
    """The lab's sessions that still count, from a moment on."""
    return Session.objects.valid().filter(lab=lab, exclusion=None, closed_at__gte=since)
