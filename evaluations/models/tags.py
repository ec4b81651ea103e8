"""What taggers and people said of sessions and rollouts. Never changed: a correction is one more row."""

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils import timezone

from arena.models import Person
from evaluations.models.sessions import Session, Side
from evaluations.tags import taggers


class Tagging(models.Model):
    """One look of a tagger at a session, with what it was and what it cost."""

    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="taggings")
    provider = models.CharField(max_length=40)
    model = models.CharField(max_length=120)
    prompt_version = models.CharField(max_length=40)
    made_at = models.DateTimeField(default=timezone.now)
    pictures = models.PositiveSmallIntegerField("frames it was shown", default=0)
    seconds = models.FloatField(default=0.0)
    tokens_in = models.PositiveIntegerField(default=0)
    tokens_out = models.PositiveIntegerField(default=0)
    cost = models.FloatField(null=True, blank=True)

    class Meta:
        ordering = ("made_at", "pk")
        triggers = [pgtrigger.Protect(name="tagging_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.in_words} on {self.session_id}"

    @property
    def in_words(self) -> str:
        """Who says it, for a reader."""
        return taggers.in_words(provider=self.provider, model=self.model, prompt_version=self.prompt_version)


class Tag(models.Model):
    """One answer to one question (`evaluations.tags.questions`), by a tagger or by a person."""

    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="tags")
    # None: it is about the session as a whole.
    side = models.ForeignKey(Side, on_delete=models.PROTECT, related_name="tags", null=True, blank=True)
    question = models.CharField(max_length=40)
    answer = models.CharField(max_length=40)
    why = models.CharField(max_length=300, blank=True)
    # When it is seen, in seconds from the beginning of the rollout's videos.
    moment_s = models.FloatField(null=True, blank=True)
    tagging = models.ForeignKey(Tagging, on_delete=models.PROTECT, related_name="tags", null=True, blank=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="tags", null=True, blank=True)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("made_at", "pk")
        indexes = [models.Index(fields=["question", "answer"], name="tag_answer")]
        constraints = [
            models.CheckConstraint(
                condition=Q(tagging__isnull=False, person=None) | Q(tagging=None, person__isnull=False),
                name="tag_by_one",
            ),
            models.UniqueConstraint(
                fields=["tagging", "side", "question"],
                condition=Q(tagging__isnull=False),
                nulls_distinct=False,
                name="tag_once_a_tagging",
            ),
            models.CheckConstraint(condition=Q(moment_s=None) | Q(moment_s__gte=0), name="tag_moment_in_the_video"),
        ]
        triggers = [pgtrigger.Protect(name="tag_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.question}: {self.answer}"


class ProposedProgress(models.Model):
    """How far a model thinks that a rollout got. It is stored apart from results, and no ranking ever reads it."""

    tagging = models.ForeignKey(Tagging, on_delete=models.PROTECT, related_name="proposals")
    side = models.ForeignKey(Side, on_delete=models.PROTECT, related_name="proposals")
    progress = models.FloatField()
    why = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tagging", "side"], name="proposal_once_a_tagging"),
            models.CheckConstraint(condition=Q(progress__gte=0, progress__lte=1), name="proposal_range"),
        ]
        triggers = [pgtrigger.Protect(name="proposal_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.progress:.0%} of {self.side_id}"
