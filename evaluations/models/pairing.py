"""How much a further comparison of two versions would tell."""

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
