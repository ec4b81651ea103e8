"""What people report of sessions, and what stewards decide on it."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from arena import audit
from arena.errors import AccessDenied, ArenaError, Conflict, TooMany
from arena.limits import FailureLimit
from arena.models import OWNER_ROLES, Membership, Person
from arena.texts import clean_text
from evaluations import decisions, sessions
from evaluations.models import Report, Session

SHORTEST_TEXT, LONGEST_TEXT = 10, 2000
FROM_ONE_ADDRESS = FailureLimit("reports of sessions", most=10, window=timedelta(hours=1))


def report(*, session: Session, kind: str, text: str, by: Person | None, address: str, now: datetime) -> Report:
    """Kept for the stewards. Anybody may, from one address ten times an hour; an owner alone tells of serving."""
    if not Session.objects.public().filter(pk=session.pk).exists():
        raise Conflict("session_not_published", "Only a session that is published can be reported.")
    if kind not in Report.Kind.values:
        raise ArenaError("bad_field", "kind: Say what is wrong.")
    if kind == Report.Kind.SERVING and not owns_a_side(by, session):
        raise AccessDenied("not_an_owner", "Only an owner of one of the two policies can tell how it was served.")
    text = clean_said(text)
    if FROM_ONE_ADDRESS.reached(address):
        raise TooMany("too_many_reports", "Too many reports from here.", hint="Wait an hour.")
    FROM_ONE_ADDRESS.count(address)
    with transaction.atomic():
        made = Report.objects.create(session=session, kind=kind, text=text, person=by, created_at=now)
        # Not among the events of the lab: who reported is for stewards.
        audit.record("report:made", subject=f"session:{session.pk}", person=by, report=made.pk, kind=kind)
    return made


@transaction.atomic
def decide(
    *, report_id: int, upheld: bool, comment: str, by: Person, now: datetime, exclude_because: str = ""
) -> Report:
    """Say what became of a report. One that is upheld may exclude its session; the comment is published then.

    The first decision stands: a repeat is answered with it, another one is refused.
    """
    if not by.is_staff:
        raise AccessDenied("not_a_steward", "Only a steward decides on reports.")
    comment = clean_text(comment, field="comment", longest=LONGEST_TEXT, required=True)
    found = (
        Report.objects.select_for_update(of=("self",))
        .select_related("session__lab", "person", "decided_by")
        .get(pk=report_id)
    )
    state = Report.State.UPHELD if upheld else Report.State.DISMISSED
    if found.state != Report.State.OPEN:
        if found.state == state:
            return found
        raise Conflict("report_decided", f"{found.decided_by} has {found.get_state_display()} this report already.")
    if exclude_because.strip() and not upheld:
        raise ArenaError("bad_field", "exclude_because: A report that is dismissed excludes nothing.")
    found.state, found.decided_by, found.decided_at, found.comment = state, by, now, comment
    found.save(update_fields=["state", "decided_by", "decided_at", "comment"])
    tag = "report:upheld" if upheld else "report:dismissed"
    audit.record(tag, subject=f"session:{found.session_id}", person=by, report=found.pk, comment=comment)
    if exclude_because.strip():
        sessions.exclude(session=found.session, reason=exclude_because, comment=comment, by=by)
    decisions.tell_report_decided(found)
    return found


def waiting() -> QuerySet[Report]:
    """The oldest first."""
    return told().filter(state=Report.State.OPEN).order_by("created_at", "pk")


def decided() -> QuerySet[Report]:
    return told().exclude(state=Report.State.OPEN).order_by("-decided_at", "-pk")


def owns_a_side(person: Person | None, session: Session) -> bool:
    """Whether the person speaks for one of the two policies of a revealed session."""
    owning = Membership.objects.filter(role__in=OWNER_ROLES, lab__policies__versions__sides__session=session)
    return person is not None and owning.filter(person=person).exists()


def clean_said(text: str) -> str:
    text = clean_text(text, field="text", longest=LONGEST_TEXT, required=True)
    if len(text) < SHORTEST_TEXT:
        raise ArenaError("bad_field", f"text: At least {SHORTEST_TEXT} characters: what did you see?")
    return text


def told() -> QuerySet[Report]:
    return Report.objects.select_related("session__lab", "person", "decided_by")
