"""What evaluators say: drafts, results, guesses; and what stewards exclude."""

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils import timezone

from arena.models import Person, Policy
from evaluations.models.sessions import Session


class Preference(models.TextChoices):
    A = "A", "A"
    B = "B", "B"
    TIE = "TIE", "tie"


class Draft(models.Model):
    """What an evaluator has entered so far. Each field carries the revision in which it was last changed.

    `fields` is {"name": {"value": …, "revision": 3}, …}; `evaluations/drafts.py` says which names there are.
    """

    session = models.OneToOneField(Session, on_delete=models.CASCADE, related_name="draft")
    revision = models.PositiveIntegerField(default=0)
    fields = models.JSONField(default=dict)
    updated_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"draft {self.revision} of {self.session_id}"


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


class Guess(models.Model):
    """Which policies the evaluator thinks these were, said before the reveal: our check on the blinding."""

    session = models.OneToOneField(Session, on_delete=models.PROTECT, related_name="guess")
    policy_a = models.ForeignKey(Policy, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    policy_b = models.ForeignKey(Policy, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    # From how many policies they could choose, which says how often pure chance hits.
    choices = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "guesses"
        constraints = [
            models.CheckConstraint(
                condition=Q(policy_a__isnull=False) | Q(policy_b__isnull=False), name="guess_names_one"
            )
        ]
        triggers = [pgtrigger.Protect(name="guess_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"guess at {self.session_id}"


class Exclusion(models.Model):
    """A steward's decision, with a public reason, that a valid session is not to be counted.

    There is one for a session at most. It stands until an appeal lifts it; that is the last word.
    """

    session = models.OneToOneField(Session, on_delete=models.PROTECT, related_name="exclusion")
    reason = models.CharField(max_length=40)
    comment = models.TextField()
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="exclusions")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        triggers = [pgtrigger.Protect(name="exclusion_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.session_id} excluded: {self.reason}"

    @property
    def stands(self) -> bool:
        """In a query: `EXCLUDED`."""
        appeal = getattr(self, "appeal", None)
        return appeal is None or not appeal.is_lifted
