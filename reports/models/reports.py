"""Reports on policy versions: the evidence, the words on it, and what was dropped. Each is kept as it was written."""

import uuid

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils import timezone

from arena.models import PolicyVersion


class PolicyReport(models.Model):
    """One writing of the report on a version, or on a version against another one. `number` counts them from 1.

    evidence: items and the sessions that they name, as `reports.evidence.stored` writes them. claims: in the order of
    the page. dropped: by the code of what was wrong, how many claims were not published. changes: since the last one.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="policy_reports")
    other = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    number = models.PositiveIntegerField()
    made_at = models.DateTimeField(default=timezone.now)
    sessions = models.PositiveIntegerField()
    evidence = models.JSONField()
    claims = models.JSONField()
    repaired = models.PositiveSmallIntegerField(default=0)
    dropped = models.JSONField(default=dict, blank=True)
    changes = models.JSONField(default=list, blank=True)
    provider = models.CharField(max_length=40)
    model = models.CharField(max_length=120, blank=True)
    prompt_version = models.CharField(max_length=40)
    seconds = models.FloatField(default=0.0)
    tokens_in = models.PositiveIntegerField(default=0)
    tokens_out = models.PositiveIntegerField(default=0)
    cost = models.FloatField(null=True, blank=True)

    class Meta:
        ordering = ("-made_at",)
        constraints = [
            models.UniqueConstraint(
                fields=["version", "other", "number"], nulls_distinct=False, name="policy_report_numbered"
            ),
            models.CheckConstraint(
                condition=Q(other=None) | ~Q(version=models.F("other")), name="policy_report_of_two_that_differ"
            ),
        ]
        triggers = [pgtrigger.Protect(name="policy_report_kept", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"report {self.number} on {self.version}" + (f" against {self.other}" if self.other_id else "")

    @property
    def source(self) -> str:
        """Who wrote it, for a reader."""
        return f"{self.provider}: {self.model}" if self.model else self.provider

    @property
    def dropped_count(self) -> int:
        return sum(self.dropped.values())
