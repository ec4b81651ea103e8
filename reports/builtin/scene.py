"""What measured facts tell of a scene. They show that a picture is bad sooner than that it is good."""

from collections.abc import Sequence

from evaluations.episode_facts import DIM_BELOW, GLARING_ABOVE, SOFT_BELOW
from reports.builtin.findings import Finding, RolloutFacts

LIT_FROM, LIT_TO = 0.3, 0.7
"""Mean luma. Between these and the two above nothing is told."""


def clear_view(rollouts: Sequence[RolloutFacts]) -> Finding[bool]:
    """Never yes: what hides behind the arm, no measurement sees."""
    for facts in rollouts:
        if facts.black:
            return Finding(False, "no camera of a rollout shows anything")
        if facts.frozen:
            return Finding(False, "the picture of every camera of a rollout stands still")
        if facts.sharpness < SOFT_BELOW:
            return Finding(
                False, f"the sharpest camera of a rollout is soft: {facts.sharpness:.0f} of {SOFT_BELOW:.0f}"
            )
    return Finding(None, "nothing measured speaks against it" if rollouts else "no video was measured")


def good_light(rollouts: Sequence[RolloutFacts]) -> Finding[bool]:
    levels = [facts.brightness for facts in rollouts if not facts.black]
    if not levels:
        return Finding(None, "no video that shows anything was measured")
    if min(levels) < DIM_BELOW:
        return Finding(False, f"it is dim: mean brightness {min(levels):.2f} of 1")
    if max(levels) > GLARING_ABOVE:
        return Finding(False, f"it glares: mean brightness {max(levels):.2f} of 1")
    if min(levels) >= LIT_FROM and max(levels) <= LIT_TO:
        return Finding(True, f"mean brightness {min(levels):.2f} to {max(levels):.2f} of 1")
    return Finding(None, "the mean brightness is neither plainly good nor plainly bad")
