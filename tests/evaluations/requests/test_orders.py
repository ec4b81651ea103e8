"""Placing, serving, settling and ending requests."""

from datetime import timedelta
from unittest.mock import patch

import pytest
from django.test import override_settings
from django.utils import timezone

from arena import affiliations, policies
from arena.errors import ArenaError, Conflict
from arena.models import AuditEvent, Person, PolicyVersion
from credits import ledger
from credits.ledger import NotEnoughCredits
from credits.models import Account
from evaluations import sessions
from evaluations.models import EvaluationRequest, PairEvidence, Preference, Session, State, TaskCategory
from evaluations.pairing import DrawKind
from evaluations.requests import orders, serving
from evaluations.requests.orders import Conditions
from tests.factories import (
    Arena,
    finish_session,
    make_lab,
    make_station,
    make_steward,
    make_version,
    open_session,
)

R = EvaluationRequest.State
NOW = timezone.now()
always = pytest.mark.usefixtures("_always_requested")


def place(arena: Arena, by: Person, wanted: int = 3, **conditions: object) -> EvaluationRequest:
    said = Conditions(**conditions)  # type: ignore[arg-type]
    return orders.place(version=arena.versions[0], wanted=wanted, by=by, now=timezone.now(), conditions=said)


def credits_of(request: EvaluationRequest) -> tuple[int, int]:
    """At the lab's disposal, and held for the request."""
    return ledger.account_of(request.lab).balance, Account.objects.get(key=request.purpose).balance


def state(request: EvaluationRequest) -> str:
    request.refresh_from_db()
    return request.state


def test_an_order_holds_its_price(arena: Arena, alice: Person) -> None:
    request = place(arena, alice, 8)
    assert credits_of(request) == (12, 8)
    event = AuditEvent.objects.get(tag="request:placed")
    assert (event.person, event.subject, event.details["wanted"]) == (alice, request.purpose, 8)


def test_nobody_orders_more_than_they_have(arena: Arena, alice: Person) -> None:
    with pytest.raises(NotEnoughCredits):
        place(arena, alice, 21)
    assert not EvaluationRequest.objects.exists()
    assert ledger.account_of(arena.owners).balance == 20


@always
def test_a_valid_session_costs_one_and_earns_two(arena: Arena, alice: Person) -> None:
    request = place(arena, alice)
    session = open_session(arena)
    assert (session.requested, session.request, session.draw_kind) == (True, request, DrawKind.REQUESTED)
    assert arena.versions[0] in {side.version for side in session.sides.all()}
    finish_session(session)
    assert credits_of(request) == (17, 2)
    assert ledger.account_of(arena.lab).balance == 2
    assert orders.done(request) == 1


@always
def test_what_nobody_ordered_costs_nothing(arena: Arena) -> None:
    session = open_session(arena)
    assert (session.requested, session.request) == (False, None)
    finish_session(session)
    assert ledger.account_of(arena.owners).balance == 20
    assert ledger.account_of(arena.lab).balance == 2


@always
@pytest.mark.parametrize("ending", ["invalid", "abandoned", "expired"])
def test_what_is_not_valid_earns_nothing_and_costs_nothing(arena: Arena, alice: Person, ending: str) -> None:
    request = place(arena, alice, 1)
    session = open_session(arena)
    match ending:
        case "invalid":
            finish_session(session, valid=False)
        case "abandoned":
            sessions.abandon(session=session, now=timezone.now(), by=arena.dana)
        case "expired":
            sessions.expire_overdue(now=timezone.now() + timedelta(days=1))
    assert credits_of(request) == (19, 1)
    assert ledger.account_of(arena.lab).balance == 0
    waiting = serving.orders_at(station=arena.station, category=TaskCategory.UNKNOWN, now=timezone.now())
    assert [order.order_id for order in waiting] == [request.pk]


@always
def test_it_is_done_when_all_are_valid(arena: Arena, alice: Person) -> None:
    request = place(arena, alice, 2)
    for number in range(2):
        assert state(request) == R.OPEN
        finish_session(open_session(arena, f"task {number}"))
    assert state(request) == R.DONE
    assert credits_of(request) == (18, 0)
    assert open_session(arena, "one more").request is None


@always
def test_no_more_run_at_once_than_are_wanted(arena: Arena, alice: Person) -> None:
    request = place(arena, alice, 2)
    served = [open_session(arena, f"task {number}").request for number in range(4)]
    assert served == [request, request, None, None]


@always
def test_a_repeated_submission_is_paid_once(arena: Arena, alice: Person) -> None:
    request = place(arena, alice)
    session = open_session(arena)
    finish_session(session)
    sessions.submit(
        session=session, judgement=sessions.Judgement(Preference.B, "again", valid=True), now=timezone.now()
    )
    assert credits_of(request) == (17, 2)
    assert ledger.account_of(arena.lab).balance == 2


@always
def test_cancelling_returns_the_rest_at_once(arena: Arena, alice: Person) -> None:
    request = place(arena, alice, 5)
    finish_session(open_session(arena, "first"))
    running = [open_session(arena, f"running {number}") for number in range(2)]
    for _ in range(2):
        orders.cancel(request=request, by=alice, now=timezone.now())
    assert state(request) == R.CANCELLED
    assert credits_of(request) == (17, 2)
    finish_session(running[0])
    assert credits_of(request) == (17, 1)
    finish_session(running[1], valid=False)
    assert credits_of(request) == (18, 0)


@always
def test_a_paused_request_waits(arena: Arena, alice: Person) -> None:
    request = place(arena, alice)
    for _ in range(2):
        orders.pause(request=request, by=alice)
    assert open_session(arena).request is None
    assert credits_of(request) == (17, 3)
    orders.resume(request=request, by=alice)
    assert open_session(arena, "another").request == request
    assert AuditEvent.objects.filter(tag="request:paused").count() == 1


def test_what_has_ended_is_not_taken_up_again(arena: Arena, alice: Person) -> None:
    request = orders.cancel(request=place(arena, alice), by=alice, now=timezone.now())
    for verb in (orders.pause, orders.resume):
        with pytest.raises(Conflict, match="has ended"):
            verb(request=request, by=alice)


@always
def test_its_time_runs_out(arena: Arena, alice: Person) -> None:
    until = timezone.now() + timedelta(hours=1)
    request = place(arena, alice, until=until)
    assert orders.end_overdue(now=until - timedelta(seconds=1)) == 0
    assert open_session(arena, "late", now=until).request is None
    assert orders.end_overdue(now=until) == 1
    assert (state(request), credits_of(request)) == (R.EXPIRED, (20, 0))


@always
def test_conditions_on_the_task(arena: Arena, alice: Person) -> None:
    request = place(arena, alice, categories=["open-close"])
    assert open_session(arena, "put the cup on the plate").request is None
    assert open_session(arena, "open the drawer").request == request


@always
def test_conditions_on_the_opponent(arena: Arena, alice: Person) -> None:
    place(arena, alice, 5, opponents=[arena.versions[2]])
    for number in range(5):
        met = {side.version for side in open_session(arena, f"task {number}").sides.all()}
        assert met == {arena.versions[0], arena.versions[2]}


@always
def test_an_own_earlier_version_on_the_same_scenes(arena: Arena, alice: Person) -> None:
    old = arena.versions[0]
    new = make_version(old.policy.name, lab=arena.owners, version="2")
    orders.place(version=new, wanted=1, by=alice, now=timezone.now(), conditions=Conditions(opponents=[old]))
    assert {side.version for side in open_session(arena).sides.all()} == {old, new}


@always
def test_one_lab_does_a_part_at_most(arena: Arena, alice: Person) -> None:
    request = place(arena, alice, 4, most_from_one_lab=1)
    assert [open_session(arena, f"task {number}").request for number in range(2)] == [request, None]


@always
def test_a_version_that_is_not_served_is_not_drawn(arena: Arena, alice: Person) -> None:
    place(arena, alice, opponents=[arena.versions[1]])
    policies.set_pool(version=arena.versions[1], pool=PolicyVersion.Pool.PAUSED, by=alice)
    assert open_session(arena).request is None


@always
def test_owners_never_evaluate_what_they_ordered(arena: Arena, alice: Person) -> None:
    """Neither at a station of their own nor through a lab that is close to theirs."""
    others = make_lab()
    for _ in range(2):
        make_version(lab=others)
    place(arena, alice)
    station = make_station(lab=arena.owners)
    for number in range(3):
        session = sessions_at(alice, station, f"task {number}")
        assert session.request is None
        assert not {side.version for side in session.sides.all()} & set(arena.versions)
    affiliations.declare(lab=arena.lab, other=arena.owners, by=make_steward())
    assert open_session(arena).request is None


def sessions_at(person: Person, station: object, instruction: str) -> Session:
    from evaluations import assignments

    return assignments.open_session(
        person=person,
        station=station,  # type: ignore[arg-type]
        instruction=instruction,
        now=timezone.now(),
    )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"wanted": 0}, "bad_amount"),
        ({"wanted": 1001}, "bad_amount"),
        ({"categories": ["juggling"]}, "category_unknown"),
        ({"until": NOW - timedelta(days=1)}, "until_is_past"),
        ({"most_from_one_lab": 0}, "bad_lab_cap"),
        ({"most_from_one_lab": 4}, "bad_lab_cap"),
        ({"stop_when_decided": True}, "stop_needs_one_opponent"),
    ],
)
def test_what_cannot_be_ordered(arena: Arena, alice: Person, change: dict[str, object], code: str) -> None:
    with pytest.raises(ArenaError) as caught:
        place(arena, alice, **change)  # type: ignore[arg-type]
    assert caught.value.code == code
    assert ledger.account_of(arena.owners).balance == 20


def test_whom_a_version_never_meets(arena: Arena, alice: Person) -> None:
    other_robot = make_version(lab=arena.owners, embodiment="UR5")
    for opponent in (arena.versions[0], other_robot):
        with pytest.raises(ArenaError, match="never meets"):
            place(arena, alice, opponents=[opponent])


def test_what_is_not_in_the_pool_is_not_ordered(arena: Arena, alice: Person) -> None:
    policies.set_pool(version=arena.versions[0], pool=PolicyVersion.Pool.PAUSED, by=alice)
    with pytest.raises(Conflict, match="not in the pool"):
        place(arena, alice)


@always
def test_it_stops_when_the_two_are_told_apart(arena: Arena, alice: Person) -> None:
    request = place(arena, alice, 10, opponents=[arena.versions[1]], stop_when_decided=True)
    running = open_session(arena, "running")
    low, high = sorted(version.pk for version in arena.versions[:2])
    row = PairEvidence.objects.create(
        version_low_id=low, version_high_id=high, wins=1, ties=0, losses=0, alpha=0.05, preference={}, progress={}
    )
    assert orders.end_decided(now=timezone.now()) == 0
    PairEvidence.objects.filter(pk=row.pk).update(verdict="better", decided_after=9, decided_at=timezone.now())
    assert orders.end_decided(now=timezone.now()) == 1
    assert (state(request), credits_of(request)) == (R.DECIDED, (19, 1))
    finish_session(running)
    assert credits_of(request) == (19, 0)
    with pytest.raises(Conflict, match="decided already"):
        place(arena, alice, opponents=[arena.versions[1]], stop_when_decided=True)


@always
def test_excluding_a_session_takes_back_and_pays_back(arena: Arena, alice: Person) -> None:
    request = place(arena, alice)
    session = finish_session(open_session(arena))
    eve = make_steward()
    for _ in range(2):
        sessions.exclude(session=session, reason="scene moved", comment="seen in the video", by=eve)
    assert ledger.account_of(arena.lab).balance == 0
    assert credits_of(request) == (18, 2)


@pytest.mark.parametrize(("demo", "earned"), [(False, 0), (True, 2)])
def test_simulated_sessions_earn_in_a_demo_only(db: None, demo: bool, earned: int) -> None:
    from tests.factories import make_arena

    simulated = make_arena(simulated=True)
    with override_settings(DEMO=demo):
        finish_session(open_session(simulated))
    assert ledger.account_of(simulated.lab).balance == earned


@always
def test_the_last_place_is_given_once(arena: Arena, alice: Person) -> None:
    """Somebody else was quicker between the look and the claim: another pair is drawn, and the session opens."""
    request = place(arena, alice, 1)
    stale = serving.orders_at(station=arena.station, category=TaskCategory.UNKNOWN, now=timezone.now())
    assert open_session(arena, "first").request == request
    with patch.object(serving, "orders_at", return_value=stale):
        session = open_session(arena, "second")
    assert (session.request, session.state) == (None, State.ASSIGNED)
