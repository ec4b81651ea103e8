"""Policies, their versions, and where they are served."""

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils import timezone

from arena.models.labs import Embodiment, Lab, Source
from arena.models.people import Person


class Policy(models.Model):
    """What is evaluated. An imported policy has no owner until a lab claims it through a steward."""

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=120)
    lab = models.ForeignKey(Lab, on_delete=models.PROTECT, related_name="policies", null=True, blank=True)
    open_source = models.BooleanField(default=False)
    simulated = models.BooleanField(default=False)
    # A known policy that training sessions are run against. It is in the pool all the same.
    practice = models.BooleanField(default=False)
    source = models.CharField(max_length=12, choices=Source.choices, default=Source.REGISTERED)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "policies"
        ordering = ("name",)
        constraints = [
            models.CheckConstraint(
                condition=Q(source="imported") | Q(lab__isnull=False), name="policy_registered_has_lab"
            )
        ]

    def __str__(self) -> str:
        return self.name


class PolicyStake(models.Model):
    """A lab that has a stake in a policy it does not own: it never evaluates it. Ended, never deleted."""

    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="stakes")
    lab = models.ForeignKey(Lab, on_delete=models.PROTECT, related_name="stakes")
    declared_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="stakes_declared")
    comment = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="stakes_ended")

    class Meta:
        ordering = ("created_at",)
        constraints = [
            models.UniqueConstraint(fields=["policy", "lab"], condition=Q(ended_at=None), name="stake_unique")
        ]
        triggers = [
            pgtrigger.ReadOnly(name="stake_immutable", fields=["policy", "lab", "declared_by", "created_at"]),
            pgtrigger.Protect(name="stake_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.lab} in {self.policy}"


class PolicyVersion(models.Model):
    """The ranked unit. Immutable but for its place in the pool: new weights are a new version."""

    class Pool(models.TextChoices):
        TRIAL = "trial", "before its trial"
        ACTIVE = "active", "in the pool"
        PAUSED = "paused", "paused"
        RETIRED = "retired", "retired"

    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="versions")
    version = models.CharField(max_length=40)
    embodiment = models.ForeignKey(Embodiment, on_delete=models.PROTECT, related_name="versions")
    pool = models.CharField(max_length=8, choices=Pool.choices, default=Pool.ACTIVE)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("policy", "created_at")
        constraints = [models.UniqueConstraint(fields=["policy", "version"], name="version_unique")]
        triggers = [
            pgtrigger.ReadOnly(name="version_immutable", fields=["policy", "version", "embodiment", "created_at"]),
            pgtrigger.Protect(name="version_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        return f"{self.policy.slug}@{self.version}"


class Endpoint(models.Model):
    """Where a version is served: known to its owner and the relay, to nobody else.

    A version is dealt from the first check that its server passes. From then on a check that could not be made excludes
    nothing by itself: down is who was reached and found wanting, or could not be reached several times in a row.
    """

    class Health(models.TextChoices):
        UNKNOWN = "unknown", "not reached yet"
        UP = "up", "up"
        DOWN = "down", "down"

    version = models.OneToOneField(PolicyVersion, on_delete=models.CASCADE, related_name="endpoint")
    url = models.CharField(max_length=300)
    health = models.CharField(max_length=8, choices=Health.choices, default=Health.UNKNOWN)
    failures = models.PositiveIntegerField("failed checks in a row", default=0)
    last_problem = models.CharField(max_length=200, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    # The server's own description of itself, as last seen: the six fields of its first frame.
    metadata = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"endpoint of {self.version_id}"


class HealthChange(models.Model):
    """When a server's health became another: what uptime is counted from. Append-only."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="changes")
    health = models.CharField(max_length=8, choices=Endpoint.Health.choices)
    problem = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("at", "pk")
        indexes = [models.Index(fields=["endpoint", "at"], name="health_change_of_endpoint")]
        triggers = [pgtrigger.Protect(name="health_change_append_only", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return f"{self.health} since {self.at:%Y-%m-%d %H:%M}"
