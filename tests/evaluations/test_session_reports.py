"""What is reported of sessions, and who decides."""

import pytest
from django.db import Error, transaction
from django.utils import timezone

from arena.errors import AccessDenied, ArenaError, Conflict, TooMany
from arena.models import AuditEvent, Person, Role
from evaluations import session_reports, sessions
from evaluations.models import Exclusion, Report, Session
from tests.factories import Arena, finish_session, make_lab, make_person, make_steward, open_session

TEXT = "The cup stands elsewhere in the second video."


@pytest.fixture
def session(arena: Arena) -> Session:
    return finish_session(open_session(arena))


def report(session: Session, kind: str = "scene", text: str = TEXT, by: Person | None = None) -> Report:
    return session_reports.report(session=session, kind=kind, text=text, by=by, address="192.0.2.1", now=timezone.now())


def decide(made: Report, *, upheld: bool, by: Person, comment: str = "I saw it.", because: str = "") -> Report:
    return session_reports.decide(
        report_id=made.pk, upheld=upheld, comment=comment, by=by, now=timezone.now(), exclude_because=because
    )


def test_anybody_reports_and_it_waits(session: Session) -> None:
    made = report(session)
    assert (made.state, made.person, list(session_reports.waiting())) == (Report.State.OPEN, None, [made])
    assert AuditEvent.objects.filter(tag="report:made", subject=f"session:{session.pk}").count() == 1


@pytest.mark.parametrize(
    ("kind", "text"), [("nonsense", TEXT), ("scene", "too short"), ("scene", "x" * 2001), ("scene", "nul \x00 inside")]
)
def test_what_is_no_report(session: Session, kind: str, text: str) -> None:
    with pytest.raises(ArenaError):
        report(session, kind=kind, text=text)
    assert not Report.objects.exists()


@pytest.mark.parametrize("text", ["x" * 10, "x" * 2000])
def test_the_shortest_and_the_longest_text(session: Session, text: str) -> None:
    assert report(session, text=text).text == text


def test_nothing_is_reported_of_what_is_not_published(arena: Arena) -> None:
    opened = open_session(arena)
    veiled = sessions.submit(
        session=open_session(arena, "another task"),
        judgement=sessions.Judgement(preference=None, notes="", valid=False),
        now=timezone.now(),
        veiled=True,
    )
    for session in (opened, veiled):
        with pytest.raises(Conflict):
            report(session)


def test_one_address_is_bounded(session: Session) -> None:
    for _ in range(10):
        report(session)
    with pytest.raises(TooMany):
        report(session)
    session_reports.report(session=session, kind="scene", text=TEXT, by=None, address="192.0.2.2", now=timezone.now())
    assert Report.objects.count() == 11


def test_only_an_owner_tells_of_serving(arena: Arena, session: Session) -> None:
    alice = make_person("alice@example.org", lab=arena.owners, role=Role.OWNER)
    strangers = [
        None,
        arena.dana,
        make_person("bob@example.org", lab=arena.owners, role=Role.EVALUATOR),
        make_person("charlie@example.org", lab=make_lab(), role=Role.ADMIN),
    ]
    for person in strangers:
        with pytest.raises(AccessDenied):
            report(session, kind="serving", by=person)
    assert report(session, kind="serving", by=alice).person == alice


def test_the_first_decision_stands(session: Session) -> None:
    eve, made = make_steward(), report(session)
    decided = decide(made, upheld=False, by=eve)
    assert (decided.state, decided.decided_by, decided.comment) == (Report.State.DISMISSED, eve, "I saw it.")
    assert decide(made, upheld=False, by=make_steward("edna@example.org"), comment="the same").decided_by == eve
    with pytest.raises(Conflict):
        decide(made, upheld=True, by=eve)
    assert AuditEvent.objects.filter(tag="report:dismissed").count() == 1


def test_upholding_can_exclude_in_the_same_breath(session: Session) -> None:
    eve = make_steward()
    decide(report(session), upheld=True, by=eve, comment="The lab owns A.", because="stake")
    exclusion = Exclusion.objects.get(session=session)
    assert (exclusion.reason, exclusion.comment, exclusion.person) == ("stake", "The lab owns A.", eve)


def test_where_the_exclusion_is_refused_nothing_is_decided(arena: Arena) -> None:
    session = finish_session(open_session(arena), valid=False)
    made = report(session)
    with pytest.raises(Conflict):
        decide(made, upheld=True, by=make_steward(), because="stake")
    made.refresh_from_db()
    assert made.state == Report.State.OPEN
    with pytest.raises(ArenaError):
        decide(made, upheld=False, by=make_steward("edna@example.org"), because="stake")


def test_only_stewards_decide_and_say_why(arena: Arena, session: Session) -> None:
    made = report(session)
    with pytest.raises(AccessDenied):
        decide(made, upheld=True, by=arena.dana)
    with pytest.raises(ArenaError):
        decide(made, upheld=True, by=make_steward(), comment=" ")


def test_a_report_is_kept_as_it_was_said_and_its_decision_stands(session: Session) -> None:
    made = report(session)
    rows = Report.objects.filter(pk=made.pk)
    with pytest.raises(Error, match="Cannot"), transaction.atomic():
        rows.update(text="something else entirely")
    with pytest.raises(Error, match="Cannot"), transaction.atomic():
        rows.delete()
    decide(made, upheld=False, by=make_steward())
    with pytest.raises(Error, match="Cannot"), transaction.atomic():
        rows.update(comment="I think otherwise now")
