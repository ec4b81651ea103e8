"""Moving credits, and what the database itself refuses."""

import pytest
from django.db import Error, IntegrityError, connection, transaction

from arena.errors import AccessDenied, ArenaError
from arena.models import AuditEvent, Lab, Role
from credits import ledger
from credits.ledger import NotEnoughCredits
from credits.models import Account, Debt, Entry
from tests import books
from tests.factories import make_lab, make_person, make_steward

pytestmark = pytest.mark.django_db


@pytest.fixture
def lab() -> Lab:
    return make_lab()


def balance(lab: Lab) -> int:
    account = ledger.account_of(lab)
    moved_in = sum(entry.amount for entry in account.entries_in.all())
    moved_out = sum(entry.amount for entry in account.entries_out.all())
    assert account.balance == moved_in - moved_out
    return account.balance


def test_what_is_earned_is_there(lab: Lab) -> None:
    entry = ledger.earn(lab=lab, amount=2, key="session:1:reward")
    assert balance(lab) == 2
    assert (entry.source_after, entry.target_after) == (None, 2)


def test_a_repeat_earns_nothing(lab: Lab) -> None:
    first = ledger.earn(lab=lab, amount=2, key="session:1:reward")
    again = ledger.earn(lab=lab, amount=2, key="session:1:reward")
    assert again == first
    assert balance(lab) == 2


def test_a_request_holds_spends_and_returns(lab: Lab) -> None:
    ledger.earn(lab=lab, amount=5, key="welcome")
    held = ledger.hold(lab=lab, amount=4, purpose="request:1")
    assert (balance(lab), held.balance) == (1, 4)
    ledger.spend(purpose="request:1", key="session:1:spent")
    ledger.spend(purpose="request:1", key="session:1:spent")
    returned = ledger.release(purpose="request:1", key="request:1:returned:1", keep=1)
    assert returned is not None
    assert (returned.amount, balance(lab)) == (2, 3)
    assert ledger.release(purpose="request:1", key="request:1:returned:1") == returned
    assert ledger.release(purpose="request:1", key="request:1:returned:2", keep=1) is None
    held.refresh_from_db()
    assert held.balance == 1


def test_holding_twice_holds_once(lab: Lab) -> None:
    ledger.earn(lab=lab, amount=5, key="welcome")
    ledger.hold(lab=lab, amount=3, purpose="request:1")
    ledger.hold(lab=lab, amount=3, purpose="request:1")
    assert balance(lab) == 2


def test_nobody_holds_more_than_there_is(lab: Lab) -> None:
    ledger.earn(lab=lab, amount=2, key="welcome")
    with pytest.raises(NotEnoughCredits, match="3 credits, and 2"):
        ledger.hold(lab=lab, amount=3, purpose="request:1")
    assert balance(lab) == 2


def test_nobody_spends_more_than_is_held(lab: Lab) -> None:
    ledger.earn(lab=lab, amount=1, key="welcome")
    ledger.hold(lab=lab, amount=1, purpose="request:1")
    ledger.spend(purpose="request:1", key="session:1:spent")
    with pytest.raises(NotEnoughCredits):
        ledger.spend(purpose="request:1", key="session:2:spent")


def test_a_baselines_lab_always_has_enough(lab: Lab) -> None:
    Account.objects.filter(pk=ledger.account_of(lab).pk).update(unlimited=True)
    ledger.earn(lab=lab, amount=2, key="welcome")
    held = ledger.hold(lab=lab, amount=50, purpose="request:1")
    assert (balance(lab), held.balance) == (0, 50)
    assert Entry.objects.get(kind=Entry.Kind.BASELINE).amount == 48


def test_an_evaluation_that_does_not_count_after_all_is_paid_back(lab: Lab) -> None:
    ledger.earn(lab=lab, amount=1, key="welcome")
    ledger.hold(lab=lab, amount=1, purpose="request:1")
    ledger.spend(purpose="request:1", key="session:1:spent")
    for _ in range(2):
        ledger.refund(lab=lab, spent="session:1:spent", comment="excluded: the scene was not the same")
    assert balance(lab) == 1
    assert ledger.refund(lab=make_lab(), spent="session:1:spent", comment="not theirs") is None


def test_what_was_spent_already_is_taken_from_what_comes_next(lab: Lab) -> None:
    ledger.earn(lab=lab, amount=2, key="session:1:reward")
    ledger.earn(lab=lab, amount=1, key="welcome")
    ledger.hold(lab=lab, amount=2, purpose="request:1")
    for _ in range(2):
        ledger.take_back(earned="session:1:reward", comment="excluded")
    assert balance(lab) == 0
    assert ledger.owed_by(ledger.account_of(lab)) == 1
    ledger.earn(lab=lab, amount=2, key="session:2:reward")
    assert balance(lab) == 1
    assert ledger.owed_by(ledger.account_of(lab)) == 0


def test_what_a_request_returns_settles_debts_too(lab: Lab) -> None:
    ledger.earn(lab=lab, amount=2, key="session:1:reward")
    ledger.hold(lab=lab, amount=2, purpose="request:1")
    ledger.take_back(earned="session:1:reward", comment="excluded")
    ledger.release(purpose="request:1", key="request:1:returned")
    assert balance(lab) == 0
    assert ledger.owed_by(ledger.account_of(lab)) == 0


@pytest.mark.parametrize("spent", [0, 1, 2])
def test_an_appeal_gives_back_what_was_taken(lab: Lab, spent: int) -> None:
    ledger.earn(lab=lab, amount=2, key="session:1:reward")
    if spent:
        ledger.hold(lab=lab, amount=spent, purpose="request:1")
    ledger.take_back(earned="session:1:reward", comment="excluded")
    for _ in range(2):
        ledger.restore(earned="session:1:reward", comment="the exclusion was lifted")
    assert balance(lab) == 2 - spent
    assert ledger.owed_by(ledger.account_of(lab)) == 0


@pytest.mark.parametrize("spent", [0, 1, 2])
def test_what_was_restored_can_be_taken_back_again(lab: Lab, spent: int) -> None:
    ledger.earn(lab=lab, amount=2, key="session:1:reward")
    if spent:
        ledger.hold(lab=lab, amount=spent, purpose="request:1")
    account = ledger.account_of(lab)
    for number in range(1, 4):
        for _ in range(2):
            ledger.take_back(earned="session:1:reward", comment="excluded", number=number)
        assert (balance(lab), ledger.owed_by(account)) == (0, spent)
        assert Debt.objects.filter(account=account).count() == number
        for _ in range(2):
            ledger.restore(earned="session:1:reward", comment="the exclusion was lifted", number=number)
        assert (balance(lab), ledger.owed_by(account)) == (2 - spent, 0)
        ledger.take_back(earned="session:1:reward", comment="a late repeat", number=number)
        assert ledger.times_restored("session:1:reward") == number
    keys = set(Debt.objects.values_list("key", flat=True))
    assert keys == {f"session:1:reward:taken-back{number}" for number in ("", "-2", "-3")}
    books.assert_in_order()


def test_only_what_was_earned_is_taken_back(lab: Lab) -> None:
    ledger.earn(lab=lab, amount=2, key="lab:1:welcome", kind=Entry.Kind.WELCOME)
    ledger.take_back(earned="lab:1:welcome", comment="no")
    ledger.take_back(earned="session:9:reward", comment="there is none")
    assert balance(lab) == 2


def test_a_steward_grants_and_says_why(lab: Lab) -> None:
    eve = make_steward()
    for _ in range(2):
        ledger.grant(lab=lab, amount=7, comment="agreed at the workshop", key="manual:1", by=eve)
    assert balance(lab) == 7
    event = AuditEvent.objects.filter(tag="credits:granted").earliest("at")
    assert (event.person, event.lab, event.details["amount"]) == (eve, lab, 7)


@pytest.mark.parametrize(("amount", "comment"), [(0, "why"), (-5, "why"), (ledger.LARGEST_GRANT + 1, "why"), (5, " ")])
def test_a_grant_has_an_amount_and_a_reason(lab: Lab, amount: int, comment: str) -> None:
    with pytest.raises(ArenaError):
        ledger.grant(lab=lab, amount=amount, comment=comment, key="manual:1", by=make_steward())
    assert balance(lab) == 0


def test_only_a_steward_grants(lab: Lab) -> None:
    alice = make_person("alice@example.org", lab=lab, role=Role.OWNER)
    with pytest.raises(AccessDenied):
        ledger.grant(lab=lab, amount=5, comment="because", key="manual:1", by=alice)


def refused(sql: str, *parameters: int) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, parameters)
    except Error:
        return True
    return False


def test_the_database_itself_keeps_the_books(lab: Lab) -> None:
    """Whatever runs on top of it: these are statements that no code of ours makes."""
    entry = ledger.earn(lab=lab, amount=2, key="session:1:reward")
    account = ledger.account_of(lab)
    assert refused("UPDATE credits_account SET balance = 50 WHERE id = %s", account.pk)
    assert refused("UPDATE credits_entry SET amount = 50 WHERE id = %s", entry.pk)
    assert refused("DELETE FROM credits_entry WHERE id = %s", entry.pk)
    assert refused("DELETE FROM credits_account WHERE id = %s", account.pk)
    insert = "INSERT INTO credits_entry (key, kind, amount, source_id, target_id, comment, at)"
    assert refused(f"{insert} VALUES ('session:1:reward', 'earned', 2, NULL, %s, '', now())", account.pk)
    assert refused(f"{insert} VALUES ('a', 'spent', 3, %s, NULL, '', now())", account.pk)
    assert refused(f"{insert} VALUES ('b', 'spent', 0, %s, NULL, '', now())", account.pk)
    assert refused(f"{insert} VALUES ('c', 'spent', -1, %s, NULL, '', now())", account.pk)
    assert refused(f"{insert} VALUES ('d', 'earned', 1, NULL, NULL, '', now())")
    repeated = f"{insert} VALUES ('session:1:reward', 'earned', 2, NULL, %s, '', now()) ON CONFLICT DO NOTHING"
    assert refused(repeated, account.pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        Account.objects.create(kind=Account.Kind.HOLD, lab=lab, key="request:9", balance=5)
    assert balance(lab) == 2


def test_balances_after_an_entry_are_the_databases_own(lab: Lab) -> None:
    account = ledger.account_of(lab)
    made = Entry.objects.create(key="x", kind="earned", amount=3, target=account, target_after=99)
    made.refresh_from_db()
    assert made.target_after == 3
