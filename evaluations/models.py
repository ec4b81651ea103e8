"""Sessions, sides, episodes, results, media files, and what the relay measured."""

import uuid

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from arena.models import ClientKey, Embodiment, Lab, Person, PolicyVersion, Source, Station
from evaluations.reasons import Reason


class Label(models.TextChoices):
    A = "A", "A"
    B = "B", "B"


class Preference(models.TextChoices):
    A = "A", "A"
    B = "B", "B"
    TIE = "TIE", "tie"


class TaskCategory(models.TextChoices):
    PICK_PLACE = "pick-place", "Pick and Place"
    OPEN_CLOSE = "open-close", "Open / Close"
    MOVE_SLIDE = "move-slide", "Move / Slide"
    KNOCK_OVER = "knock-over", "Knock Over / Topple"
    COVER_FOLD = "cover-fold", "Cover / Drape / Fold"
    GROUP_STACK = "group-stack", "Group / Organize / Stack"
    FIND_SEARCH = "find-search", "Find / Search"
    MANIPULATION = "manipulation", "Object Manipulation"
    SORTING = "sorting", "Sorting / Classification"
    TOOL_USE = "tool-use", "Tool Use"
    NO_ACTION = "no-action", "Minimal or No Action"
    UNKNOWN = "unknown", "Unknown"


class State(models.TextChoices):
    ASSIGNED = "assigned", "assigned"
    RUNNING = "running", "running"
    SUBMITTED = "submitted", "submitted"
    EXPIRED = "expired", "expired"
    ABANDONED = "abandoned", "abandoned"


OPEN_STATES = (State.ASSIGNED, State.RUNNING)


class SessionQuerySet(models.QuerySet["Session"]):
    def open(self) -> "SessionQuerySet":
        return self.filter(state__in=OPEN_STATES)

    def closed(self) -> "SessionQuerySet":
        return self.exclude(state__in=OPEN_STATES)

    def valid(self) -> "SessionQuerySet":
        return self.filter(state=State.SUBMITTED, valid=True)


class Session(models.Model):
    """One paired evaluation. While it is open nothing that its evaluator can reach names a policy."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ASSIGNED)
    valid = models.BooleanField(null=True, blank=True)
    # Why it is not valid, or why it was never submitted.
    reason = models.CharField(max_length=40, choices=Reason.choices, blank=True)
    source = models.CharField(max_length=12, choices=Source.choices, default=Source.REGISTERED)
    simulated = models.BooleanField(default=False)

    lab = models.ForeignKey(Lab, on_delete=models.PROTECT, related_name="sessions")
    station = models.ForeignKey(Station, on_delete=models.PROTECT, related_name="sessions", null=True, blank=True)
    evaluator = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="sessions", null=True, blank=True)
    evaluator_alias = models.CharField("evaluator as imported", max_length=80, blank=True)
    key = models.ForeignKey(ClientKey, on_delete=models.PROTECT, related_name="sessions", null=True, blank=True)
    embodiment = models.ForeignKey(Embodiment, on_delete=models.PROTECT, related_name="sessions")

    instruction = models.TextField()
    intended_category = models.CharField(max_length=12, choices=TaskCategory.choices, default=TaskCategory.UNKNOWN)
    tagged_category = models.CharField(max_length=12, choices=TaskCategory.choices, blank=True)
    corrected_category = models.CharField(max_length=12, choices=TaskCategory.choices, blank=True)

    opened_at = models.DateTimeField(default=timezone.now)
    active_at = models.DateTimeField("last activity", null=True, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    # The probability with which exactly this ordered pair was drawn, and from how many versions.
    pair_probability = models.FloatField(null=True, blank=True)
    pool_size = models.PositiveIntegerField(null=True, blank=True)

    objects = SessionQuerySet.as_manager()

    class Meta:
        ordering = ("-opened_at",)
        indexes = [
            models.Index(fields=["state", "lease_expires_at"], name="session_lease"),
            models.Index(fields=["source", "simulated", "state"], name="session_board"),
            models.Index(F("closed_at").desc(), "id", name="session_recent"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="submitted", valid__isnull=False) | (~Q(state="submitted") & Q(valid__isnull=True)),
                name="session_valid_when_submitted",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["assigned", "running"], closed_at__isnull=True, lease_expires_at__isnull=False)
                | (~Q(state__in=["assigned", "running"]) & Q(closed_at__isnull=False)),
                name="session_closed_when_ended",
            ),
            models.CheckConstraint(condition=Q(reason__in=["", *Reason.values]), name="session_reason_known"),
            models.CheckConstraint(
                condition=Q(source="imported")
                | Q(station__isnull=False, evaluator__isnull=False, pair_probability__isnull=False),
                name="session_live_is_complete",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="session_kept", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="session_outcome_stands",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__closed_at__isnull=False)
                & (
                    pgtrigger.Q(old__state__df=pgtrigger.F("new__state"))
                    | pgtrigger.Q(old__valid__df=pgtrigger.F("new__valid"))
                    | pgtrigger.Q(old__reason__df=pgtrigger.F("new__reason"))
                    | pgtrigger.Q(old__closed_at__df=pgtrigger.F("new__closed_at"))
                ),
            ),
            pgtrigger.ReadOnly(
                name="session_assignment_immutable",
                fields=[
                    "source", "simulated", "lab", "station", "evaluator", "key", "embodiment",
                    "instruction", "intended_category", "opened_at", "pair_probability", "pool_size",
                ],
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"session {self.id}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def category(self) -> TaskCategory:
        """The last word on the task's category: a person's, else a tagger's, else the rule's."""
        return TaskCategory(self.corrected_category or self.tagged_category or self.intended_category)

    @property
    def reason_text(self) -> str:
        """Why it does not count, in words."""
        return str(Reason(self.reason).label) if self.reason else ""

    @property
    def evaluator_pseudonym(self) -> str:
        return self.evaluator.pseudonym if self.evaluator else self.evaluator_alias


class Side(models.Model):
    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="sides")
    label = models.CharField(max_length=1, choices=Label.choices)
    version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="sides")
    # How the relay finds this side: the hash of the token in the client's address. Empty for imported sessions.
    token_digest = models.CharField(max_length=64, unique=True, null=True, blank=True)
    # What the policy server is told: neither the public id nor the label.
    wire_session_id = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ("session", "label")
        constraints = [models.UniqueConstraint(fields=["session", "label"], name="side_unique")]
        triggers = [pgtrigger.Protect(name="side_immutable", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.session_id} {self.label}"


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
    def videos(self) -> list["MediaFile"]:
        return [media for media in self.media.all() if media.kind != MediaFile.Kind.TRAJECTORY]


class MediaFile(models.Model):
    """A file of an episode, under a random name. A video is decoded once, in the worker, before we call it playable."""

    class Kind(models.TextChoices):
        LEFT = "left", "left camera"
        RIGHT = "right", "right camera"
        WRIST = "wrist", "wrist camera"
        TRAJECTORY = "trajectory", "trajectory"

    class Check(models.TextChoices):
        PENDING = "pending", "not checked yet"
        PASSED = "passed", "readable"
        FAILED = "failed", "cannot be read"
        OPAQUE = "opaque", "kept unopened"

    episode = models.ForeignKey(Episode, on_delete=models.PROTECT, related_name="media")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    file = models.FileField(max_length=200)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    check_state = models.CharField(max_length=8, choices=Check.choices, default=Check.PENDING)
    checked_at = models.DateTimeField(null=True, blank=True)
    # A check that was begun, and how often: one that ends its worker leaves no other trace.
    claimed_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    # What the check made of a video: a form that browsers play, where the file itself is none, and its first frame.
    playback = models.FileField(max_length=200, blank=True)
    poster = models.FileField(max_length=200, blank=True)
    problem = models.CharField("why it cannot be read", max_length=200, blank=True)
    black = models.BooleanField("no frame shows anything", null=True, blank=True)
    frozen = models.BooleanField("nothing moves", null=True, blank=True)
    duration_s = models.FloatField(null=True, blank=True)
    frames = models.PositiveIntegerField(null=True, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    codec = models.CharField(max_length=20, blank=True)

    class Meta:
        ordering = ("episode", "kind")
        constraints = [models.UniqueConstraint(fields=["episode", "kind"], name="media_unique")]
        indexes = [
            models.Index(fields=["id"], condition=Q(check_state="pending"), name="media_pending"),
        ]
        triggers = [
            pgtrigger.ReadOnly(name="media_immutable", fields=["episode", "kind", "file", "size", "sha256"]),
            pgtrigger.Protect(name="media_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.episode_id}"

    @property
    def played(self) -> models.fields.files.FieldFile:
        """The file that a browser is given."""
        return self.playback or self.file


class ResultQuerySet(models.QuerySet["Result"]):
    def latest_first(self) -> "ResultQuerySet":
        """The result that stands comes first; those that it corrected follow."""
        return self.order_by("-submitted_at", "-pk")


class Result(models.Model):
    """An evaluator's judgement. Never edited: a correction is a new record that points at the one it corrects."""

    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="results")
    corrects = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="corrected_by"
    )
    preference = models.CharField(max_length=3, choices=Preference.choices, blank=True)
    notes = models.TextField(blank=True)
    raw_notes = models.TextField("notes as they came", blank=True)
    submitted_at = models.DateTimeField(default=timezone.now)

    objects = ResultQuerySet.as_manager()

    class Meta:
        ordering = ("submitted_at",)
        constraints = [
            models.UniqueConstraint(
                fields=["session"], condition=Q(corrects__isnull=True), name="result_first_is_unique"
            )
        ]
        triggers = [pgtrigger.Protect(name="result_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"result of {self.session_id}"


class Exclusion(models.Model):
    """A steward's decision, with a public reason, that a valid session is not to be counted."""

    session = models.OneToOneField(Session, on_delete=models.PROTECT, related_name="exclusion")
    reason = models.CharField(max_length=40)
    comment = models.TextField()
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="exclusions")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        triggers = [pgtrigger.Protect(name="exclusion_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.session_id} excluded: {self.reason}"
