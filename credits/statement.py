"""A lab's statement: what moved its credits and why, what is held, and when more comes."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from arena.models import Lab
from credits import grants, ledger
from credits.models import Account, Entry


@dataclass(frozen=True)
class Line:
    """An entry as its lab reads it. amount: negative where credits went; balance: what was there afterwards."""

    entry: Entry
    amount: int
    balance: int
    path: str
    """The page that it is about; empty where there is none."""

    @property
    def why(self) -> str:
        return str(Entry.Kind(self.entry.kind).label)


@dataclass(frozen=True)
class Summary:
    balance: int
    held: int
    """For requests that still hold some, with what these have cost so far: who evaluates cannot be told from it."""
    owed: int
    unlimited: bool
    next_grant_at: datetime
    next_grant: int
    """What the next weekly grant would bring if nothing were spent until then."""
    next_grant_comment: str


def summary(lab: Lab, *, now: datetime | None = None) -> Summary:
    account = ledger.account_of(lab)
    amount, comment = grants.weekly_amount(grants.saved_up(grants.movements(account)))
    return Summary(
        balance=account.balance,
        held=_held(lab),
        owed=ledger.owed_by(account),
        unlimited=account.unlimited,
        next_grant_at=grants.next_grant_at(now or timezone.now()),
        next_grant=amount,
        next_grant_comment=comment,
    )


def _held(lab: Lab) -> int:
    holds = Account.objects.filter(lab=lab, kind=Account.Kind.HOLD, balance__gt=0)
    ordered = Entry.objects.filter(kind=Entry.Kind.HELD, target__in=holds).aggregate(sum=Sum("amount"))["sum"] or 0
    back = Entry.objects.filter(kind=Entry.Kind.RELEASED, source__in=holds).aggregate(sum=Sum("amount"))["sum"] or 0
    return int(ordered - back)


def entries(lab: Lab) -> QuerySet[Entry]:
    """The entries of the lab's account, latest first."""
    account = ledger.account_of(lab)
    return Entry.objects.filter(Q(source=account) | Q(target=account)).select_related("person", "source", "target")


def line(entry: Entry, lab: Lab) -> Line:
    out = entry.source is not None and entry.source.lab_id == lab.pk and entry.source.kind == Account.Kind.LAB
    balance = entry.source_after if out else entry.target_after
    assert balance is not None
    return Line(entry, -entry.amount if out else entry.amount, balance, path_of(entry.key))


def path_of(key: str) -> str:
    """Keys begin with what they are about: `session:<uuid>:reward`, `request:<uuid>:held`."""
    subject, _, rest = key.partition(":")
    pages = {"session": "/sessions/", "request": "/requests/"}
    return f"{pages[subject]}{rest.partition(':')[0]}" if subject in pages else ""
