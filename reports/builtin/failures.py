"""What measured facts, with the progress that the evaluator gave, tell of how a rollout failed. It is little."""

from evaluations.models import FailureMode
from reports.builtin.findings import Finding, RolloutFacts

FROZE_S = 8.0
"""Still for as long at the end, a robot that is not done has stopped for good."""
MOVED_TO_THE_END_S = 1.0
WANDERED_S = 10.0
WANDERED_SHARE = 0.5
"""In motion for this long and for this share of the rollout, without any progress."""


def hints(facts: RolloutFacts, progress: float | None) -> dict[FailureMode, Finding[bool]]:
    return {FailureMode.FROZE: froze(facts, progress), FailureMode.NO_PROGRESS: no_progress(facts, progress)}


def froze(facts: RolloutFacts, progress: float | None) -> Finding[bool]:
    if (unseen := _unseen(facts, progress)) is not None:
        return unseen
    if not facts.moved:
        still, since = facts.duration_s, 0.0
    else:
        still, since = facts.still_at_end_s, max(facts.duration_s - facts.still_at_end_s, 0.0)
    if still >= FROZE_S:
        return Finding(True, f"nothing moves for the last {still:.0f} s, and it was not done", since)
    if still <= MOVED_TO_THE_END_S:
        return Finding(False, "it moves to the end")
    return Finding(None, f"it is still for the last {still:.1f} s, which may be the end of the recording")


def no_progress(facts: RolloutFacts, progress: float | None) -> Finding[bool]:
    if (unseen := _unseen(facts, progress)) is not None:
        return unseen
    if progress:
        return Finding(None, "it got somewhere; whether it then wandered was not measured")
    moving = facts.duration_s - facts.idle_at_start_s - facts.still_at_end_s if facts.moved else 0.0
    if moving >= max(WANDERED_S, WANDERED_SHARE * facts.duration_s):
        return Finding(True, f"it moved for {moving:.0f} s and got nowhere", facts.idle_at_start_s)
    return Finding(None, "it moved too little to tell")


def _unseen(facts: RolloutFacts, progress: float | None) -> Finding[bool] | None:
    """Where neither is to be told."""
    if progress is None:
        return Finding(None, "how far it got is not known")
    if progress >= 1:
        return Finding(False, "it did the task")
    if facts.black or facts.frozen:
        return Finding(None, "the videos do not show whether it moves")
    return None
