"""The registry: labs, people, stations, embodiments, policies, versions, endpoints, keys, audit events."""

import secrets
import uuid
from typing import Any, ClassVar

import pgtrigger
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone


class Camera(models.TextChoices):
    LEFT = "left", "left"
    RIGHT = "right", "right"
    WRIST = "wrist", "wrist"


EXTERNAL_CAMERAS = frozenset({Camera.LEFT, Camera.RIGHT})


class Role(models.TextChoices):
    EVALUATOR = "evaluator", "evaluator"
    OWNER = "owner", "policy owner"
    ADMIN = "admin", "lab admin"


class Source(models.TextChoices):
    """Where a record comes from: made here, or read from somebody else's publication."""

    REGISTERED = "registered", "registered here"
    IMPORTED = "imported", "imported"


class Lab(models.Model):
    """A partner organisation. A simulated lab's stations are simulated, and its policies meet only such stations.

    A lab that an import named is a row of its own: the same name does not make it the same organisation.
    """

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=120)
    simulated = models.BooleanField(default=False)
    source = models.CharField(max_length=12, choices=Source.choices, default=Source.REGISTERED)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("name",)
        constraints = [models.UniqueConstraint(Lower("name"), "source", name="lab_name_unique")]

    def __str__(self) -> str:
        return self.name


class PersonManager(BaseUserManager["Person"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "Person":
        person = self.model(email=email.strip().lower(), pseudonym=f"evaluator-{secrets.token_hex(4)}", **fields)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "Person":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "Person":
        return self.get(email=(username or "").strip().lower())


class Person(AbstractBaseUser, PermissionsMixin):
    """Someone with an account, known by e-mail (stored in lower case); a steward is staff."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    pseudonym = models.CharField(max_length=40, unique=True, editable=False)
    is_staff = models.BooleanField("steward", default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[PersonManager] = PersonManager()

    USERNAME_FIELD = "email"

    class Meta:
        verbose_name_plural = "people"
        constraints = [models.CheckConstraint(condition=Q(email=Lower("email")), name="person_email_lower_case")]

    def __str__(self) -> str:
        return self.name or self.email


class Membership(models.Model):
    lab = models.ForeignKey(Lab, on_delete=models.PROTECT, related_name="memberships")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role.choices)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["lab", "person"], name="membership_unique")]

    def __str__(self) -> str:
        return f"{self.person} in {self.lab} ({self.role})"


class Embodiment(models.Model):
    """A kind of robot, named as clients name it (`DROID`)."""

    name = models.CharField(max_length=60)
    title = models.CharField(max_length=120, blank=True)

    class Meta:
        ordering = ("name",)
        constraints = [models.UniqueConstraint(Lower("name"), name="embodiment_name_unique")]

    def __str__(self) -> str:
        return self.title or self.name


class Station(models.Model):
    """A lab's robot set-up. Whether it is simulated is decided when it is made and inherited by its sessions."""

    lab = models.ForeignKey(Lab, on_delete=models.PROTECT, related_name="stations")
    name = models.CharField(max_length=80)
    embodiment = models.ForeignKey(Embodiment, on_delete=models.PROTECT, related_name="stations")
    cameras = ArrayField(models.CharField(max_length=8, choices=Camera.choices))
    simulated = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("lab", "name")
        constraints = [models.UniqueConstraint(fields=["lab", "name"], name="station_unique")]

    def __str__(self) -> str:
        return f"{self.lab} · {self.name}"

    @property
    def external_cameras(self) -> int:
        return len(EXTERNAL_CAMERAS & set(self.cameras))

    @property
    def has_wrist_camera(self) -> bool:
        return Camera.WRIST in self.cameras


class Policy(models.Model):
    """What is evaluated. An imported policy has no owner until a lab claims it through a steward."""

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=120)
    lab = models.ForeignKey(Lab, on_delete=models.PROTECT, related_name="policies", null=True, blank=True)
    open_source = models.BooleanField(default=False)
    simulated = models.BooleanField(default=False)
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


class PolicyVersion(models.Model):
    """The ranked unit. Immutable but for its place in the pool: new weights are a new version."""

    class Pool(models.TextChoices):
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


class ClientKey(models.Model):
    """The access code of a RoboArena client: one person at one station, this scope only. Stored as a hash."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="client_keys")
    station = models.ForeignKey(Station, on_delete=models.PROTECT, related_name="client_keys")
    prefix = models.CharField(max_length=8)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.prefix}… of {self.person_id} at {self.station_id}"


class AuditEvent(models.Model):
    """What was done, by whom, to what: `session:submitted`, `key:revoked`. Append-only."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    at = models.DateTimeField(default=timezone.now, db_index=True)
    tag = models.CharField(max_length=60)
    subject = models.CharField(max_length=200, db_index=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="audit_events")
    lab = models.ForeignKey(Lab, on_delete=models.PROTECT, null=True, blank=True, related_name="audit_events")
    details = models.JSONField(default=dict)

    class Meta:
        ordering = ("-at",)
        triggers = [
            pgtrigger.Protect(name="audit_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.tag} {self.subject}"
