"""Why a session is not valid, or was never submitted."""

from django.db import models


class Reason(models.TextChoices):
    MARKED_INVALID = "marked_invalid", "marked invalid by the evaluator"
    EPISODES_MISSING = "episodes_missing", "an episode was never uploaded"
    PREFERENCE_MISSING = "preference_missing", "no preference was given"
    NOTES_UNREADABLE = "notes_unreadable", "the closing notes could not be read"
    LEASE_EXPIRED = "lease_expired", "not finished in time"
    EVALUATOR_LEFT = "evaluator_left", "given up by the evaluator"
    IMPORTED_INVALID = "imported_invalid", "invalid in the imported data"
    IMPORTED_TIMED_OUT = "imported_timed_out", "timed out in the imported data"
