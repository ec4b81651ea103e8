"""What comes by itself: the welcome and the weekly grant."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import override_settings

from arena.models import Lab, Source
from credits import grants, ledger
from credits.grants import Movement, saved_up
from credits.models import Account, Entry
from tests.factories import make_lab

pytestmark = pytest.mark.django_db

WEDNESDAY = datetime(2026, 11, 25, 12, tzinfo=UTC)
MONDAY = datetime(2026, 11, 30, tzinfo=UTC)
WEEK = timedelta(days=7)
K = Entry.Kind


@pytest.fixture
def lab() -> Lab:
    lab = make_lab()
    Account.objects.create(lab=lab, kind=Account.Kind.LAB, key=f"lab:{lab.pk}", created_at=WEDNESDAY)
    grants.give_due(now=WEDNESDAY)
    return lab


def balance(lab: Lab) -> int:
    return ledger.account_of(lab).balance


def test_a_new_lab_is_welcomed_once(lab: Lab) -> None:
    assert balance(lab) == 20
    assert grants.give_due(now=WEDNESDAY) == 0
    assert balance(lab) == 20


def test_the_week_begins_on_monday(lab: Lab) -> None:
    grants.give_due(now=MONDAY - timedelta(seconds=1))
    assert balance(lab) == 20
    assert grants.give_due(now=MONDAY) == 1
    grants.give_due(now=MONDAY + WEEK - timedelta(seconds=1))
    assert balance(lab) == 25
    assert grants.next_grant_at(WEDNESDAY) == MONDAY
    assert grants.next_grant_at(MONDAY) == MONDAY + WEEK


def test_one_weeks_grant_can_be_saved_up(lab: Lab) -> None:
    for week in range(4):
        grants.give_due(now=MONDAY + week * WEEK)
    assert balance(lab) == 30
    nothing = Entry.objects.filter(kind=K.WEEKLY).latest("id")
    assert nothing.amount == 0
    assert "10 credits of earlier weeks are unspent" in nothing.comment


def test_what_was_not_due_on_monday_does_not_come_on_tuesday(lab: Lab) -> None:
    for week in range(3):
        grants.give_due(now=MONDAY + week * WEEK)
    ledger.hold(lab=lab, amount=10, purpose="request:1")
    grants.give_due(now=MONDAY + 2 * WEEK + timedelta(days=1))
    assert balance(lab) == 20
    grants.give_due(now=MONDAY + 3 * WEEK)
    assert balance(lab) == 25


def test_ordering_and_cancelling_saves_up_no_more(lab: Lab) -> None:
    grants.give_due(now=MONDAY)
    grants.give_due(now=MONDAY + WEEK)
    ledger.hold(lab=lab, amount=30, purpose="request:1")
    ledger.release(purpose="request:1", key="request:1:returned")
    grants.give_due(now=MONDAY + 2 * WEEK)
    assert balance(lab) == 30


@pytest.mark.parametrize(
    ("past", "saved"),
    [
        ([], 0),
        ([(K.WELCOME, 20, None)], 0),
        ([(K.WEEKLY, 5, None), (K.WEEKLY, 5, None)], 10),
        ([(K.WEEKLY, 5, None), (K.EARNED, 9, None), (K.HELD, 3, 1)], 2),
        ([(K.WEEKLY, 5, None), (K.EARNED, 9, None), (K.HELD, 8, 1)], 0),
        # 8 held, of which 5 saved up; 6 spent, so that all that was saved is; 2 come back.
        ([(K.WEEKLY, 5, None), (K.EARNED, 9, None), (K.HELD, 8, 1), (K.RELEASED, 2, 1)], 0),
        ([(K.WEEKLY, 5, None), (K.EARNED, 9, None), (K.HELD, 8, 1), (K.RELEASED, 6, 1)], 3),
        ([(K.WEEKLY, 5, None), (K.HELD, 5, 1), (K.RELEASED, 3, 1), (K.RELEASED, 2, 1)], 5),
        ([(K.WEEKLY, 5, None), (K.TAKEN_BACK, 2, None)], 3),
        ([(K.WEEKLY, 1, None), (K.TAKEN_BACK, 2, None)], 0),
    ],
)
def test_weekly_grants_are_spent_first(past: list[tuple[Entry.Kind, int, int | None]], saved: int) -> None:
    assert saved_up([Movement(*movement) for movement in past]) == saved


def test_who_takes_no_part_gets_nothing(db: None) -> None:
    simulated, imported = make_lab(simulated=True), make_lab()
    Lab.objects.filter(pk=imported.pk).update(source=Source.IMPORTED)
    assert grants.give_due(now=WEDNESDAY) == 0
    with override_settings(DEMO=True):
        assert grants.give_due(now=WEDNESDAY) == 1
    assert balance(simulated) == 20


@override_settings(CREDITS_WELCOME=0, CREDITS_WEEKLY=0)
def test_an_installation_may_give_nothing(db: None) -> None:
    make_lab()
    grants.give_due(now=WEDNESDAY)
    assert not Entry.objects.exclude(kind=K.WEEKLY).exists()
