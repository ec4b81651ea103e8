"""Going over the books: what must hold of all accounts, entries and debts at any time, whatever led there."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.db.models import F

from credits.models import Account, Debt, Entry

OUTSIDE = None
"""Where credits come from when they are made, and where they go when they are used up."""

Balances = dict[int | None, int]


def balances() -> Balances:
    return dict(Account.objects.values_list("pk", "balance"))


def replay() -> Balances:
    """All entries once more from the first to the last: what each of them left is what it says."""
    found: Balances = dict.fromkeys(balances(), 0) | {OUTSIDE: 0}
    for row in Entry.objects.order_by("id").values():
        _replay_one(row, found)
    return found


def _replay_one(row: Mapping[str, Any], found: Balances) -> None:
    source, target = row["source_id"], row["target_id"]
    found[source] -= row["amount"]
    found[target] += row["amount"]
    assert row["source_after"] == (None if source is OUTSIDE else found[source]), row
    assert row["target_after"] == (None if target is OUTSIDE else found[target]), row
    assert all(found[account] >= 0 for account in (source, target) if account is not OUTSIDE), row


def assert_in_order() -> None:
    """Needs a moment in which nobody writes."""
    found = replay()
    made_and_not_used_up = -found.pop(OUTSIDE)
    assert found == balances()
    assert made_and_not_used_up == sum(found.values())
    keys = Counter(Entry.objects.values_list("key", flat=True))
    assert not [key for key, count in keys.items() if count > 1]
    _assert_debts_in_order()


def _assert_debts_in_order() -> None:
    """What was paid of a debt is what was taken for it, and nobody who still owes has credits to spend."""
    paid: Counter[str] = Counter()
    for key, amount in Entry.objects.filter(kind=Entry.Kind.TAKEN_BACK).values_list("key", "amount"):
        paid[key.rpartition(":")[0]] += amount
    assert paid == Counter({key: amount for key, amount in Debt.objects.values_list("key", "paid") if amount})
    owing = Debt.objects.filter(lifted=False, paid__lt=F("amount"))
    assert not owing.filter(account__balance__gt=0).exists()
