"""How much a further comparison of two versions would tell."""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from arena.models import PolicyVersion


class PairWeight(models.Model):
    """Of a draw's weights. Kept here, because draws are ours; written by who knows the ranking."""

    version_low = models.ForeignKey(PolicyVersion, on_delete=models.CASCADE, related_name="+")
    version_high = models.ForeignKey(PolicyVersion, on_delete=models.CASCADE, related_name="+")
    weight = models.FloatField()
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version_low", "version_high"], name="pair_weight_unique"),
            models.CheckConstraint(condition=Q(version_low__lt=F("version_high")), name="pair_weight_ordered"),
            models.CheckConstraint(condition=Q(weight__gte=0, weight__lte=1), name="pair_weight_in_range"),
        ]

    def __str__(self) -> str:
        return f"{self.version_low_id} and {self.version_high_id}: {self.weight:.3f}"


class Weighing(models.Model):
    """One row, which is given another stamp whenever weights change: who keeps them in memory looks here."""

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    stamp = models.UUIDField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="weighing_only_one")]

    def __str__(self) -> str:
        return str(self.stamp)


class PairEvidence(models.Model):
    """What the sessions of two versions say of the first (the smaller id) against the second, at any time.

    preference, progress: `leaderboard.ranking.anytime.Evidence` as JSON, of all sessions. reading: a hash of what they
    said. verdict, progress_verdict: of this pair alone, named beforehand, at `alpha`; once reached they stand.
    decided_at: when the session ended that decided. in_family: whether the preference also decides among all `watched`
    pairs of the board together, as of now.
    more_sessions: about how many further ones would separate the two; null where that is more than anybody would run,
    or nothing is known. Kept here, because requests that stop early ask for it; written by who knows the ranking.
    """

    class Verdict(models.TextChoices):
        BETTER = "better", "the first is better"
        WORSE = "worse", "the second is better"
        UNDECIDED = "undecided", "not decided"

    version_low = models.ForeignKey(PolicyVersion, on_delete=models.CASCADE, related_name="+")
    version_high = models.ForeignKey(PolicyVersion, on_delete=models.CASCADE, related_name="+")
    wins = models.PositiveIntegerField()
    ties = models.PositiveIntegerField()
    losses = models.PositiveIntegerField()
    reading = models.CharField(max_length=64, blank=True)
    alpha = models.FloatField()
    preference = models.JSONField()
    progress = models.JSONField()
    verdict = models.CharField(max_length=10, choices=Verdict.choices, default=Verdict.UNDECIDED)
    decided_after = models.PositiveIntegerField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    progress_verdict = models.CharField(max_length=10, choices=Verdict.choices, default=Verdict.UNDECIDED)
    progress_decided_after = models.PositiveIntegerField(null=True, blank=True)
    in_family = models.BooleanField(default=False)
    watched = models.PositiveIntegerField(default=1)
    more_sessions = models.PositiveIntegerField(null=True, blank=True)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "pair evidence"
        constraints = [
            models.UniqueConstraint(fields=["version_low", "version_high"], name="pair_evidence_unique"),
            models.CheckConstraint(condition=Q(version_low__lt=F("version_high")), name="pair_evidence_ordered"),
            models.CheckConstraint(
                condition=Q(verdict="undecided", decided_after__isnull=True)
                | (~Q(verdict="undecided") & Q(decided_after__isnull=False)),
                name="pair_evidence_decided_after",
            ),
            models.CheckConstraint(
                condition=Q(progress_verdict="undecided", progress_decided_after__isnull=True)
                | (~Q(progress_verdict="undecided") & Q(progress_decided_after__isnull=False)),
                name="pair_evidence_progress_decided_after",
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="pair_verdict_stands",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__verdict__in=["better", "worse"])
                & pgtrigger.Q(old__verdict__df=pgtrigger.F("new__verdict")),
            ),
            pgtrigger.Protect(
                name="pair_progress_verdict_stands",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__progress_verdict__in=["better", "worse"])
                & pgtrigger.Q(old__progress_verdict__df=pgtrigger.F("new__progress_verdict")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version_low_id} and {self.version_high_id}: {self.verdict}"
