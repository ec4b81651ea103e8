"""Checks of policy servers that their owners asked for."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from arena.models import Person, PolicyVersion


class ProtocolCheck(models.Model):
    """What a server did when it was spoken to as a rollout would. findings: [{"step", "outcome", "sentence"}, …].

    The row is the order: a worker claims it, and one that was lost is taken up again.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="protocol_checks")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="protocol_checks")
    asked_at = models.DateTimeField(default=timezone.now)
    claimed_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)
    findings = models.JSONField(default=list)
    passed = models.BooleanField(null=True, blank=True)
    first_ms = models.FloatField(null=True, blank=True)
    median_ms = models.FloatField(null=True, blank=True)
    p95_ms = models.FloatField(null=True, blank=True)

    class Meta:
        ordering = ("-asked_at",)
        constraints = [
            models.UniqueConstraint(
                fields=["version"], condition=Q(finished_at=None), name="protocol_check_one_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"check of {self.version_id}"
