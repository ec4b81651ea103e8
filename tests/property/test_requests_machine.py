"""Labs that order, evaluate, and are both at once: whatever they do in whatever order, requests keep what they say."""

from collections import Counter
from datetime import timedelta
from random import Random
from unittest.mock import patch

import pytest
from django.conf import settings
from django.db import transaction
from django.test import override_settings
from django.utils import timezone
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from arena import affiliations
from arena.errors import Conflict
from arena.models import Role
from credits import ledger
from credits.ledger import NotEnoughCredits
from credits.models import Account, Debt, Entry
from evaluations import assignments, sessions
from evaluations.models import OPEN_STATES, EvaluationRequest, Session, State
from evaluations.requests import orders
from evaluations.requests.orders import Conditions
from tests import books
from tests.factories import finish_session, make_lab, make_person, make_station, make_steward, make_version

LABS = 3
CREDITS = 8
labs = st.integers(0, LABS - 1)
OVER = {State.SUBMITTED, State.ABANDONED, State.EXPIRED}


class Cast:
    """Labs that each have policies, a station and somebody who evaluates. The first two are close to each other."""

    def __init__(self) -> None:
        self.labs = [make_lab() for _ in range(LABS)]
        self.versions = [[make_version(lab=lab) for _ in range(2)] for lab in self.labs]
        self.stations = [make_station(lab=lab) for lab in self.labs]
        self.people = [make_person(f"{n}@example.org", lab=lab, role=Role.OWNER) for n, lab in enumerate(self.labs)]
        self.eve = make_steward()
        affiliations.declare(lab=self.labs[0], other=self.labs[1], by=self.eve)
        for lab in self.labs:
            ledger.earn(lab=lab, amount=CREDITS, key=f"lab:{lab.pk}:welcome", kind=Entry.Kind.WELCOME)
        self.barred = [{self.labs[0].pk, self.labs[1].pk}, {self.labs[0].pk, self.labs[1].pk}, {self.labs[2].pk}]


class Requests(RuleBasedStateMachine):
    """Every example in a transaction of its own, which is undone."""

    def __init__(self, cast: Cast) -> None:
        super().__init__()
        self.undone = transaction.atomic()
        self.undone.__enter__()
        self.cast = cast
        self.now = timezone.now()
        self.tasks = 0
        self.ended: dict[object, str] = {}

    def teardown(self) -> None:
        try:
            books.assert_in_order()
        finally:
            transaction.set_rollback(True)
            self.undone.__exit__(None, None, None)

    def request(self, data: st.DataObject) -> EvaluationRequest:
        return data.draw(st.sampled_from(list(EvaluationRequest.objects.order_by("created_at", "pk"))))

    def session(self, data: st.DataObject, **which: object) -> Session:
        return data.draw(st.sampled_from(list(Session.objects.filter(**which).order_by("opened_at", "instruction"))))

    @precondition(lambda self: orders.living().count() < 4)
    @rule(
        lab=labs,
        which=st.integers(0, 1),
        wanted=st.integers(1, 3),
        cap=st.none() | st.integers(1, 2),
        hours=st.none() | st.integers(1, 4),
    )
    def place(self, lab: int, which: int, wanted: int, cap: int | None, hours: int | None) -> None:
        conditions = Conditions(
            most_from_one_lab=min(cap, wanted) if cap else None,
            until=self.now + timedelta(hours=hours) if hours else None,
        )
        there = ledger.account_of(self.cast.labs[lab]).balance
        order = {"version": self.cast.versions[lab][which], "wanted": wanted, "by": self.cast.people[lab]}
        if wanted > there:
            with pytest.raises(NotEnoughCredits):
                orders.place(**order, now=self.now, conditions=conditions)  # type: ignore[arg-type]
            return
        orders.place(**order, now=self.now, conditions=conditions)  # type: ignore[arg-type]
        assert ledger.account_of(self.cast.labs[lab]).balance == there - wanted

    @initialize(wanted=st.integers(1, 3), cap=st.none() | st.integers(1, 2), hours=st.none() | st.integers(1, 4))
    def begin(self, wanted: int, cap: int | None, hours: int | None) -> None:
        """The third lab serves what the first has ordered."""
        self.place(lab=0, which=0, wanted=wanted, cap=cap, hours=hours)
        for seed in range(2):
            self.open(lab=2, seed=seed)

    @rule(lab=labs, seed=st.integers(0, 2**16))
    def open(self, lab: int, seed: int) -> None:
        """Of labs 0 and 1, neither is dealt the other's policies, nor is anybody dealt their own."""
        self.tasks += 1
        with patch.object(assignments, "SystemRandom", lambda: Random(seed)):
            session = assignments.open_session(
                person=self.cast.people[lab],
                station=self.cast.stations[lab],
                instruction=f"task {self.tasks:03}",
                now=self.now,
            )
        owners = set(session.sides.values_list("version__policy__lab", flat=True))
        assert not owners & self.cast.barred[lab]
        assert len(set(session.sides.values_list("version", flat=True))) == 2
        request = session.request
        assert session.requested == (request is not None)
        if request is None:
            assert not self.could_serve(lab)
            return
        assert request.version_id in session.sides.values_list("version", flat=True)
        assert request.state == EvaluationRequest.State.OPEN
        assert request.until is None or self.now < request.until

    def could_serve(self, lab: int) -> bool:
        """As every draw that can serves a request here, one that served none found none that had room."""
        for request in EvaluationRequest.objects.filter(state=EvaluationRequest.State.OPEN):
            counted = labs_of(request)
            room = counted.total() < request.wanted
            allowed = request.most_from_one_lab is None or counted[self.cast.labs[lab].pk] < request.most_from_one_lab
            timely = request.until is None or self.now < request.until
            if room and allowed and timely and request.lab_id not in self.cast.barred[lab]:
                return True
        return False

    @precondition(lambda self: Session.objects.open().exists())
    @rule(data=st.data(), how=st.sampled_from(["valid", "valid", "excluded", "invalid", "abandoned"]))
    def finish(self, data: st.DataObject, how: str) -> None:
        session = self.session(data, state__in=OPEN_STATES)
        if session.lease_expires_at is None or session.lease_expires_at <= self.now:
            sessions.abandon(session=session, now=self.now, by=session.evaluator)  # type: ignore[arg-type]
            assert self.state_of(session) == (State.EXPIRED, None)
        elif how == "abandoned":
            sessions.abandon(session=session, now=self.now, by=session.evaluator)  # type: ignore[arg-type]
            assert self.state_of(session) == (State.ABANDONED, None)
        else:
            finish_session(session, valid=how != "invalid", now=self.now)
            assert self.state_of(session) == (State.SUBMITTED, how != "invalid")
        if session.valid and how == "excluded":
            self.exclude_one(session)

    @precondition(lambda self: Session.objects.filter(state__in=OVER).exists())
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        session = self.session(data, state__in=OVER)
        before = self.state_of(session), Entry.objects.count()
        judgement = sessions.Judgement(preference=None, notes="again", valid=True)
        sessions.submit(session=session, judgement=judgement, now=self.now)
        sessions.abandon(session=session, now=self.now, by=session.evaluator)  # type: ignore[arg-type]
        assert (self.state_of(session), Entry.objects.count()) == before

    @precondition(lambda self: Session.objects.filter(valid=True).exists())
    @rule(data=st.data())
    def exclude(self, data: st.DataObject) -> None:
        self.exclude_one(self.session(data, valid=True))

    def exclude_one(self, session: Session) -> None:
        sessions.exclude(session=session, reason="scene moved", comment="seen in the video", by=self.cast.eve)

    @precondition(lambda self: EvaluationRequest.objects.exists())
    @rule(data=st.data(), verb=st.sampled_from(["pause", "resume"]))
    def pause_or_resume(self, data: st.DataObject, verb: str) -> None:
        request = self.request(data)
        if request.is_over:
            with pytest.raises(Conflict, match="has ended"):
                getattr(orders, verb)(request=request, by=request.person)
            return
        found = getattr(orders, verb)(request=request, by=request.person)
        assert found.state == ("paused" if verb == "pause" else "open")

    @precondition(lambda self: EvaluationRequest.objects.exists())
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """Most often one with sessions that run: they are what is left of it."""
        running = EvaluationRequest.objects.filter(sessions__state__in=OPEN_STATES).order_by("created_at", "pk").first()
        request = running or self.request(data)
        orders.cancel(request=request, by=request.person, now=self.now)

    @rule(minutes=st.sampled_from([20, 60, 130]), sweep=st.booleans())
    def time_passes(self, minutes: int, sweep: bool) -> None:
        self.now += timedelta(minutes=minutes)
        if sweep:
            sessions.expire_overdue(now=self.now)
            orders.end_overdue(now=self.now)
            assert not Session.objects.open().filter(lease_expires_at__lte=self.now).exists()
            assert not orders.living().filter(until__lte=self.now).exists()

    def state_of(self, session: Session) -> tuple[str, bool | None]:
        session.refresh_from_db()
        return session.state, session.valid

    @invariant()
    def requests_hold_what_they_may_cost(self) -> None:
        held = dict(Account.objects.filter(kind=Account.Kind.HOLD).values_list("key", "balance"))
        for request in EvaluationRequest.objects.all():
            running, done = request.sessions.open().count(), orders.done(request)
            assert held[request.purpose] == (running if request.is_over else request.wanted - done)
            assert done + running <= request.wanted
            assert (request.state == EvaluationRequest.State.DONE) <= (done == request.wanted)
            assert request.is_over or done < request.wanted
            from_labs = labs_of(request)
            if request.most_from_one_lab is not None:
                assert max(from_labs.values(), default=0) <= request.most_from_one_lab
            if request.is_over:
                assert self.ended.setdefault(request.pk, request.state) == request.state

    @invariant()
    def valid_sessions_are_paid_once(self) -> None:
        amounts = dict(Entry.objects.values_list("key", "amount"))
        debts = dict(Debt.objects.values_list("key", "amount"))
        expected: dict[str, int] = {}
        owed: dict[str, int] = {}
        for session in Session.objects.filter(valid=True).select_related("exclusion"):
            earned, spent = orders.earned_key(session), orders.spent_key(session)
            excluded = hasattr(session, "exclusion")
            expected[earned] = settings.CREDITS_EARNED
            if session.request_id:
                expected[spent] = 1
            if session.request_id and excluded:
                expected[f"{spent}:refund"] = 1
            if excluded:
                owed[f"{earned}:taken-back"] = settings.CREDITS_EARNED
        taken_back = ":taken-back:"
        assert {k: v for k, v in amounts.items() if k.startswith("session:") and taken_back not in k} == expected
        assert debts == owed


def labs_of(request: EvaluationRequest) -> Counter[int]:
    """How many of its sessions that run or were valid are of each lab."""
    counting = request.sessions.open() | request.sessions.filter(state=State.SUBMITTED, valid=True)
    return Counter(counting.values_list("lab_id", flat=True))


@pytest.mark.django_db
@override_settings(REQUESTED_SHARE=1.0)
def test_any_sequence_of_calls_keeps_what_requests_say() -> None:
    cast = Cast()
    run_state_machine_as_test(
        lambda: Requests(cast),  # type: ignore[arg-type]
        settings=hypothesis_settings(
            max_examples=10,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
