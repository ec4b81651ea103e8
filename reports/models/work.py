"""What is to be done in the background by a tagger or a writer: a row each, so that nothing is lost with a broker."""

import uuid

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils import timezone


class Work(models.Model):
    """One thing to do. It is done by whoever holds its lease; a lease that ran out is anybody's.

    `attempts` counts those that failed or were cut short, not the times that it waited for a service.
    """

    class Kind(models.TextChoices):
        TAG_SESSION = "tag-session", "tag a session"
        WRITE_REPORT = "write-report", "write a report"

    class State(models.TextChoices):
        WAITING = "waiting", "waits"
        RUNNING = "running", "runs"
        DONE = "done", "done"
        FAILED = "failed", "failed"
        SKIPPED = "skipped", "skipped by a steward"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    # What it is about: a session's id, a version's label, or two labels.
    subject = models.CharField(max_length=300)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    # Who shall do it: a provider's name, `builtin`, or nothing where the installation's choice is to be taken.
    provider = models.CharField(max_length=40, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    # Why it waits, failed, or was skipped.
    reason = models.CharField(max_length=300, blank=True)
    # What it waits for, where that is a service and not its turn.
    waits_for = models.CharField(max_length=40, blank=True)
    asked_at = models.DateTimeField(default=timezone.now)
    next_try_at = models.DateTimeField(default=timezone.now)
    lease = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("next_try_at", "asked_at")
        verbose_name_plural = "work"
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"], condition=Q(state__in=["waiting", "running"]), name="work_asked_once"
            ),
            models.CheckConstraint(
                condition=Q(state="running", lease__isnull=False, leased_until__isnull=False)
                | (~Q(state="running") & Q(lease=None, leased_until=None)),
                name="work_leased_while_it_runs",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "running"], ended_at=None)
                | (~Q(state__in=["waiting", "running"]) & Q(ended_at__isnull=False)),
                name="work_ended_when_over",
            ),
        ]
        indexes = [
            models.Index(fields=["kind", "next_try_at"], condition=Q(state="waiting"), name="work_due"),
            models.Index(fields=["leased_until"], condition=Q(state="running"), name="work_leased"),
            models.Index(fields=["kind", "subject"], name="work_subject"),
        ]
        triggers = [pgtrigger.Protect(name="work_kept", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.subject}"
