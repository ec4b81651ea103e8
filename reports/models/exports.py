"""Exports of the public data: one a day at most, each with its files. What was made is never changed."""

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils import timezone


class DataExport(models.Model):
    """The order for an export, and what became of it.

    reading: a hash of how much there was to export when it was ordered; the next one is ordered where it differs.
    folder: where its files lie in the storage. removed_at: when they were removed, as newer ones were made.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "waits"
        RUNNING = "running", "is being made"
        MADE = "made", "made"
        FAILED = "failed", "failed"

    day = models.DateField(unique=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    reading = models.CharField(max_length=64)
    schema_version = models.PositiveSmallIntegerField()
    asked_at = models.DateTimeField(default=timezone.now)
    claimed_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    problem = models.CharField(max_length=200, blank=True)
    made_at = models.DateTimeField(null=True, blank=True)
    sessions = models.PositiveIntegerField(default=0)
    folder = models.CharField(max_length=100, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-day",)
        constraints = [
            models.CheckConstraint(
                condition=Q(state="made", made_at__isnull=False)
                | (~Q(state="made") & Q(made_at=None, removed_at=None)),
                name="export_made_when_it_is",
            )
        ]
        triggers = [
            pgtrigger.Protect(name="export_kept", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="export_ordered_once", fields=["day", "reading", "schema_version", "asked_at"]),
            pgtrigger.Protect(
                name="export_stands",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__state="made")
                & (
                    pgtrigger.Q(old__state__df=pgtrigger.F("new__state"))
                    | pgtrigger.Q(old__made_at__df=pgtrigger.F("new__made_at"))
                    | pgtrigger.Q(old__sessions__df=pgtrigger.F("new__sessions"))
                    | pgtrigger.Q(old__folder__df=pgtrigger.F("new__folder"))
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"export of {self.day}"


class ExportFile(models.Model):
    """One file of an export. rows: of a table."""

    export = models.ForeignKey(DataExport, on_delete=models.PROTECT, related_name="files")
    name = models.CharField(max_length=80)
    about = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    rows = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ("pk",)
        constraints = [models.UniqueConstraint(fields=["export", "name"], name="export_file_unique")]
        triggers = [pgtrigger.Protect(name="export_file_immutable", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.name} of {self.export}"

    @property
    def path(self) -> str:
        return f"{self.export.folder}/{self.name}"
