"""Requests: an owner's orders for evaluations."""

import uuid

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from arena.models import Lab, Person, PolicyVersion
from evaluations.models.sessions import TaskCategory

LARGEST_REQUEST = 1000


class EvaluationRequest(models.Model):
    """An order for so many evaluations of a version, under conditions, paid with credits that are held for it.

    What was ordered never changes; its state does, and ends once. A session that it caused counts for it when it is
    valid.
    """

    class State(models.TextChoices):
        OPEN = "open", "open"
        PAUSED = "paused", "paused"
        DONE = "done", "done"
        DECIDED = "decided", "ended early: decided"
        EXPIRED = "expired", "ended: its time is over"
        CANCELLED = "cancelled", "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="requests")
    lab = models.ForeignKey(Lab, on_delete=models.PROTECT, related_name="requests")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="requests")
    wanted = models.PositiveIntegerField("evaluations")
    # Conditions; empty where any will do.
    categories = ArrayField(models.CharField(max_length=12, choices=TaskCategory.choices), default=list, blank=True)
    opponents = models.ManyToManyField(PolicyVersion, blank=True, related_name="+")
    until = models.DateTimeField(null=True, blank=True)
    most_from_one_lab = models.PositiveIntegerField("at most so many from one lab", null=True, blank=True)
    stop_when_decided = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at",)
        constraints = [
            models.CheckConstraint(
                condition=Q(wanted__gte=1, wanted__lte=LARGEST_REQUEST), name="request_wants_some_evaluations"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["open", "paused"], ended_at=None)
                | (~Q(state__in=["open", "paused"]) & Q(ended_at__isnull=False)),
                name="request_ended_has_a_time",
            ),
            models.CheckConstraint(
                condition=Q(most_from_one_lab=None) | Q(most_from_one_lab__gte=1), name="request_lab_cap_positive"
            ),
        ]
        indexes = [models.Index(fields=["state"], condition=Q(state="open"), name="request_open")]
        triggers = [
            pgtrigger.ReadOnly(
                name="request_order_stands",
                fields=[
                    "version", "lab", "person", "wanted", "categories", "until", "most_from_one_lab",
                    "stop_when_decided", "created_at",
                ],
            ),
            pgtrigger.Protect(
                name="request_end_stands",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__ended_at__isnull=False),
            ),
            pgtrigger.Protect(name="request_kept", operation=pgtrigger.Delete),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.wanted} evaluations of {self.version}"

    @property
    def purpose(self) -> str:
        """What its credits are held for, in the ledger."""
        return f"request:{self.pk}"

    @property
    def is_over(self) -> bool:
        return self.ended_at is not None
