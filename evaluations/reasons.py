"""Why a session is not valid, or was never submitted."""

from django.db import models


class Reason(models.TextChoices):
    MARKED_INVALID = "marked_invalid", "marked invalid by the evaluator"
    SCENE_DIFFERED = "scene_differed", "the scene was not the same for both sides"
    ROBOT_FAULT = "robot_fault", "the robot or its cameras failed"
    POLICY_UNREACHABLE = "policy_unreachable", "a policy server did not answer"
    POLICY_UNSAFE = "policy_unsafe", "a rollout had to be stopped for safety"
    DISTURBED = "disturbed", "somebody or something interfered"
    EPISODES_MISSING = "episodes_missing", "an episode was never uploaded"
    PREFERENCE_MISSING = "preference_missing", "no preference was given"
    NOTES_UNREADABLE = "notes_unreadable", "the closing notes could not be read"
    LEASE_EXPIRED = "lease_expired", "not finished in time"
    EVALUATOR_LEFT = "evaluator_left", "given up by the evaluator"
    NO_TIME = "no_time", "no time left to finish"
    IMPORTED_INVALID = "imported_invalid", "invalid in the imported data"
    IMPORTED_TIMED_OUT = "imported_timed_out", "timed out in the imported data"


_AT_THE_ROBOT = (
    Reason.SCENE_DIFFERED,
    Reason.ROBOT_FAULT,
    Reason.POLICY_UNREACHABLE,
    Reason.POLICY_UNSAFE,
    Reason.DISTURBED,
)
INVALID_REASONS = (*_AT_THE_ROBOT, Reason.MARKED_INVALID)
"""What an evaluator may give for a session that was run but is not to count."""
ABANDON_REASONS = (*_AT_THE_ROBOT, Reason.NO_TIME, Reason.EVALUATOR_LEFT)
"""What an evaluator may give for a session that is not run to its end."""
