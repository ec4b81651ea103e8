"""Snapshots (immutable answers to a board's question), the inputs they were computed from, and runs of a board."""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from arena.models import Person

IMMUTABLE = pgtrigger.Update | pgtrigger.Delete


class InputChunk(models.Model):
    """A piece of inputs, kept once under its SHA-256: gzip of some lines of a canonical CSV."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    content = models.BinaryField()

    class Meta:
        triggers = [pgtrigger.Protect(name="chunk_immutable", operation=IMMUTABLE)]

    def __str__(self) -> str:
        return f"piece {self.sha256[:12]}"


class SnapshotInput(models.Model):
    """What a snapshot was computed from, byte for byte, kept under its SHA-256: see `inputs`."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    chunks = ArrayField(models.CharField(max_length=64), default=list)
    # Earlier versions kept each input whole: gzip of the CSV.
    content = models.BinaryField(null=True, blank=True)
    rows = models.PositiveIntegerField()

    class Meta:
        triggers = [pgtrigger.Protect(name="input_immutable", operation=IMMUTABLE)]

    def __str__(self) -> str:
        return f"{self.rows} sessions {self.sha256[:12]}"


class Snapshot(models.Model):
    board = models.CharField(max_length=120)
    created_at = models.DateTimeField(default=timezone.now)
    input = models.ForeignKey(SnapshotInput, on_delete=models.PROTECT, related_name="snapshots")
    # Of the rows that the board's question picks from the input and counts.
    selection_sha256 = models.CharField(max_length=64, blank=True)
    model = models.CharField(max_length=40)
    settings = models.JSONField()
    code_version = models.CharField(max_length=80)
    # The season whose task mix the settings declare; empty where that is only what was seen so far.
    season = models.CharField(max_length=20, blank=True)
    # Sessions that ended and belong to the question, those that were counted, and the rest by reason.
    total = models.PositiveIntegerField()
    counted = models.PositiveIntegerField()
    excluded = models.JSONField(default=dict)
    # On overall boards: counted sessions by what other boards ask for.
    facets = models.JSONField(default=dict)
    result = models.JSONField()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [models.Index(fields=["board", "-created_at", "-id"], name="snapshot_latest")]
        triggers = [pgtrigger.Protect(name="snapshot_immutable", operation=IMMUTABLE)]

    def __str__(self) -> str:
        return f"{self.board} as of {self.created_at:%Y-%m-%d %H:%M}"


class BoardRun(models.Model):
    """The last computation that was asked for of a board: since when it waits, and how it ended."""

    board = models.CharField(max_length=120, primary_key=True)
    asked_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # The code of the error that ended it; the board keeps its last snapshot.
    failure = models.CharField(max_length=60, blank=True)
    # The overall board's snapshot that was the last when it ran.
    answers = models.ForeignKey(Snapshot, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(failure="") | Q(ended_at__isnull=False), name="board_run_fails_when_it_ends"
            )
        ]

    def __str__(self) -> str:
        return self.board

    @property
    def is_waiting(self) -> bool:
        return self.ended_at is None or self.ended_at < self.asked_at


class FreezeQuerySet(models.QuerySet["Freeze"]):
    def living(self) -> "FreezeQuerySet":
        return self.filter(published_at=None)


class Freeze(models.Model):
    """A time in which a board keeps its last snapshot, until a steward publishes it again. Both reasons are public."""

    board = models.CharField(max_length=120)
    reason = models.TextField()
    frozen_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    frozen_at = models.DateTimeField()
    published_because = models.TextField(blank=True)
    published_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    published_at = models.DateTimeField(null=True, blank=True)

    objects = FreezeQuerySet.as_manager()

    class Meta:
        ordering = ("-frozen_at", "-pk")
        constraints = [
            models.UniqueConstraint(fields=["board"], condition=Q(published_at=None), name="freeze_one_a_board"),
            models.CheckConstraint(
                condition=Q(published_at=None, published_by=None, published_because="")
                | (Q(published_at__isnull=False, published_by__isnull=False) & ~Q(published_because="")),
                name="freeze_ends_with_a_reason",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="freeze_kept", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="freeze_said_once", fields=["board", "reason", "frozen_by", "frozen_at"]),
            pgtrigger.Protect(
                name="freeze_end_stands",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__published_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.board} frozen at {self.frozen_at:%Y-%m-%d %H:%M}"


class OddityLook(models.Model):
    """The last look at a scope: each check that was made, or could not be, as `oddity_checks.Finding` has it."""

    board = models.CharField(max_length=120, primary_key=True)
    made_at = models.DateTimeField()
    findings = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"look at {self.board}"


class Oddity(models.Model):
    """Something about a lab, an evaluator or a pair that does not fit, for a steward to look at: see `oddities`.

    figures: the finding as JSON, the probability (threshold) below which it was to review, and the ids of the sessions
    concerned. comment, looked_by: the last that was said; `comments` has all. looked_p: p when it was looked at.
    """

    board = models.CharField(max_length=120)
    kind = models.CharField(
        max_length=10, choices=[("lab", "lab"), ("evaluator", "evaluator"), ("pair", "pair of policies")]
    )
    name = models.CharField(max_length=300)
    check_name = models.CharField("check", max_length=20)
    figures = models.JSONField()
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    looked_at = models.DateTimeField(null=True, blank=True)
    looked_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    looked_p = models.FloatField(default=0.0)
    comment = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "oddities"
        ordering = ("-last_seen", "pk")
        constraints = [models.UniqueConstraint(fields=["board", "kind", "name", "check_name"], name="oddity_unique")]
        triggers = [pgtrigger.Protect(name="oddity_kept", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.check_name}"


class OddityComment(models.Model):
    """What a steward said who looked, and how likely it was then. Append-only."""

    oddity = models.ForeignKey(Oddity, on_delete=models.PROTECT, related_name="comments")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    text = models.TextField()
    p = models.FloatField()

    class Meta:
        ordering = ("made_at", "pk")
        triggers = [pgtrigger.Protect(name="oddity_comment_append_only", operation=IMMUTABLE)]

    def __str__(self) -> str:
        return f"{self.person} on {self.oddity}"
