"""Labs, who belongs to them, who is close to whom, and their stations."""

import uuid

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone

from arena.models.people import Person


class Camera(models.TextChoices):
    LEFT = "left", "left"
    RIGHT = "right", "right"
    WRIST = "wrist", "wrist"


EXTERNAL_CAMERAS = frozenset({Camera.LEFT, Camera.RIGHT})


class ActionSpace(models.TextChoices):
    """What a policy's actions say, as its server names it."""

    JOINT_POSITION = "joint_position", "joint positions"
    JOINT_VELOCITY = "joint_velocity", "joint velocities"
    CARTESIAN_POSITION = "cartesian_position", "positions of the hand"
    CARTESIAN_VELOCITY = "cartesian_velocity", "velocities of the hand"


class Role(models.TextChoices):
    EVALUATOR = "evaluator", "evaluator"
    OWNER = "owner", "policy owner"
    ADMIN = "admin", "lab admin"


OWNER_ROLES = (Role.OWNER, Role.ADMIN)
"""Who registers policies, orders evaluations and speaks for a policy."""


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


class Membership(models.Model):
    lab = models.ForeignKey(Lab, on_delete=models.PROTECT, related_name="memberships")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role.choices)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["lab", "person"], name="membership_unique")]

    def __str__(self) -> str:
        return f"{self.person} in {self.lab} ({self.role})"


class Affiliation(models.Model):
    """Two labs that are close: neither evaluates the other's policies. Ended, never deleted."""

    lab = models.ForeignKey(Lab, on_delete=models.PROTECT, related_name="affiliations")
    other = models.ForeignKey(Lab, on_delete=models.PROTECT, related_name="affiliations_of_others")
    declared_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="affiliations_declared")
    comment = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        Person, on_delete=models.PROTECT, null=True, blank=True, related_name="affiliations_ended"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lab", "other"], condition=Q(ended_at=None), name="affiliation_unique"),
            models.CheckConstraint(condition=~Q(lab=F("other")), name="affiliation_of_two"),
        ]
        triggers = [
            pgtrigger.ReadOnly(name="affiliation_immutable", fields=["lab", "other", "declared_by", "created_at"]),
            pgtrigger.Protect(name="affiliation_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.lab} and {self.other}"


class Application(models.Model):
    """A lab that wants to take part: what it says of itself and has agreed to, and what a steward decided."""

    class State(models.TextChoices):
        PENDING = "pending", "waiting for a steward"
        APPROVED = "approved", "approved"
        DECLINED = "declined", "declined"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="applications")
    lab_name = models.CharField(max_length=60)
    about = models.TextField("who you are")
    robots = models.TextField()
    website = models.URLField(max_length=200, blank=True)
    # Owners of policies that the lab is close to: those known here, and others in words.
    affiliated_labs = models.ManyToManyField(Lab, blank=True, related_name="+")
    other_affiliations = models.TextField(blank=True)
    # Which wording of the protocol, the publication licence and the rules on faces and private places was agreed to.
    terms = models.CharField(max_length=20)
    created_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=8, choices=State.choices, default=State.PENDING)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        Person, on_delete=models.PROTECT, null=True, blank=True, related_name="applications_decided"
    )
    comment = models.TextField("what the steward answers", blank=True)
    lab = models.OneToOneField(Lab, on_delete=models.PROTECT, null=True, blank=True, related_name="application")

    class Meta:
        ordering = ("-created_at",)
        constraints = [
            models.UniqueConstraint(
                fields=["person"], condition=Q(state="pending"), name="application_one_pending_a_person"
            ),
            models.CheckConstraint(
                condition=Q(state="pending", decided_at=None) | (~Q(state="pending") & Q(decided_at__isnull=False)),
                name="application_decided",
            ),
            models.CheckConstraint(
                condition=Q(state="approved", lab__isnull=False) | (~Q(state="approved") & Q(lab=None)),
                name="application_approved_has_lab",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.lab_name} ({self.state})"


class Invitation(models.Model):
    """A lab's offer of membership to an e-mail address. Its link is told once, by e-mail, and kept as a hash."""

    lab = models.ForeignKey(Lab, on_delete=models.PROTECT, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=12, choices=Role.choices)
    digest = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="invitations_made")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(
        Person, on_delete=models.PROTECT, null=True, blank=True, related_name="invitations_accepted"
    )
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at",)
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                "lab",
                condition=Q(accepted_at=None, revoked_at=None),
                name="invitation_one_open_an_address",
            )
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.lab} ({self.role})"


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
    # What the robot can be told; empty where nobody has said yet, and then it bars no policy.
    action_spaces = ArrayField(models.CharField(max_length=24, choices=ActionSpace.choices), default=list, blank=True)
    place = models.CharField("where it stands", max_length=120, blank=True)
    # What a stranger's policy must respect; told to the owners of the policies that may be run here.
    max_speed = models.FloatField("greatest speed of the hand, m/s", null=True, blank=True)
    workspace = models.CharField("workspace, in words", max_length=200, blank=True)
    safety_notes = models.TextField(blank=True)
    simulated = models.BooleanField(default=False)
    retired_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("lab", "name")
        constraints = [
            models.UniqueConstraint(fields=["lab", "name"], name="station_unique"),
            models.CheckConstraint(condition=Q(max_speed__gt=0), name="station_speed_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.lab} · {self.name}"

    @property
    def external_cameras(self) -> int:
        return len(EXTERNAL_CAMERAS & set(self.cameras))

    @property
    def has_wrist_camera(self) -> bool:
        return Camera.WRIST in self.cameras

    @property
    def action_space_names(self) -> list[str]:
        return [str(ActionSpace(space).label) for space in self.action_spaces]
