"""Who is written to when something was asked, decided or has ended; and that nothing is told before the reveal."""

from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from arena import notices, policies
from arena.models import Notice, NoticeKind, Person, Role
from arena.policies import EndpointCheck
from credits import ledger
from evaluations import appeals, conflicts, session_reports, sessions, trials
from evaluations.models import EvaluationRequest, Label, Preference, Session, Trial
from evaluations.requests import orders
from evaluations.sessions import Judgement
from tests.factories import (
    Arena,
    finish_session,
    make_arena,
    make_person,
    make_steward,
    open_session,
    upload_episode,
)

TEXT = "The cup stands elsewhere in the second video."
KINDS = NoticeKind


@pytest.fixture
def alice(arena: Arena) -> Person:
    """Owns the policies."""
    return make_person("alice@example.org", lab=arena.owners, role=Role.OWNER)


@pytest.fixture
def helen(arena: Arena) -> Person:
    """Admin of the lab that evaluates."""
    return make_person("helen@example.org", lab=arena.lab, role=Role.ADMIN)


@pytest.fixture
def eve(db: None) -> Person:
    return make_steward()


@pytest.fixture
def trial(arena: Arena, alice: Person, helen: Person) -> Trial:
    version = policies.register_policy(
        lab=arena.owners, name="Untried hands", endpoint_url="ws://policy.example:1", trial_first=True
    )
    policies.record_endpoint_check(endpoint=version.endpoint, check=EndpointCheck(reached=True))
    return trials.ask(version=version, host=arena.lab, by=alice, now=timezone.now())


def told(kind: NoticeKind) -> set[Person]:
    found = list(Notice.objects.filter(kind=kind).select_related("person"))
    assert len({notice.person for notice in found}) == len(found), "nobody is told twice"
    return {notice.person for notice in found if notice.person}


def text(kind: NoticeKind) -> str:
    return Notice.objects.filter(kind=kind).latest("pk").text


def veiled(arena: Arena, instruction: str) -> Session:
    """Judged, while its evaluator is still asked which policies these were."""
    session = open_session(arena, instruction)
    for label in Label:
        upload_episode(session, label)
    judgement = Judgement(preference=Preference.TIE, notes="", valid=True)
    ended = sessions.submit(session=session, judgement=judgement, now=timezone.now(), veiled=True)
    assert ended.is_blind
    return ended


def exclude(session: Session, by: Person, comment: str = "the cup was moved") -> None:
    sessions.exclude(session=session, reason="scene", comment=comment, by=by)


def test_the_lab_that_is_asked_for_a_trial(arena: Arena, helen: Person, trial: Trial) -> None:
    assert told(KINDS.TRIAL_ASKED) == {arena.dana, helen}
    assert trial.version.label in text(KINDS.TRIAL_ASKED)
    assert {notice.path for notice in Notice.objects.all()} == {f"/trials/{trial.pk}"}


def test_who_could_not_decide_is_not_asked(arena: Arena, trial: Trial) -> None:
    both = make_person("both@example.org", lab=arena.lab, role=Role.ADMIN)
    make_person(both.email, lab=arena.owners, role=Role.EVALUATOR)
    trials.withdraw(trial=trial, by=trial.asked_by, now=timezone.now())
    trials.ask(version=trial.version, host=arena.lab, by=trial.asked_by, now=timezone.now())
    assert both not in {notice.person for notice in Notice.objects.filter(kind=KINDS.TRIAL_ASKED)}


def test_the_owners_of_a_version_that_was_tried(arena: Arena, alice: Person, trial: Trial) -> None:
    make_person("bob@example.org", lab=arena.owners, role=Role.EVALUATOR)
    boss = make_person("boss@example.org", lab=arena.owners, role=Role.ADMIN)
    trials.decide(trial=trial, go=False, comment="hit the table", by=arena.dana, now=timezone.now())
    assert told(KINDS.TRIAL_DECIDED) == {alice, boss}
    assert "hit the table" in text(KINDS.TRIAL_DECIDED)
    assert "stays out of the pool" in text(KINDS.TRIAL_DECIDED)


@pytest.mark.parametrize("because", ["", "scene"])
def test_who_reported_with_an_account(arena: Arena, alice: Person, eve: Person, because: str) -> None:
    session = finish_session(open_session(arena))
    made = [
        session_reports.report(session=session, kind=kind, text=TEXT, by=by, address="", now=timezone.now())
        for kind, by in (("serving", alice), ("scene", None))
    ]
    for one in made:
        session_reports.decide(
            report_id=one.pk, upheld=True, comment="a secret word", by=eve, now=timezone.now(), exclude_because=because
        )
    assert told(KINDS.REPORT_DECIDED) == {alice}
    assert ("excluded from every board" in text(KINDS.REPORT_DECIDED)) is bool(because)
    assert "secret" not in text(KINDS.REPORT_DECIDED)


def test_the_lab_whose_session_is_excluded_and_both_sides_of_an_appeal(
    arena: Arena, alice: Person, helen: Person, eve: Person
) -> None:
    session = finish_session(open_session(arena))
    exclude(session, eve)
    exclude(session, eve)
    assert told(KINDS.SESSION_EXCLUDED) == {arena.dana, helen}
    assert "the cup was moved" in text(KINDS.SESSION_EXCLUDED)
    made = appeals.appeal(session=session, text="It stood there in both.", by=alice, now=timezone.now())
    edna = make_steward("edna@example.org")
    for _ in range(2):
        appeals.decide(appeal_id=made.pk, lift=True, comment="Sound.", by=edna, now=timezone.now())
    assert told(KINDS.APPEAL_DECIDED) == {alice, arena.dana, helen}
    assert "it counts again" in text(KINDS.APPEAL_DECIDED)
    assert not any("alice" in notice.text for notice in Notice.objects.all()), "the lab does not learn who appealed"


def test_many_excluded_in_one_decision_are_one_mail(arena: Arena, helen: Person, eve: Person) -> None:
    now = timezone.now()
    for number in range(4):
        finish_session(open_session(arena, f"task {number}"), now=now)
    assert len(conflicts.exclude_lab(lab=arena.lab, since=now - timedelta(days=1), comment="unfinished", by=eve)) == 4
    assert told(KINDS.SESSION_EXCLUDED) == {arena.dana, helen}
    other = finish_session(open_session(arena, "another task"))
    exclude(other, eve, comment="quite another matter")
    assert Notice.objects.filter(kind=KINDS.SESSION_EXCLUDED, person=helen).count() == 2


def test_of_a_veiled_session_nothing_is_told_before_its_reveal(arena: Arena, helen: Person, eve: Person) -> None:
    session = veiled(arena, "lift the cup")
    exclude(session, eve, comment="policy alpha was on both sides")
    assert not Notice.objects.exists()
    sessions.reveal(session=session, now=timezone.now())
    sessions.reveal(session=session, now=timezone.now())
    assert told(KINDS.SESSION_EXCLUDED) == {arena.dana, helen}


@pytest.fixture
def _rich(arena: Arena) -> None:
    ledger.earn(lab=arena.owners, amount=20, key="welcome")


def order(arena: Arena, by: Person, wanted: int = 2) -> EvaluationRequest:
    return orders.place(version=arena.versions[0], wanted=wanted, by=by, now=timezone.now())


@pytest.mark.usefixtures("_rich")
@override_settings(REQUESTED_SHARE=1.0)
def test_a_request_that_is_done_is_told_when_nothing_of_it_is_veiled(arena: Arena, alice: Person) -> None:
    request = order(arena, alice)
    first = veiled(arena, "lift the cup")
    second = finish_session(open_session(arena, "open the drawer"))
    request.refresh_from_db()
    assert (request.state, first.request_id, second.request_id) == ("done", request.pk, request.pk)
    assert not Notice.objects.exists()
    sessions.reveal(session=first, now=timezone.now())
    assert told(KINDS.REQUEST_ENDED) == {alice}
    assert "all evaluations are done" in text(KINDS.REQUEST_ENDED)


@pytest.mark.usefixtures("_rich")
@override_settings(REQUESTED_SHARE=1.0)
def test_the_progress_of_a_request_is_no_news(arena: Arena, alice: Person) -> None:
    order(arena, alice, wanted=7)
    for number in range(6):
        finish_session(open_session(arena, f"task {number}"))
    assert not Notice.objects.exists()
    finish_session(open_session(arena, "the last task"))
    assert told(KINDS.REQUEST_ENDED) == {alice}


@pytest.mark.usefixtures("_rich")
def test_who_cancels_a_request_knows_it_the_others_are_told(arena: Arena, alice: Person) -> None:
    boss = make_person("boss@example.org", lab=arena.owners, role=Role.ADMIN)
    make_person("bob@example.org", lab=arena.owners, role=Role.EVALUATOR)
    orders.cancel(request=order(arena, alice), by=alice, now=timezone.now())
    assert told(KINDS.REQUEST_ENDED) == {boss}


@pytest.mark.usefixtures("_rich")
def test_a_request_whose_time_is_over(arena: Arena, alice: Person) -> None:
    now = timezone.now()
    until = orders.Conditions(until=now + timedelta(hours=1))
    orders.place(version=arena.versions[0], wanted=2, by=alice, now=now, conditions=until)
    orders.end_overdue(now=now + timedelta(hours=2))
    assert told(KINDS.REQUEST_ENDED) == {alice}
    assert "its time is over" in text(KINDS.REQUEST_ENDED)


def test_each_can_be_switched_off(arena: Arena, helen: Person, eve: Person) -> None:
    kinds = {
        KINDS.TRIAL_ASKED, KINDS.TRIAL_DECIDED, KINDS.REPORT_DECIDED, KINDS.SESSION_EXCLUDED, KINDS.APPEAL_DECIDED,
        KINDS.REQUEST_ENDED,
    }  # fmt: skip
    assert kinds <= set(notices.kinds_for(helen))
    notices.choose(person=helen, muted=kinds)
    exclude(finish_session(open_session(arena)), eve)
    notices.send_waiting(now=timezone.now())
    sent = dict(Notice.objects.filter(kind=KINDS.SESSION_EXCLUDED).values_list("person", "sent"))
    assert sent == {arena.dana.pk: True, helen.pk: False}


def test_simulated_labs_are_not_written_to(eve: Person) -> None:
    arena = make_arena(simulated=True)
    make_person("helen@example.org", lab=arena.lab, role=Role.ADMIN)
    exclude(finish_session(open_session(arena)), eve)
    assert not Notice.objects.exists()
