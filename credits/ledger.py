"""Moving credits. Every verb is said with a key, and a repeat is answered with the first outcome.

Where several accounts are touched in one transaction, labs' come before holds, and several labs' are locked first of
all; an account comes before its debts. So nobody waits in a ring.
"""

from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet, Sum

from arena import audit
from arena.errors import AccessDenied, ArenaError, Conflict
from arena.models import Lab, Person
from credits.models import Account, Debt, Entry

COMMENT_MAX_LENGTH = 300
LARGEST_GRANT = 100_000


class NotEnoughCredits(Conflict):
    def __init__(self, *, wanted: int, there: int) -> None:
        super().__init__(
            "not_enough_credits",
            f"That takes {wanted} credits, and {there} are at the lab's disposal.",
            hint="Valid sessions earn credits, and every week brings some.",
        )


def account_of(lab: Lab) -> Account:
    """The lab's account, opened empty where there is none yet."""
    account = Account.objects.filter(lab=lab, kind=Account.Kind.LAB).first()
    if account is None:
        made = {"key": f"lab:{lab.pk}"}
        account, _ = Account.objects.get_or_create(lab=lab, kind=Account.Kind.LAB, defaults=made)
    return account


def lock(labs: Iterable[Lab]) -> None:
    """Keep the accounts of these labs for this transaction. Everybody takes several in this one order."""
    for lab in sorted(set(labs), key=lambda lab: lab.pk):
        Account.objects.select_for_update().get(pk=account_of(lab).pk)


@transaction.atomic
def earn(
    *,
    lab: Lab,
    amount: int,
    key: str,
    kind: Entry.Kind = Entry.Kind.EARNED,
    comment: str = "",
    by: Person | None = None,
) -> Entry:
    """Credits made for a lab. What it owes is settled with them at once."""
    account = account_of(lab)
    entry = _post(key=key, kind=kind, amount=amount, target=account, comment=comment, by=by)
    _settle_debts(account)
    return entry


def grant(*, lab: Lab, amount: int, comment: str, key: str, by: Person) -> Entry:
    """A steward's gift, with the reason that the lab reads."""
    if not by.is_staff:
        raise AccessDenied("not_a_steward", "Only a steward grants credits.")
    if not 0 < amount <= LARGEST_GRANT:
        raise ArenaError("bad_amount", f"A grant is 1 to {LARGEST_GRANT} credits.")
    comment = _require_comment(comment)
    with transaction.atomic():
        entry = earn(lab=lab, amount=amount, key=key, kind=Entry.Kind.MANUAL, comment=comment, by=by)
        audit.record(
            "credits:granted", subject=f"lab:{lab.slug}", person=by, lab=lab, amount=entry.amount, comment=entry.comment
        )
    return entry


@transaction.atomic
def hold(*, lab: Lab, amount: int, purpose: str, by: Person | None = None, comment: str = "") -> Account:
    """Set credits aside for `purpose`. Raises NotEnoughCredits; a lab without limit always has enough."""
    account = Account.objects.select_for_update().get(pk=account_of(lab).pk)
    held = _hold_account(lab, purpose)
    key = f"{purpose}:held"
    if Entry.objects.filter(key=key).exists():
        return held
    lacking = amount - account.balance
    if lacking > 0 and account.unlimited:
        _post(key=f"{purpose}:baseline", kind=Entry.Kind.BASELINE, amount=lacking, target=account)
    elif lacking > 0:
        raise NotEnoughCredits(wanted=amount, there=account.balance)
    _post(key=key, kind=Entry.Kind.HELD, amount=amount, source=account, target=held, by=by, comment=comment)
    held.refresh_from_db()
    return held


def spend(*, purpose: str, key: str, comment: str = "") -> Entry:
    """One of the credits held for `purpose` is used up. Raises NotEnoughCredits where none is left."""
    held = Account.objects.get(kind=Account.Kind.HOLD, key=purpose)
    return _post(key=key, kind=Entry.Kind.SPENT, amount=1, source=held, comment=comment)


@transaction.atomic
def release(*, purpose: str, key: str, keep: int = 0, comment: str = "", by: Person | None = None) -> Entry | None:
    """All that is held for `purpose` but `keep` credits goes back to the lab. None where there is no more than that."""
    held = Account.objects.select_related("lab").get(kind=Account.Kind.HOLD, key=purpose)
    account = account_of(held.lab)
    # In the order of every entry between the two, so that what is left cannot change in between.
    list(Account.objects.select_for_update().filter(pk__in=[account.pk, held.pk]).order_by("pk"))
    known = Entry.objects.filter(key=key).first()
    held.refresh_from_db()
    if known is not None or held.balance <= keep:
        return known
    amount = held.balance - keep
    entry = _post(key=key, kind=Entry.Kind.RELEASED, amount=amount, source=held, target=account, comment=comment, by=by)
    _settle_debts(account)
    return entry


@transaction.atomic
def refund(*, lab: Lab, spent: str, comment: str) -> Entry | None:
    """A credit that the entry `spent` used up is given back to the lab. None where there is no such entry."""
    if not Entry.objects.filter(key=spent, kind=Entry.Kind.SPENT, source__lab=lab).exists():
        return None
    return earn(lab=lab, amount=1, key=f"{spent}:refund", kind=Entry.Kind.REFUNDED, comment=comment)


@transaction.atomic
def take_back(*, earned: str, comment: str, by: Person | None = None, number: int = 1) -> None:
    """What the entry `earned` brought is taken back: what is there at once, the rest from what the lab earns next.

    number: what was restored can be taken back a second time, and so on; the same number again changes nothing.
    """
    comment = _require_comment(comment)
    entry = Entry.objects.filter(key=earned, kind=Entry.Kind.EARNED).select_related("target__lab").first()
    if entry is None or entry.target is None:
        return
    account = Account.objects.select_for_update().get(pk=entry.target.pk)
    debt, created = Debt.objects.get_or_create(
        key=_numbered(f"{earned}:taken-back", number),
        defaults={"account": account, "amount": entry.amount, "comment": comment},
    )
    if created:
        lab = entry.target.lab
        _settle(debt, account, by=by)
        audit.record(
            "credits:taken-back", subject=f"lab:{lab.slug}", person=by, lab=lab, amount=debt.amount, comment=comment
        )


@transaction.atomic
def restore(*, earned: str, comment: str, by: Person | None = None, number: int = 1) -> None:
    """What was taken back by mistake is given again; what was still owed is owed no more."""
    key = _numbered(f"{earned}:taken-back", number)
    debt = Debt.objects.filter(key=key).select_related("account__lab").first()
    if debt is None:
        return
    Account.objects.select_for_update().get(pk=debt.account_id)
    if not Debt.objects.filter(pk=debt.pk, lifted=False).update(lifted=True):
        return
    debt.refresh_from_db(fields=["paid"])
    lab, comment = debt.account.lab, _require_comment(comment)
    if debt.paid:
        key = _numbered(f"{earned}:restored", number)
        earn(lab=lab, amount=debt.paid, key=key, comment=comment, by=by)
    audit.record("credits:restored", subject=f"lab:{lab.slug}", person=by, lab=lab, amount=debt.amount, comment=comment)


def times_restored(earned: str) -> int:
    return Debt.objects.filter(key__startswith=f"{earned}:taken-back", lifted=True).count()


def _numbered(key: str, number: int) -> str:
    return key if number == 1 else f"{key}-{number}"


def owed_by(account: Account) -> int:
    total = _open_debts(account).aggregate(owed=Sum(F("amount") - F("paid")))["owed"]
    return int(total or 0)


def _settle_debts(account: Account) -> None:
    for debt in _open_debts(account).select_for_update().order_by("pk"):
        account.refresh_from_db()
        _settle(debt, account)


def _open_debts(account: Account) -> QuerySet[Debt]:
    return account.debts.filter(lifted=False, paid__lt=F("amount"))


def _settle(debt: Debt, account: Account, *, by: Person | None = None) -> None:
    now = min(debt.owed, account.balance)
    if now:
        key = f"{debt.key}:{debt.paid + now}"
        _post(key=key, kind=Entry.Kind.TAKEN_BACK, amount=now, source=account, comment=debt.comment, by=by)
        Debt.objects.filter(pk=debt.pk).update(paid=F("paid") + now)


def _hold_account(lab: Lab, purpose: str) -> Account:
    account, _ = Account.objects.get_or_create(key=purpose, defaults={"kind": Account.Kind.HOLD, "lab": lab})
    return account


def _post(
    *,
    key: str,
    kind: Entry.Kind,
    amount: int,
    source: Account | None = None,
    target: Account | None = None,
    comment: str = "",
    by: Person | None = None,
) -> Entry:
    """The entry with this key, written now or before."""
    facts = {"kind": kind, "amount": amount, "source": source, "target": target, "comment": comment, "person": by}
    known = Entry.objects.filter(key=key).first()
    if known is not None:
        return known
    try:
        with transaction.atomic():
            entry = Entry.objects.create(key=key, **facts)
    except IntegrityError as error:
        known = Entry.objects.filter(key=key).first()
        if known is not None:
            return known
        if source is not None and _constraint_of(error) == "account_never_negative":
            source.refresh_from_db()
            raise NotEnoughCredits(wanted=amount, there=source.balance) from None
        raise
    entry.refresh_from_db(fields=["source_after", "target_after"])
    return entry


def _constraint_of(error: IntegrityError) -> str | None:
    diagnosis = getattr(error.__cause__, "diag", None)
    return getattr(diagnosis, "constraint_name", None)


def _require_comment(comment: str) -> str:
    comment = " ".join(comment.split())
    if not comment or len(comment) > COMMENT_MAX_LENGTH or not comment.isprintable():
        raise ArenaError(
            "comment_missing", f"Say why, in 1 to {COMMENT_MAX_LENGTH} characters: the lab reads it on its statement."
        )
    return comment
