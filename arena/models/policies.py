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


# A condition of queries on versions: whose name is not told yet.
UNLISTED = ~Q(pseudonym="") & Q(listed_at=None)


def parts_of(label: str) -> tuple[str, str]:
    """The slug and the version of SLUG@VERSION. Of what the database cannot be asked for: nothing's."""
    slug, _, version = label.rpartition("@")
    return ("", "") if "\x00" in label else (slug, version)


class PolicyVersionQuerySet(models.QuerySet["PolicyVersion"]):
    def unlisted(self) -> "PolicyVersionQuerySet":
        return self.filter(UNLISTED)

    def labelled(self, label: str) -> "PolicyVersionQuerySet":
        """By its name, SLUG@VERSION, whoever asks."""
        slug, version = parts_of(label)
        return self.filter(policy__slug=slug, version=version)

    def shown_as(self, label: str) -> "PolicyVersionQuerySet":
        """By what everybody may know it by: its pseudonym where it has one; its name unless it is unlisted."""
        slug, version = parts_of(label)
        return self.filter((Q(policy__slug=slug, version=version) & ~UNLISTED) | Q(pseudonym=f"{slug}@{version}"))


class PolicyVersion(models.Model):
    """The ranked unit. Immutable but for its place in the pool: new weights are a new version.

    One that was registered unlisted has a pseudonym for good: what boards are computed from calls it so, before it is
    listed and after. Until then nobody but its own lab and stewards is told its name; see `shown_label`.
    """

    class Pool(models.TextChoices):
        TRIAL = "trial", "before its trial"
        ACTIVE = "active", "in the pool"
        PAUSED = "paused", "paused"
        RETIRED = "retired", "retired"

    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="versions")
    version = models.CharField(max_length=40)
    embodiment = models.ForeignKey(Embodiment, on_delete=models.PROTECT, related_name="versions")
    pool = models.CharField(max_length=8, choices=Pool.choices, default=Pool.ACTIVE)
    # `unlisted.<lab>@<number>`, which no slug can be; empty where it was registered in the open.
    pseudonym = models.CharField(max_length=120, blank=True, default="")
    listed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = PolicyVersionQuerySet.as_manager()

    class Meta:
        ordering = ("policy", "created_at")
        constraints = [
            models.UniqueConstraint(fields=["policy", "version"], name="version_unique"),
            models.UniqueConstraint(fields=["pseudonym"], condition=~Q(pseudonym=""), name="version_pseudonym_unique"),
            models.CheckConstraint(
                condition=Q(listed_at=None) | ~Q(pseudonym=""), name="version_listed_after_it_was_unlisted"
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="version_immutable", fields=["policy", "version", "embodiment", "pseudonym", "created_at"]
            ),
            pgtrigger.Protect(
                name="version_stays_listed",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__listed_at__isnull=False)
                & pgtrigger.Q(old__listed_at__df=pgtrigger.F("new__listed_at")),
            ),
            pgtrigger.Protect(name="version_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        return f"{self.policy.slug}@{self.version}"

    @property
    def is_unlisted(self) -> bool:
        return bool(self.pseudonym) and self.listed_at is None

    @property
    def input_label(self) -> str:
        """What boards are computed from calls it so, for good."""
        return self.pseudonym or self.label

    @property
    def shown_label(self) -> str:
        """What everybody may be told."""
        return self.pseudonym if self.is_unlisted else self.label

    @property
    def shown_slug(self) -> str:
        return self.shown_label.rpartition("@")[0]

    @property
    def shown_version(self) -> str:
        return self.shown_label.rpartition("@")[2]

    @property
    def shown_name(self) -> str:
        return f"Unlisted of {self.policy.lab}" if self.is_unlisted else self.policy.name

    @property
    def shown_open_source(self) -> bool:
        """Nobody can look into what has no name."""
        return self.policy.open_source and not self.is_unlisted

    def label_for(self, lab_id: int | None) -> str:
        """What members of this lab may be told: of their own versions the name."""
        return self.label if lab_id == self.policy.lab_id else self.shown_label


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
