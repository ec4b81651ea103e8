"""The ledger: accounts, and entries that move credits between them.

An entry moves whole credits from a source to a target; where one of the two is missing, the credits are made or used
up. So nothing is ever lost between accounts. Entries are never changed, and only an entry changes a balance: both are
the database's own rules, whatever code runs on top of it.
"""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from arena.models import Lab, Person


class Account(models.Model):
    """A lab's credits at its disposal, or some of them held for a purpose that its key names."""

    class Kind(models.TextChoices):
        LAB = "lab", "at the lab's disposal"
        HOLD = "hold", "held"

    kind = models.CharField(max_length=4, choices=Kind.choices)
    lab = models.ForeignKey(Lab, on_delete=models.PROTECT, related_name="accounts")
    key = models.CharField(max_length=80, unique=True)
    balance = models.BigIntegerField(default=0)
    # Of a lab that serves baselines for everybody: what it lacks is made when it is needed.
    unlimited = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(balance__gte=0), name="account_never_negative"),
            models.UniqueConstraint(fields=["lab"], condition=Q(kind="lab"), name="account_one_a_lab"),
            models.CheckConstraint(condition=Q(kind="lab") | Q(unlimited=False), name="account_unlimited_is_a_labs"),
        ]
        triggers = [
            pgtrigger.ReadOnly(name="account_immutable", fields=["kind", "lab", "key", "created_at"]),
            pgtrigger.Protect(name="account_kept", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="account_starts_empty",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                condition=pgtrigger.Q(new__balance__df=0),
                func="RAISE EXCEPTION 'An account starts empty.' USING ERRCODE = 'check_violation';",
            ),
            pgtrigger.Trigger(
                name="account_moves_by_entries",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.balance IS DISTINCT FROM NEW.balance AND pg_catalog.pg_trigger_depth() = 0"
                ),
                func="RAISE EXCEPTION 'Only an entry changes a balance.' USING ERRCODE = 'check_violation';",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.balance}"


MOVE_CREDITS = """
    IF NEW.source_id < NEW.target_id THEN
        UPDATE credits_account SET balance = balance - NEW.amount WHERE id = NEW.source_id
            RETURNING balance INTO NEW.source_after;
    END IF;
    UPDATE credits_account SET balance = balance + NEW.amount WHERE id = NEW.target_id
        RETURNING balance INTO NEW.target_after;
    IF NEW.target_id IS NULL OR NEW.source_id > NEW.target_id THEN
        UPDATE credits_account SET balance = balance - NEW.amount WHERE id = NEW.source_id
            RETURNING balance INTO NEW.source_after;
    END IF;
    -- Whoever wrote the same key at the same time has ended by now: both wanted the same accounts.
    IF EXISTS (SELECT FROM credits_entry WHERE key = NEW.key) THEN
        RAISE EXCEPTION 'There is an entry %.', NEW.key
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'entry_key_unique';
    END IF;
    -- Numbers follow the order in which an account was moved.
    NEW.id = nextval(pg_get_serial_sequence('credits_entry', 'id'));
    RETURN NEW;
"""


class Entry(models.Model):
    """A line of the ledger. Its key says what it is for and keeps it single: `session:<uuid>:reward`.

    source_after, target_after: the balances that it left, written by the database. An entry's number is greater than
    that of every earlier entry of the same account.
    """

    class Kind(models.TextChoices):
        WELCOME = "welcome", "welcome"
        WEEKLY = "weekly", "weekly grant"
        MANUAL = "manual", "granted by a steward"
        BASELINE = "baseline", "made for a baseline"
        EARNED = "earned", "earned by a valid session"
        HELD = "held", "held for a request"
        RELEASED = "released", "returned from a request"
        SPENT = "spent", "an evaluation"
        REFUNDED = "refunded", "an evaluation paid back"
        TAKEN_BACK = "taken_back", "taken back"

    key = models.CharField(max_length=160)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    amount = models.PositiveIntegerField()
    source = models.ForeignKey(Account, on_delete=models.PROTECT, null=True, blank=True, related_name="entries_out")
    target = models.ForeignKey(Account, on_delete=models.PROTECT, null=True, blank=True, related_name="entries_in")
    source_after = models.BigIntegerField(null=True, blank=True, editable=False)
    target_after = models.BigIntegerField(null=True, blank=True, editable=False)
    comment = models.CharField(max_length=300, blank=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="credit_entries")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "entries"
        constraints = [
            models.UniqueConstraint(fields=["key"], name="entry_key_unique"),
            models.CheckConstraint(
                condition=Q(source__isnull=False) | Q(target__isnull=False), name="entry_moves_something"
            ),
            models.CheckConstraint(condition=~Q(source=F("target")), name="entry_between_two"),
            # A week in which nothing was due has its line too, which says why.
            models.CheckConstraint(condition=Q(amount__gt=0) | Q(kind="weekly"), name="entry_has_an_amount"),
            models.CheckConstraint(condition=~Q(kind="manual") | ~Q(comment=""), name="entry_by_hand_says_why"),
        ]
        indexes = [
            models.Index(fields=["source", "-id"], name="entry_out"),
            models.Index(fields=["target", "-id"], name="entry_in"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="entry_moves_credits", when=pgtrigger.Before, operation=pgtrigger.Insert, func=MOVE_CREDITS
            ),
            pgtrigger.Protect(name="entry_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.key}"


class Debt(models.Model):
    """What was to be taken back from a lab and was spent already: what it earns next settles it first."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="debts")
    key = models.CharField(max_length=140, unique=True)
    amount = models.PositiveIntegerField()
    paid = models.PositiveIntegerField(default=0)
    # Found to be no debt after all: what was paid is given back, the rest is not asked for.
    lifted = models.BooleanField(default=False)
    comment = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0, paid__lte=F("amount")), name="debt_within_its_amount")
        ]
        triggers = [
            pgtrigger.ReadOnly(name="debt_immutable", fields=["account", "key", "amount", "comment", "created_at"]),
            pgtrigger.Protect(name="debt_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.amount - self.paid} of {self.amount} owed: {self.key}"

    @property
    def owed(self) -> int:
        return self.amount - self.paid
