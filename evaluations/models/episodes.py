"""Episodes, their files, and what the relay measured."""

import uuid

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from arena.models import Person
from evaluations.measures import Measures, measures_from
from evaluations.models.sessions import Session, Side

KIND_PATTERN = "[a-z0-9][a-z0-9-]{0,23}"


class FailureMode(models.TextChoices):
    """What went wrong in a rollout; several may have."""

    MISSED_GRASP = "missed-grasp", "missed the grasp"
    DROPPED = "dropped", "dropped it"
    COLLISION = "collision", "collided"
    FROZE = "froze", "froze"
    WRONG_OBJECT = "wrong-object", "went for the wrong object"
    WRONG_PLACE = "wrong-place", "put it in the wrong place"
    DID_NOT_STOP = "did-not-stop", "did not stop"
    UNSAFE = "unsafe", "had to be stopped"
    NO_PROGRESS = "no-progress", "moved without purpose"
    OTHER = "other", "something else"


class RelayConnection(models.Model):
    """What the relay saw of one connection of a side: each inference timed, whatever the client reports later."""

    id = models.UUIDField(primary_key=True, editable=False)
    side = models.ForeignKey(Side, on_delete=models.PROTECT, related_name="relay_connections")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    infers = models.PositiveIntegerField(default=0)
    resets = models.PositiveIntegerField(default=0)
    latencies_ms = ArrayField(models.FloatField(), default=list)
    errors = models.JSONField(default=dict)

    class Meta:
        ordering = ("opened_at",)

    def __str__(self) -> str:
        return f"{self.infers} inferences of side {self.side_id}"


class Episode(models.Model):
    """One rollout as its client reported it. Append-only."""

    side = models.OneToOneField(Side, on_delete=models.PROTECT, related_name="episode")
    progress = models.FloatField(null=True, blank=True)
    success = models.BooleanField(null=True, blank=True)
    failure_modes = ArrayField(models.CharField(max_length=20, choices=FailureMode.choices), default=list, blank=True)
    recovered = models.BooleanField("recovered after a failure", null=True, blank=True)
    # The index of the last step, as clients of the RoboArena protocol report it.
    duration_steps = models.PositiveIntegerField(null=True, blank=True)
    reported_latency_s = models.FloatField(null=True, blank=True)
    camera = models.CharField("camera shown to the policy", max_length=40, blank=True)
    recorded_at = models.CharField("recorded, by the evaluator's clock", max_length=40, blank=True)
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(progress__gte=0, progress__lte=1), name="episode_progress_range"),
            models.CheckConstraint(condition=Q(reported_latency_s__gte=0), name="episode_latency_range"),
        ]
        triggers = [pgtrigger.Protect(name="episode_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"episode of {self.side_id}"

    @property
    def went_wrong(self) -> list[str]:
        """What went wrong, in words, and whether the policy recovered from it."""
        words = [str(FailureMode(mode).label) for mode in self.failure_modes]
        return [*words, "recovered after a failure"] if self.recovered else words


class MediaFile(models.Model):
    """A file of a side, under a random name. A video is decoded once, in the worker, before we call it playable.

    Until the session ends its evaluator can withdraw a file, which is kept all the same.
    """

    class Kind(models.TextChoices):
        """The kinds that clients and boards know by name. Any other camera is a kind of its own, such as `overhead`."""

        LEFT = "left", "left camera"
        RIGHT = "right", "right camera"
        WRIST = "wrist", "wrist camera"
        TRAJECTORY = "trajectory", "trajectory"

    class Check(models.TextChoices):
        PENDING = "pending", "not checked yet"
        PASSED = "passed", "readable"
        FAILED = "failed", "cannot be read"
        OPAQUE = "opaque", "kept unopened"

    side = models.ForeignKey(Side, on_delete=models.PROTECT, related_name="media")
    kind = models.CharField(max_length=24)
    file = models.FileField(max_length=200)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    received_at = models.DateTimeField(default=timezone.now)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    check_state = models.CharField(max_length=8, choices=Check.choices, default=Check.PENDING)
    checked_at = models.DateTimeField(null=True, blank=True)
    # A check that was begun, and how often: one that ends its worker leaves no other trace.
    claimed_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    # What the check made of a video: a form that browsers play, where the file itself is none, its first frame, and a
    # contact sheet.
    playback = models.FileField(max_length=200, blank=True)
    poster = models.FileField(max_length=200, blank=True)
    sheet = models.FileField(max_length=200, blank=True)
    problem = models.CharField("why it cannot be read", max_length=200, blank=True)
    black = models.BooleanField("no frame shows anything", null=True, blank=True)
    frozen = models.BooleanField("nothing moves", null=True, blank=True)
    duration_s = models.FloatField(null=True, blank=True)
    frames = models.PositiveIntegerField(null=True, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    codec = models.CharField(max_length=20, blank=True)
    # The fields of `Measures`. Files that were checked before these were taken have none until a sweep comes to them.
    measures = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ("side", "kind")
        constraints = [
            models.UniqueConstraint(fields=["side", "kind"], condition=Q(withdrawn_at=None), name="media_unique"),
            models.CheckConstraint(condition=Q(kind__regex=rf"^{KIND_PATTERN}$"), name="media_kind_is_a_slug"),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(check_state="pending"), name="media_pending"),
            models.Index(
                fields=["id"],
                condition=Q(check_state="passed", measures__isnull=True) & ~Q(kind="trajectory"),
                name="media_unmeasured",
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(name="media_immutable", fields=["side", "kind", "file", "size", "sha256"]),
            pgtrigger.Protect(name="media_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.side_id}"

    @property
    def played(self) -> models.fields.files.FieldFile:
        """The file that a browser is given."""
        return self.playback or self.file

    @property
    def measured(self) -> Measures | None:
        return measures_from(self.measures) if self.measures else None

    @property
    def is_video(self) -> bool:
        return self.kind != self.Kind.TRAJECTORY

    @property
    def title(self) -> str:
        """What it shows, for a reader: `wrist camera`, `overhead camera`."""
        known = dict(self.Kind.choices).get(self.kind)
        return known or f"{self.kind.replace('-', ' ')} camera"


class Upload(models.Model):
    """A file on its way (tus 1.0): what has arrived lies on the disk, and these are its figures.

    `offset` grows with each piece. When all has arrived a MediaFile is made of it, and the upload stays as its record.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    side = models.ForeignKey(Side, on_delete=models.PROTECT, related_name="uploads")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="uploads")
    kind = models.CharField(max_length=24)
    filename = models.CharField("as its owner calls it", max_length=200, blank=True)
    # What its sender says tells this file from another of the same name and size, such as when it was last changed.
    fingerprint = models.CharField(max_length=80, blank=True)
    size = models.PositiveBigIntegerField()
    offset = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    active_at = models.DateTimeField("last piece", default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    media = models.OneToOneField(MediaFile, on_delete=models.PROTECT, null=True, blank=True, related_name="upload")

    class Meta:
        ordering = ("created_at",)
        constraints = [
            models.CheckConstraint(condition=Q(offset__lte=F("size")), name="upload_within_its_size"),
            models.CheckConstraint(
                condition=Q(finished_at=None, media=None) | Q(finished_at__isnull=False, media__isnull=False),
                name="upload_finished_has_media",
            ),
            models.CheckConstraint(condition=Q(kind__regex=rf"^{KIND_PATTERN}$"), name="upload_kind_is_a_slug"),
        ]
        indexes = [
            models.Index(fields=["active_at"], condition=Q(finished_at=None, cancelled_at=None), name="upload_waiting")
        ]

    def __str__(self) -> str:
        return f"upload {self.id}"


class Photo(models.Model):
    """A picture of the scene, written anew by us. The latest of a moment is shown; earlier ones are kept."""

    class Moment(models.TextChoices):
        START = "start", "before the first rollout"
        RESTORED = "restored", "put back for side B"

    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="photos")
    moment = models.CharField(max_length=8, choices=Moment.choices)
    file = models.FileField(max_length=200)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("created_at",)
        triggers = [pgtrigger.Protect(name="photo_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.moment} of {self.session_id}"
