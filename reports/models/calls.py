"""What models were asked, what it cost, and for a while what they answered."""

import pgtrigger
from django.db import models
from django.db.models import Q


class ProviderCall(models.Model):
    """One question to a provider, with all requests that it took: repeats, other modes, a repair. Never a key."""

    class Outcome(models.TextChoices):
        RUNNING = "running", "under way"
        ANSWERED = "answered", "answered"
        UNUSABLE = "unusable", "no usable answer"
        TEMPORARY = "temporary", "failed for now"
        MISCONFIGURED = "misconfigured", "cannot be asked as it is configured"
        GIVEN_BACK = "given-back", "given back before it was answered"
        CUT_SHORT = "cut-short", "cut short on our side"

    provider = models.CharField(max_length=40)
    model = models.CharField(max_length=200)
    purpose = models.CharField(max_length=20)
    prompt_version = models.CharField(max_length=60)
    # Over everything that the answer depends on: model, prompt version, words, pictures, schema.
    input_digest = models.CharField(max_length=64)
    mode = models.CharField(max_length=12, blank=True)
    requests = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField()
    seconds = models.FloatField(null=True, blank=True)
    tokens_in = models.PositiveBigIntegerField(default=0)
    tokens_out = models.PositiveBigIntegerField(default=0)
    # The server gave no usable figures: these are guesses from the length of the texts.
    tokens_guessed = models.BooleanField(default=False)
    cost = models.FloatField(null=True, blank=True)
    outcome = models.CharField(max_length=13, choices=Outcome.choices, default=Outcome.RUNNING)
    problem = models.CharField(max_length=300, blank=True)
    answer = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ("-started_at", "-pk")
        indexes = [
            models.Index(fields=["provider", "started_at"], name="provider_call_of_day"),
            models.Index(fields=["input_digest"], condition=Q(answer__isnull=False), name="provider_call_known"),
            models.Index(fields=["started_at"], condition=Q(answer__isnull=False), name="provider_call_answers"),
        ]
        triggers = [
            pgtrigger.Protect(name="provider_call_kept", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="provider_call_asked_once",
                fields=["provider", "model", "purpose", "prompt_version", "input_digest", "started_at"],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} by {self.provider}, {self.outcome}"
