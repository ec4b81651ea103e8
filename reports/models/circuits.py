"""Which providers are left alone for a while, because they failed."""

from django.db import models
from django.db.models import Q


class Circuit(models.Model):
    """A provider's failures in a row. Open: nobody asks it, but for one worker at `retry_at`, which probes."""

    provider = models.CharField(max_length=40, unique=True)
    failures = models.PositiveIntegerField("failures in a row", default=0)
    open_since = models.DateTimeField(null=True, blank=True)
    retry_at = models.DateTimeField(null=True, blank=True)
    # Half-open: somebody probes, and `retry_at` is when they are given up.
    probing_since = models.DateTimeField(null=True, blank=True)
    failed_probes = models.PositiveIntegerField(default=0)
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("provider",)
        constraints = [
            models.CheckConstraint(
                condition=Q(open_since=None, retry_at=None, probing_since=None)
                | Q(open_since__isnull=False, retry_at__isnull=False),
                name="circuit_closed_or_retried",
            )
        ]

    def __str__(self) -> str:
        return f"{self.provider}: {self.state}"

    @property
    def state(self) -> str:
        if self.open_since is None:
            return "closed"
        return "half-open" if self.probing_since else "open"
