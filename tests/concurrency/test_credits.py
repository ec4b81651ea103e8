"""Credits moved by many at once, on the real database: nothing is lost, paid twice, or waits in a ring."""

import itertools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from arena.errors import ArenaError
from arena.models import Person, Role
from credits import ledger
from credits.ledger import NotEnoughCredits
from credits.models import Account, Debt, Entry
from evaluations import assignments, sessions
from evaluations.models import EvaluationRequest, Session, State
from evaluations.pairing import Order
from evaluations.requests import orders, serving
from tests import books
from tests.concurrency import moving_credits
from tests.concurrency.test_sessions import AT_ONCE, at_once
from tests.factories import finish_session, make_lab, make_person, make_station, make_steward, make_version
from tests.processes import python

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 32
SETTINGS = "arena.config.settings"
DURATIONS = [3, pytest.param(30, marks=pytest.mark.slow)]


@pytest.fixture(autouse=True)
def _always_requested() -> Iterator[None]:
    with override_settings(REQUESTED_SHARE=1.0):
        yield


def for_a_while(seconds: float, work: Callable[[random.Random], None]) -> None:
    """Repeat it in many threads until the time is over. Whatever it raises fails the test."""
    until = time.monotonic() + seconds

    def repeat(seed: int) -> None:
        rng = random.Random(seed)
        while time.monotonic() < until:
            work(rng)

    failed = [one for one in at_once([partial(repeat, seed) for seed in range(THREADS)]) if isinstance(one, Exception)]
    if failed:
        raise ExceptionGroup(f"{len(failed)} of {THREADS} threads", failed)


class Bank:
    """Every verb of the ledger with keys that others use in the same moment. Whoever was answered writes it down."""

    def __init__(self) -> None:
        self.labs = [make_lab() for _ in range(4)]
        self.accounts = [ledger.account_of(lab) for lab in self.labs]
        Account.objects.filter(pk=self.accounts[-1].pk).update(unlimited=True)
        self.eve = make_steward()
        self.answered: list[tuple[str, int, int]] = []
        self.taken_back: set[str] = set()
        self.restored: set[str] = set()
        self.counter = itertools.count()

    def some(self, rng: random.Random) -> int:
        """A number that a few threads have at the same time; sometimes an old one."""
        latest = next(self.counter) // 4
        return latest if rng.random() < 0.7 else rng.randrange(latest + 1)

    def move(self, rng: random.Random) -> None:  # noqa: C901 a list of what may happen
        number = self.some(rng)
        wish = number // 10
        lab, purpose = self.labs[wish % len(self.labs)], f"request:{wish}"
        earlier = f"session:{rng.randrange(number + 1)}"
        with suppress(NotEnoughCredits, Account.DoesNotExist):
            match rng.randrange(8):
                case 0 | 1:
                    self.note(ledger.earn(lab=lab, amount=2, key=f"session:{number}:reward"))
                case 2:
                    ledger.hold(lab=lab, amount=rng.choice([1, 3, 9, 500]), purpose=purpose)
                    self.note(Entry.objects.get(key=f"{purpose}:held"))
                case 3:
                    self.note(ledger.spend(purpose=purpose, key=f"session:{number}:spent"))
                case 4:
                    keep = rng.randrange(3)
                    self.note(ledger.release(purpose=purpose, key=f"{purpose}:returned:{number}", keep=keep))
                case 5:
                    for one in self.labs:
                        self.note(ledger.refund(lab=one, spent=f"{earlier}:spent", comment="excluded"))
                case 6:
                    ledger.take_back(earned=f"{earlier}:reward", comment="excluded")
                    if Debt.objects.filter(key=f"{earlier}:reward:taken-back").exists():
                        self.taken_back.add(f"{earlier}:reward:taken-back")
                case 7 if self.taken_back:
                    debt = rng.choice(sorted(self.taken_back))
                    ledger.restore(earned=debt.removesuffix(":taken-back"), comment="lifted")
                    self.restored.add(debt)
                case 7:
                    self.note(ledger.grant(lab=lab, amount=1, comment="agreed", key=f"manual:{number}", by=self.eve))

    def note(self, entry: Entry | None) -> None:
        if entry is not None:
            self.answered.append((entry.key, entry.pk, entry.amount))


@pytest.mark.parametrize("seconds", DURATIONS)
def test_no_entry_is_lost_or_doubled(seconds: int) -> None:
    bank = Bank()
    for_a_while(seconds, bank.move)
    books.assert_in_order()
    there = {(entry.key, entry.pk, entry.amount) for entry in Entry.objects.all()}
    assert set(bank.answered) <= there
    debts = dict(Debt.objects.values_list("key", "lifted"))
    assert bank.taken_back <= set(debts)
    assert bank.restored <= {key for key, lifted in debts.items() if lifted}
    assert seconds < 30 or set(Entry.objects.values_list("kind", flat=True)) == {
        *("earned", "held", "spent", "released", "refunded", "taken_back", "baseline", "manual")
    }


class Market:
    """Labs that all order, and evaluate what the others ordered."""

    def __init__(self, labs: int = 4, people: int = THREADS, credits_each: int = 20) -> None:
        self.labs = [make_lab() for _ in range(labs)]
        self.versions = [make_version(lab=lab) for lab in self.labs for _ in range(2)]
        self.stations = [make_station(lab=lab) for lab in self.labs]
        self.people = [
            make_person(f"{number}@example.org", lab=self.labs[number % labs], role=Role.OWNER)
            for number in range(people)
        ]
        self.eve = make_steward()
        for lab in self.labs:
            ledger.earn(lab=lab, amount=credits_each, key=f"lab:{lab.pk}:welcome", kind=Entry.Kind.WELCOME)
        self.counter = itertools.count()

    def place(self, lab: int, wanted: int, **more: Any) -> EvaluationRequest:
        version = self.versions[2 * lab]
        return orders.place(version=version, wanted=wanted, by=self.person(lab), now=timezone.now(), **more)

    def person(self, lab: int) -> Person:
        return self.people[lab]

    def open(self, person: int) -> Session:
        return assignments.open_session(
            person=self.people[person],
            station=self.stations[person % len(self.labs)],
            instruction=f"task {next(self.counter)}",
            now=timezone.now(),
        )

    def move(self, rng: random.Random) -> None:
        try:
            self._move(rng, timezone.now())
        except ArenaError as error:
            if error.code not in REFUSALS:
                raise

    def _move(self, rng: random.Random, now: datetime) -> None:
        lab, person = rng.randrange(len(self.labs)), rng.randrange(len(self.people))
        request = EvaluationRequest.objects.order_by("?").first()
        session = Session.objects.open().order_by("?").first()
        match rng.randrange(10):
            case 0 | 1:
                self.place(lab, rng.randint(1, 2))
            case 2 | 3:
                self.open(person)
            case 4 | 5 | 6 if session:
                finish_session(session, valid=rng.random() < 0.8, now=now)
            case 7 if session and session.evaluator:
                sessions.abandon(session=session, now=now, by=session.evaluator)
            case 8:
                for valid in Session.objects.filter(valid=True, exclusion=None).order_by("?")[:1]:
                    sessions.exclude(session=valid, reason="scene moved", comment="seen", by=self.eve)
            case 9 if request:
                verb = rng.choice(["pause", "resume", "cancel"])
                getattr(orders, verb)(request=request, by=request.person, **({"now": now} if verb == "cancel" else {}))


# What somebody may be told who was not the first, or who has no credits left.
REFUSALS = {"not_enough_credits", "session_ended", "too_many_open_sessions", "request_over"}


def assert_requests_in_order() -> None:
    books.assert_in_order()
    held = dict(Account.objects.filter(kind=Account.Kind.HOLD).values_list("key", "balance"))
    for request in EvaluationRequest.objects.all():
        running, done = request.sessions.open().count(), orders.done(request)
        assert held[request.purpose] == (running if request.is_over else request.wanted - done)
        assert done + running <= request.wanted
    assert_paid_once()


def assert_paid_once() -> None:
    valid = Session.objects.filter(state=State.SUBMITTED, valid=True)
    excluded = valid.exclude(exclusion=None)
    assert keys_of(Entry.Kind.EARNED) == {orders.earned_key(session) for session in valid}
    assert keys_of(Entry.Kind.SPENT) == {orders.spent_key(session) for session in valid.exclude(request=None)}
    refunded = excluded.exclude(request=None)
    assert keys_of(Entry.Kind.REFUNDED) == {f"{orders.spent_key(session)}:refund" for session in refunded}
    debts = {f"{orders.earned_key(session)}:taken-back" for session in excluded}
    assert set(Debt.objects.values_list("key", flat=True)) == debts


def keys_of(kind: Entry.Kind) -> set[str]:
    return set(Entry.objects.filter(kind=kind).values_list("key", flat=True))


@pytest.mark.parametrize("seconds", DURATIONS)
def test_requests_keep_what_they_say(seconds: int) -> None:
    market = Market()
    for_a_while(seconds, market.move)
    assert_requests_in_order()
    now = timezone.now()
    for request in orders.living():
        orders.cancel(request=request, by=request.person, now=now)
    for session in Session.objects.open():
        finish_session(session, now=now)
    assert_requests_in_order()
    assert not Account.objects.filter(kind=Account.Kind.HOLD, balance__gt=0).exists()
    assert seconds < 30 or all(keys_of(kind) for kind in (Entry.Kind.SPENT, Entry.Kind.REFUNDED, Entry.Kind.RELEASED))


def test_a_requests_last_credit_is_for_one_session() -> None:
    market = Market(labs=2, people=2 * AT_ONCE)
    request = market.place(0, wanted=1)
    found = at_once([partial(market.open, person) for person in range(1, 2 * AT_ONCE, 2)])
    opened = [one for one in found if isinstance(one, Session)]
    assert len(opened) == AT_ONCE
    assert [session.request for session in opened if session.request] == [request]
    assert not [one for one in at_once([partial(finish_session, one) for one in opened]) if isinstance(one, Exception)]
    request.refresh_from_db()
    assert request.state == EvaluationRequest.State.DONE
    assert_requests_in_order()
    assert Entry.objects.filter(kind=Entry.Kind.SPENT).count() == 1


def test_a_last_credit_is_spent_once() -> None:
    lab = make_lab()
    ledger.earn(lab=lab, amount=1, key="welcome")
    ledger.hold(lab=lab, amount=1, purpose="request:1")
    calls = [partial(ledger.spend, purpose="request:1", key=f"session:{number}:spent") for number in range(AT_ONCE)]
    found = at_once(calls)
    assert sum(isinstance(one, Entry) for one in found) == 1
    assert sum(isinstance(one, NotEnoughCredits) for one in found) == AT_ONCE - 1
    books.assert_in_order()


def slowly(call: Callable[..., Any], *, before: float = 0.0, after: float = 0.0) -> Callable[..., Any]:
    """So that another reaches the same place before this one leaves it."""

    def slow(*arguments: Any, **named: Any) -> Any:
        time.sleep(before)
        answer = call(*arguments, **named)
        time.sleep(after)
        return answer

    return slow


def assert_all_went_well(found: Sequence[object]) -> None:
    failed = [one for one in found if isinstance(one, Exception)]
    if failed:
        raise ExceptionGroup("not all went well", failed)


def served_crosswise(market: Market) -> list[Session]:
    """A session at either lab, each for the last evaluation that the other has ordered."""
    for lab in range(2):
        market.place(lab, wanted=1)
    found = [market.open(person) for person in range(2)]
    assert all(session.request and session.request.lab != session.lab for session in found)
    return found


def test_two_labs_that_evaluate_for_each_other_do_not_wait_in_a_ring() -> None:
    found = served_crosswise(Market(labs=2, people=2))
    calls = [partial(finish_session, session, valid=True) for session in found]
    with patch.object(ledger, "earn", slowly(ledger.earn, after=0.5)):
        assert_all_went_well(at_once(calls))
    assert_requests_in_order()


def test_excluding_what_two_labs_did_for_each_other_does_not_wait_in_a_ring() -> None:
    market = Market(labs=2, people=2)
    found = [finish_session(session) for session in served_crosswise(market)]
    exclude = partial(sessions.exclude, reason="scene moved", comment="seen", by=market.eve)
    with patch.object(ledger, "take_back", slowly(ledger.take_back, after=0.5)):
        assert_all_went_well(at_once([partial(exclude, session=session) for session in found]))
    assert_requests_in_order()


def test_a_debt_that_is_lifted_while_it_is_paid() -> None:
    lab = make_lab()
    ledger.earn(lab=lab, amount=2, key="session:1:reward")
    ledger.hold(lab=lab, amount=1, purpose="request:1")
    ledger.take_back(earned="session:1:reward", comment="excluded")
    with patch.object(ledger, "_settle_debts", slowly(ledger._settle_debts, before=0.5)):
        restore = slowly(partial(ledger.restore, earned="session:1:reward", comment="lifted"), before=0.2)
        assert_all_went_well(at_once([partial(ledger.earn, lab=lab, amount=1, key="welcome"), restore]))
    books.assert_in_order()
    assert ledger.owed_by(ledger.account_of(lab)) == 0
    assert ledger.account_of(lab).balance == 2


def test_draws_that_find_the_last_place_taken_do_not_wait_in_a_ring() -> None:
    """Each takes up two requests that have no room any more, in one order or in the other."""
    market = Market(labs=2, people=2 * (1 + AT_ONCE))
    full = [market.place(0, wanted=1), market.place(0, wanted=1)]
    for person in (1, 3):
        assert market.open(person).request in full
    stale = [Order(one.pk, one.lab_id, one.version_id) for one in full]
    slow = slowly(serving._has_room, after=0.1)
    with patch.object(serving, "orders_at", lambda **_: list(stale)), patch.object(serving, "_has_room", slow):
        found = at_once([partial(market.open, person) for person in range(1, 2 * AT_ONCE, 2)])
    assert_all_went_well(found)
    assert_requests_in_order()


@pytest.mark.slow
def test_work_that_is_killed_is_taken_up_where_it_was() -> None:
    """It comes to the same, entry for entry, as the work of somebody who was never killed."""
    killed, other = make_lab(), make_lab()
    moving_credits.work(lab_id=other.pk, name="other")
    database = connection.settings_dict["NAME"]
    for lines in (5, 60, 130):
        arguments = (database, str(killed.pk), "killed")
        with python("-m", "tests.concurrency.moving_credits", *arguments, DJANGO_SETTINGS_MODULE=SETTINGS) as process:
            assert process.stdout is not None
            said = [process.stdout.readline().strip() for _ in range(lines)]
            process.kill()
        books.assert_in_order()
        assert Entry.objects.filter(key=said[-1]).exists(), said
    assert 0 < len(what_it_came_to("killed")) < len(what_it_came_to("other"))
    for _ in range(2):
        moving_credits.work(lab_id=killed.pk, name="killed")
        books.assert_in_order()
        assert what_it_came_to("killed") == what_it_came_to("other")


def what_it_came_to(name: str) -> list[tuple[str, Any]]:
    entries = Entry.objects.filter(key__startswith=f"{name}:").order_by("id")
    debts = Debt.objects.filter(key__startswith=f"{name}:").order_by("id")
    return [
        (key.removeprefix(name), rest)
        for rows in (
            entries.values_list("key", "kind", "amount", "source_after", "target_after"),
            debts.values_list("key", "amount", "paid", "lifted"),
        )
        for key, *rest in rows
    ]
