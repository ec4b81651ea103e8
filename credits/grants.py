"""Credits that come by themselves: a welcome, and a weekly grant that can be saved up for one week."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from arena import audit
from arena.models import Lab, Source
from credits import ledger
from credits.models import Account, Entry

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Movement:
    """An entry as one account sees it. hold: the account on the other side, where credits are held or released."""

    kind: Entry.Kind
    amount: int
    hold: int | None = None


def participants() -> QuerySet[Lab]:
    """Labs that take part. A simulated one takes part in a demo installation only."""
    labs = Lab.objects.filter(source=Source.REGISTERED)
    return labs if settings.DEMO else labs.filter(simulated=False)


def week_of(now: datetime) -> datetime:
    """When the week began: Monday, 00:00 UTC."""
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def next_grant_at(now: datetime) -> datetime:
    return week_of(now) + WEEK


def give_due(*, now: datetime) -> int:
    """The welcome of labs that have none yet, and this week's grant of those that were there when it began."""
    return sum(_give_due(lab, now) for lab in participants())


@transaction.atomic
def _give_due(lab: Lab, now: datetime) -> int:
    account = ledger.account_of(lab)
    given = welcome(lab)
    week = week_of(now)
    key = f"lab:{lab.pk}:weekly:{week:%G-W%V}"
    if account.created_at >= week or Entry.objects.filter(key=key).exists():
        return given
    # Whatever else moves this account waits, so that what is saved up is what it was when the grant was measured.
    account = Account.objects.select_for_update().get(pk=account.pk)
    amount, comment = weekly_amount(saved_up(movements(account)))
    ledger.earn(lab=lab, amount=amount, key=key, kind=Entry.Kind.WEEKLY, comment=comment)
    audit.record("credits:weekly", subject=f"lab:{lab.slug}", lab=lab, amount=amount, comment=comment)
    return given + 1


def welcome(lab: Lab) -> int:
    """1 where the lab was welcomed just now."""
    key = f"lab:{lab.pk}:welcome"
    if not settings.CREDITS_WELCOME or Entry.objects.filter(key=key).exists():
        return 0
    amount = settings.CREDITS_WELCOME
    with transaction.atomic():
        ledger.earn(lab=lab, amount=amount, key=key, kind=Entry.Kind.WELCOME)
        audit.record("credits:welcomed", subject=f"lab:{lab.slug}", lab=lab, amount=amount)
    return 1


def weekly_amount(saved: int) -> tuple[int, str]:
    """How much this week brings where `saved` credits of earlier weeks are unspent, and why where it is less."""
    weekly = settings.CREDITS_WEEKLY
    amount = max(0, min(weekly, 2 * weekly - saved))
    if amount == weekly:
        return amount, ""
    return amount, f"{saved} credits of earlier weeks are unspent, and one week's can be saved up."


def saved_up(past: Iterable[Movement]) -> int:
    """How many credits of weekly grants are unspent. They are spent first, also those that are held."""
    saved = 0
    held: dict[int | None, int] = {}
    saved_in: dict[int | None, int] = {}
    for movement in past:
        amount, hold = movement.amount, movement.hold
        match movement.kind:
            case Entry.Kind.WEEKLY:
                saved += amount
            case Entry.Kind.HELD:
                held[hold], saved_in[hold] = amount, min(amount, saved)
                saved -= saved_in[hold]
            case Entry.Kind.RELEASED:
                held[hold] -= amount
                returned = max(saved_in[hold] - held[hold], 0)
                saved_in[hold] -= returned
                saved += returned
            case Entry.Kind.TAKEN_BACK:
                saved = max(saved - amount, 0)
    return saved


def movements(account: Account) -> list[Movement]:
    """All that ever moved the account, oldest first."""
    entries = Entry.objects.filter(Q(source=account) | Q(target=account)).order_by("id")
    return [
        Movement(Entry.Kind(kind), amount, target if source == account.pk else source)
        for kind, amount, source, target in entries.values_list("kind", "amount", "source", "target")
    ]
