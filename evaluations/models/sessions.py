"""Sessions and their sides."""

import uuid
from typing import TYPE_CHECKING

import pgtrigger
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce, NullIf
from django.utils import timezone

from arena.models import ClientKey, Embodiment, Lab, Person, PolicyVersion, Source, Station
from evaluations.pairing import DrawKind
from evaluations.reasons import Reason

if TYPE_CHECKING:
    from evaluations.models.episodes import MediaFile
    from evaluations.models.results import Exclusion


class Label(models.TextChoices):
    A = "A", "A"
    B = "B", "B"


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


_DRAW_KINDS = [
    (DrawKind.NORMAL.value, "normal"),
    (DrawKind.REQUESTED.value, "requested"),
    (DrawKind.RETURNED.value, "given back after it was not finished"),
    (DrawKind.REPEAT.value, "a repeat"),
    (DrawKind.SAME_POLICY.value, "the same policy twice"),
]

OPEN_STATES = (State.ASSIGNED, State.RUNNING)

LIFTED = "lifted"
# Whether a session is excluded: it was, and no appeal lifted that. The same of a row: `Session.standing_exclusion`.
EXCLUDED = Q(exclusion__isnull=False) & ~Q(exclusion__appeal__state=LIFTED)


# The last word on a task's category, in a query. The same of a row: `Session.category`.
STANDING_CATEGORY = Coalesce(
    NullIf("corrected_category", Value("")), NullIf("tagged_category", Value("")), "intended_category"
)


class SessionQuerySet(models.QuerySet["Session"]):
    def open(self) -> "SessionQuerySet":
        return self.filter(state__in=OPEN_STATES)

    def closed(self) -> "SessionQuerySet":
        return self.exclude(state__in=OPEN_STATES)

    def public(self) -> "SessionQuerySet":
        """What the world may see: ended, revealed, and no training."""
        return self.filter(revealed_at__isnull=False, training=False)

    def valid(self) -> "SessionQuerySet":
        return self.public().filter(state=State.SUBMITTED, valid=True)

    def not_excluded(self) -> "SessionQuerySet":
        """Without those that a steward keeps out of all boards; one whose exclusion was lifted counts again."""
        return self.exclude(EXCLUDED)

    def with_exclusion(self) -> "SessionQuerySet":
        """So that `standing_exclusion` and `lifted_exclusion` ask the database nothing."""
        return self.select_related("exclusion__appeal")


class Session(models.Model):
    """One paired evaluation. Until it is revealed nothing that its evaluator can reach names a policy.

    It is revealed when it ends, or, where its evaluator was asked which policies they think these were, once they have
    answered or let the question be. Nothing of it is published before.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ASSIGNED)
    valid = models.BooleanField(null=True, blank=True)
    # Why it is not valid, or why it was never submitted.
    reason = models.CharField(max_length=40, choices=Reason.choices, blank=True)
    reason_comment = models.CharField("why, in the evaluator's words", max_length=500, blank=True)
    source = models.CharField(max_length=12, choices=Source.choices, default=Source.REGISTERED)
    simulated = models.BooleanField(default=False)
    # Against known policies, to learn the work. It counts nowhere and is shown to its evaluator only.
    training = models.BooleanField(default=False)
    # The trial that it is part of: training as well, and once it has ended shown to the owners of what was tried.
    trial = models.ForeignKey(
        "evaluations.Trial", on_delete=models.PROTECT, related_name="sessions", null=True, blank=True
    )

    lab = models.ForeignKey(Lab, on_delete=models.PROTECT, related_name="sessions")
    station = models.ForeignKey(Station, on_delete=models.PROTECT, related_name="sessions", null=True, blank=True)
    evaluator = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="sessions", null=True, blank=True)
    evaluator_alias = models.CharField("evaluator as imported", max_length=80, blank=True)
    key = models.ForeignKey(ClientKey, on_delete=models.PROTECT, related_name="sessions", null=True, blank=True)
    embodiment = models.ForeignKey(Embodiment, on_delete=models.PROTECT, related_name="sessions")

    instruction = models.TextField()
    # How progress is read on this task: stages as [{"percent": 40, "text": "…"}, …], fixed with the instruction.
    rubric = models.JSONField(default=list, blank=True)
    intended_category = models.CharField(max_length=12, choices=TaskCategory.choices, default=TaskCategory.UNKNOWN)
    tagged_category = models.CharField(max_length=12, choices=TaskCategory.choices, blank=True)
    corrected_category = models.CharField(max_length=12, choices=TaskCategory.choices, blank=True)

    opened_at = models.DateTimeField(default=timezone.now)
    active_at = models.DateTimeField("last activity", null=True, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    revealed_at = models.DateTimeField(null=True, blank=True)

    # The probability with which exactly this ordered pair was drawn, and from how many versions.
    pair_probability = models.FloatField(null=True, blank=True)
    pool_size = models.PositiveIntegerField(null=True, blank=True)
    # Told to nobody before the reveal.
    draw_kind = models.CharField(max_length=12, choices=_DRAW_KINDS, default=DrawKind.NORMAL.value)

    # Whether an owner ordered it, and in which request: it is left out where owners could steer a result.
    requested = models.BooleanField(default=False)
    request = models.ForeignKey(
        "evaluations.EvaluationRequest", on_delete=models.PROTECT, related_name="sessions", null=True, blank=True
    )

    objects = SessionQuerySet.as_manager()

    class Meta:
        ordering = ("-opened_at",)
        indexes = [
            models.Index(fields=["state", "lease_expires_at"], name="session_lease"),
            models.Index(fields=["source", "simulated", "state"], name="session_board"),
            models.Index(
                fields=["closed_at"], condition=Q(revealed_at=None, closed_at__isnull=False), name="session_veiled"
            ),
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
            models.CheckConstraint(
                condition=Q(revealed_at=None) | Q(closed_at__isnull=False), name="session_revealed_after_its_end"
            ),
            models.CheckConstraint(
                condition=Q(draw_kind__in=[kind.value for kind in DrawKind]), name="session_draw_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(request=None) | Q(requested=True, draw_kind=DrawKind.REQUESTED.value),
                name="session_of_a_request_says_so",
            ),
            models.CheckConstraint(
                condition=Q(trial=None) | Q(training=True), name="session_of_a_trial_counts_nowhere"
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
                    | pgtrigger.Q(old__reason_comment__df=pgtrigger.F("new__reason_comment"))
                ),
            ),
            pgtrigger.Protect(
                name="session_stays_revealed",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__revealed_at__isnull=False)
                & pgtrigger.Q(old__revealed_at__df=pgtrigger.F("new__revealed_at")),
            ),
            pgtrigger.ReadOnly(
                name="session_assignment_immutable",
                fields=[
                    "source", "simulated", "training", "trial", "lab", "station", "evaluator", "key", "embodiment",
                    "instruction", "rubric", "intended_category", "opened_at", "pair_probability", "pool_size",
                    "draw_kind", "requested", "request",
                ],
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"session {self.id}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def is_blind(self) -> bool:
        """Whether its policies are still unnamed: it is open, or its evaluator is being asked who they were."""
        return self.revealed_at is None

    @property
    def is_same_policy(self) -> bool:
        """Whether both sides were the same version, to measure the noise. Not to be told before the reveal."""
        return self.draw_kind == DrawKind.SAME_POLICY

    @property
    def is_repeat(self) -> bool:
        """Whether it was to put the question of an earlier session again. Not to be told before the reveal either."""
        return self.draw_kind == DrawKind.REPEAT

    @property
    def category(self) -> TaskCategory:
        """The last word on the task's category: a person's, else a tagger's, else the rule's."""
        return TaskCategory(self.corrected_category or self.tagged_category or self.intended_category)

    @property
    def reason_text(self) -> str:
        """Why it does not count, in words."""
        return str(Reason(self.reason).label) if self.reason else ""

    @property
    def standing_exclusion(self) -> "Exclusion | None":
        """The decision by which it counts on no board. None: there is none, or it was lifted."""
        exclusion: Exclusion | None = getattr(self, "exclusion", None)
        return exclusion if exclusion is not None and exclusion.stands else None

    @property
    def lifted_exclusion(self) -> "Exclusion | None":
        """The decision by which it counted on no board for a time."""
        exclusion: Exclusion | None = getattr(self, "exclusion", None)
        return None if exclusion is None or exclusion.stands else exclusion

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

    @property
    def files(self) -> list["MediaFile"]:
        """Its files, without those that were withdrawn."""
        return [media for media in self.media.all() if media.withdrawn_at is None]

    @property
    def videos(self) -> list["MediaFile"]:
        return [media for media in self.files if media.is_video]
