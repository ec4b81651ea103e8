"""The ledger beside a model of it in plain Python: any sequence of calls, as often as it likes."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from django.db import transaction
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from arena.errors import AccessDenied
from arena.models import Role
from credits import ledger
from credits.ledger import NotEnoughCredits
from credits.models import Account, Debt, Entry
from tests import books
from tests.factories import make_lab, make_person, make_steward

LIMITED, UNLIMITED = 0, 1
labs = st.sampled_from([LIMITED, UNLIMITED])
amounts = st.integers(1, 6)
times = st.sampled_from([1, 1, 2])
ALL = 0


@dataclass
class Owed:
    lab: int
    amount: int
    paid: int = 0
    lifted: bool = False


@dataclass
class Model:
    free: list[int] = field(default_factory=lambda: [0, 0])
    held: dict[str, int] = field(default_factory=dict)
    lab_of: dict[str, int] = field(default_factory=dict)
    earned: dict[str, tuple[int, int]] = field(default_factory=dict)
    spent: dict[str, int] = field(default_factory=dict)
    refunded: set[str] = field(default_factory=set)
    debts: dict[str, Owed] = field(default_factory=dict)

    def receive(self, lab: int, amount: int) -> None:
        self.free[lab] += amount
        for debt in self.debts.values():
            if debt.lab == lab and not debt.lifted:
                self.settle(debt)

    def settle(self, debt: Owed) -> None:
        now = min(debt.amount - debt.paid, self.free[debt.lab])
        debt.paid += now
        self.free[debt.lab] -= now


class Cast:
    """Made once: what an example does with them is undone."""

    def __init__(self) -> None:
        self.labs = [make_lab() for _ in range(2)]
        self.accounts = [ledger.account_of(lab) for lab in self.labs]
        Account.objects.filter(pk=self.accounts[UNLIMITED].pk).update(unlimited=True)
        self.eve = make_steward()
        self.alice = make_person("alice@example.org", lab=self.labs[LIMITED], role=Role.OWNER)


class Ledger(RuleBasedStateMachine):
    """Every example in a transaction of its own, which is undone."""

    earned = Bundle("earned")
    purposes = Bundle("purposes")
    spent = Bundle("spent")

    def __init__(self, cast: Cast) -> None:
        super().__init__()
        self.undone = transaction.atomic()
        self.undone.__enter__()
        self.labs, self.accounts = cast.labs, cast.accounts
        self.eve, self.alice = cast.eve, cast.alice
        self.model = Model()
        self.numbers = 0
        self.repeats: list[Callable[[], object]] = []

    def teardown(self) -> None:
        """Entries are never changed: what was wrong after any step is wrong at the end."""
        try:
            books.assert_in_order()
        finally:
            transaction.set_rollback(True)
            self.undone.__exit__(None, None, None)

    def number(self) -> int:
        self.numbers += 1
        return self.numbers

    @initialize(target=earned, lab=labs)
    def begin(self, lab: int) -> object:
        return self.earn(lab=lab, amount=2)

    @initialize(target=purposes)
    def begin_to_hold(self) -> object:
        return self.hold(lab=UNLIMITED, amount=3)

    @rule(target=earned, lab=labs, amount=amounts)
    def earn(self, lab: int, amount: int) -> str:
        key = f"session:{self.number()}:reward"
        entry = ledger.earn(lab=self.labs[lab], amount=amount, key=key)
        assert (entry.kind, entry.amount) == (Entry.Kind.EARNED, amount)
        self.model.earned[key] = (lab, amount)
        self.model.receive(lab, amount)
        self.repeats.append(lambda: _same(entry, ledger.earn(lab=self.labs[lab], amount=amount + 1, key=key)))
        return key

    @rule(lab=labs, amount=st.just(1))
    def grant(self, lab: int, amount: int) -> None:
        given = {"lab": self.labs[lab], "amount": amount, "comment": "agreed", "key": f"manual:{self.number()}"}
        with pytest.raises(AccessDenied):
            ledger.grant(**given, by=self.alice)  # type: ignore[arg-type]
        entry = ledger.grant(**given, by=self.eve)  # type: ignore[arg-type]
        self.model.receive(lab, amount)
        self.repeats.append(lambda: _same(entry, ledger.grant(**given, by=self.eve)))  # type: ignore[arg-type]

    @rule(target=purposes, lab=labs, amount=st.just(ALL) | amounts)
    def hold(self, lab: int, amount: int) -> object:
        purpose = f"request:{self.number()}"
        amount = amount or self.model.free[lab] or 1
        if lab == LIMITED and amount > self.model.free[lab]:
            with pytest.raises(NotEnoughCredits):
                ledger.hold(lab=self.labs[lab], amount=amount, purpose=purpose)
            assert not Account.objects.filter(key=purpose).exists()
            return multiple()
        held = ledger.hold(lab=self.labs[lab], amount=amount, purpose=purpose)
        assert held.balance == amount
        self.model.free[lab] = max(0, self.model.free[lab] - amount)
        self.model.held[purpose], self.model.lab_of[purpose] = amount, lab
        again = {"lab": self.labs[lab], "amount": amount + 1, "purpose": purpose}
        self.repeats.append(lambda: _same(held, ledger.hold(**again)))  # type: ignore[arg-type]
        return purpose

    @rule(target=spent, purpose=purposes)
    def spend(self, purpose: str) -> object:
        key = f"session:{self.number()}:spent"
        if not self.model.held[purpose]:
            with pytest.raises(NotEnoughCredits):
                ledger.spend(purpose=purpose, key=key)
            return multiple()
        entry = ledger.spend(purpose=purpose, key=key)
        self.model.held[purpose] -= 1
        self.model.spent[key] = self.model.lab_of[purpose]
        self.repeats.append(lambda: _same(entry, ledger.spend(purpose=purpose, key=key)))
        return key

    @rule(purpose=purposes, keep=st.integers(0, 4))
    def release(self, purpose: str, keep: int) -> None:
        key = f"{purpose}:returned:{self.number()}"
        entry = ledger.release(purpose=purpose, key=key, keep=keep)
        over = self.model.held[purpose] - keep
        if over <= 0:
            assert entry is None
            return
        assert entry is not None
        assert entry.amount == over
        self.model.held[purpose] = keep
        self.model.receive(self.model.lab_of[purpose], over)
        self.repeats.append(lambda: _same(entry, ledger.release(purpose=purpose, key=key)))

    @rule(key=spent, lab=labs)
    def refund(self, key: str, lab: int) -> None:
        """Once, whoever asks; and only to whose it was."""
        entry = ledger.refund(lab=self.labs[lab], spent=key, comment="excluded")
        if lab != self.model.spent[key]:
            assert entry is None
        elif key not in self.model.refunded:
            self.model.refunded.add(key)
            self.model.receive(lab, 1)

    @rule(key=earned, number=times)
    def take_back(self, key: str, number: int) -> None:
        ledger.take_back(earned=key, comment="excluded", number=number)
        owed = _debt(key, number)
        if owed not in self.model.debts:
            self.model.debts[owed] = Owed(*self.model.earned[key])
            self.model.settle(self.model.debts[owed])

    @rule(target=purposes, key=earned, keep=st.integers(0, 2), lifted=st.booleans())
    def run_into_debt(self, key: str, keep: int, lifted: bool) -> object:
        """Nothing is there any more when it is to be taken back; then some is returned, and the debt may be lifted."""
        lab, _ = self.model.earned[key]
        purpose = self.hold(lab=lab, amount=ALL)
        self.take_back(key=key, number=1)
        if isinstance(purpose, str):
            self.release(purpose=purpose, keep=keep)
        if lifted:
            self.restore(key=key, number=1)
        return purpose

    @rule(key=earned, number=times)
    def restore(self, key: str, number: int) -> None:
        ledger.restore(earned=key, comment="the exclusion was lifted", number=number)
        debt = self.model.debts.get(_debt(key, number))
        if debt is not None and not debt.lifted:
            debt.lifted = True
            self.model.receive(debt.lab, debt.paid)

    @precondition(lambda self: self.repeats)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """A call that went well before is answered with the first outcome, and leaves all as it is."""
        before = Entry.objects.count(), books.balances()
        data.draw(st.sampled_from(self.repeats))()
        assert (Entry.objects.count(), books.balances()) == before

    @invariant()
    def it_is_as_the_model_says(self) -> None:
        found = books.balances()
        assert [found[account.pk] for account in self.accounts] == self.model.free
        held = Account.objects.filter(kind=Account.Kind.HOLD, lab__in=self.labs).values_list("key", "balance")
        assert dict(held) == self.model.held
        owed = Debt.objects.filter(account__in=self.accounts).values_list("key", "paid", "lifted")
        assert {key: rest for key, *rest in owed} == {
            key: [debt.paid, debt.lifted] for key, debt in self.model.debts.items()
        }


def _debt(earned: str, number: int) -> str:
    return f"{earned}:taken-back" + ("" if number == 1 else f"-{number}")


def _same(first: object, again: object) -> None:
    assert again == first


@pytest.mark.django_db
def test_any_sequence_of_calls_keeps_the_books() -> None:
    cast = Cast()
    run_state_machine_as_test(
        lambda: Ledger(cast),  # type: ignore[arg-type]
        settings=hypothesis_settings(
            max_examples=28, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        ),
    )
