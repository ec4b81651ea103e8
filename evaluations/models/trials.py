"""Trials: a lab runs a version a few times under its eyes, before anybody is dealt it."""

import uuid

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils import timezone

from arena.models import Lab, Person, PolicyVersion


class Trial(models.Model):
    """An owner's wish that a lab tries a version, and what the lab decided. What was decided stands."""

    class State(models.TextChoices):
        ASKED = "asked", "asked for"
        GO = "go", "go"
        NO_GO = "no_go", "no-go"
        WITHDRAWN = "withdrawn", "withdrawn"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="trials")
    host = models.ForeignKey(Lab, on_delete=models.PROTECT, related_name="trials_hosted")
    asked_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="trials_asked")
    asked_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ASKED)
    decided_by = models.ForeignKey(
        Person, on_delete=models.PROTECT, null=True, blank=True, related_name="trials_decided"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    comment = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ("-asked_at",)
        constraints = [
            models.UniqueConstraint(fields=["version"], condition=Q(state="asked"), name="trial_one_living_a_version"),
            models.CheckConstraint(
                condition=Q(state="asked", decided_by=None, decided_at=None)
                | (Q(state__in=["go", "no_go", "withdrawn"]) & Q(decided_by__isnull=False, decided_at__isnull=False)),
                name="trial_decided_by_somebody",
            ),
            models.CheckConstraint(condition=~Q(state="no_go", comment=""), name="trial_no_go_says_why"),
        ]
        triggers = [
            pgtrigger.ReadOnly(name="trial_immutable", fields=["version", "host", "asked_by", "asked_at"]),
            pgtrigger.Protect(
                name="trial_decision_stands",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__decided_at__isnull=False),
            ),
            pgtrigger.Protect(name="trial_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"trial of {self.version} at {self.host}"

    @property
    def is_living(self) -> bool:
        return self.state == self.State.ASKED
