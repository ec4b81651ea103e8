"""What people say against a session or against its exclusion, and what a steward decided. The decision stands."""

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils import timezone

from arena.models import Person
from evaluations.models.results import Exclusion
from evaluations.models.sessions import LIFTED, Session


def _open_or_decided(name: str) -> models.CheckConstraint:
    """It waits, or it was decided by somebody, with words."""
    waits = Q(state="open", decided_by=None, decided_at=None, comment="")
    decided = Q(decided_by__isnull=False, decided_at__isnull=False) & ~Q(state="open") & ~Q(comment="")
    return models.CheckConstraint(condition=waits | decided, name=name)


def _kept_but_for_its_decision(name: str, *fields: str) -> list[pgtrigger.Trigger]:
    return [
        pgtrigger.Protect(name=f"{name}_kept", operation=pgtrigger.Delete),
        pgtrigger.ReadOnly(name=f"{name}_said_once", fields=[*fields]),
        pgtrigger.Protect(
            name=f"{name}_decision_stands", operation=pgtrigger.Update, condition=~pgtrigger.Q(old__state="open")
        ),
    ]


class Report(models.Model):
    """Somebody says that something is wrong with a session: anybody, with an account or without. Stewards read it."""

    class Kind(models.TextChoices):
        STAKE = "stake", "somebody has a stake in the result"
        VIDEOS = "videos", "the result does not match the videos"
        SCENE = "scene", "the scene was not the same for both"
        PRIVACY = "privacy", "a face or a private place is seen"
        SERVING = "serving", "the policy was spoilt by serving"
        OTHER = "other", "something else"

    class State(models.TextChoices):
        OPEN = "open", "waits"
        UPHELD = "upheld", "upheld"
        DISMISSED = "dismissed", "dismissed"

    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="reports")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    text = models.TextField()
    person = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="reports")
    created_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    decided_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    comment = models.TextField(blank=True)

    class Meta:
        ordering = ("created_at", "pk")
        indexes = [models.Index(fields=["created_at"], condition=Q(state="open"), name="report_waiting")]
        constraints = [_open_or_decided("report_open_or_decided")]
        triggers = _kept_but_for_its_decision("report", "session", "kind", "text", "person", "created_at")

    def __str__(self) -> str:
        return f"report of {self.session_id}: {self.kind}"


class Appeal(models.Model):
    """Against an exclusion, once, and then decided by another steward than the one who excluded."""

    class State(models.TextChoices):
        OPEN = "open", "waits"
        LIFTED = LIFTED, "lifted"
        UPHELD = "upheld", "the exclusion stands"

    exclusion = models.OneToOneField(Exclusion, on_delete=models.PROTECT, related_name="appeal")
    text = models.TextField()
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="appeals")
    created_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    decided_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    # Public, as the reason of the exclusion is.
    comment = models.TextField(blank=True)

    class Meta:
        ordering = ("created_at", "pk")
        constraints = [_open_or_decided("appeal_open_or_decided")]
        triggers = _kept_but_for_its_decision("appeal", "exclusion", "text", "person", "created_at")

    def __str__(self) -> str:
        return f"appeal of {self.exclusion_id}"

    @property
    def is_lifted(self) -> bool:
        return self.state == self.State.LIFTED
