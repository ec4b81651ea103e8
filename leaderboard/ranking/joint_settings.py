"""What can be set of the joint model."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from leaderboard.ranking.errors import InvalidSettings
from leaderboard.ranking.settings import IntervalSettings, ModelSettings

TaskMix = str | Mapping[str, float]
# Each spread's setting, and its name among a result's parameters.
SPREADS = {
    "psi_sd": "spread_policy_by_task",
    "b_sd": "spread_policy_by_lab",
    "a_sd": "spread_sessions_met",
    "own_progress_sd": "spread_own_progress",
    "lab_tie_sd": "spread_ties_by_lab",
    "task_tie_sd": "spread_ties_by_task",
    "category_sd": "spread_tasks",
    "lab_sd": "spread_labs",
}


@dataclass(frozen=True, kw_only=True)
class JointSettings(ModelSettings):
    """Standard deviations of priors in log-odds, and what is held instead of being estimated.

    theta_sd: scores. order_sd, progress_order_sd: order effects on preference and progress. tie_mean, tie_sd: log nu of
    the typical lab. progress_sd: log-odds of the typical progress. scale_sd: log k.

    psi_sd, b_sd, a_sd, lab_tie_sd, task_tie_sd, category_sd, lab_sd: spreads of policy by task, policy by lab, the
    sessions a policy meets, ties by lab, ties by task, easiness of tasks and of labs.
    own_progress_sd: of what progress alone shows. 0 leaves the effects out. Where
    spreads_estimated they are the
    start of their estimation, otherwise what holds.

    scale, dispersion: k, phi; preference_weight, progress_weight: what the readings count for. None: estimated; the two
    weights are held together.

    task_mix: the tasks that the score is for: "pool" (as in the sessions), "equal", or a share for each category by
    name; shares are divided by their sum.

    Raises InvalidSettings.
    """

    intervals: IntervalSettings = field(default_factory=lambda: IntervalSettings(method="model"))
    theta_sd: float = 1.5
    order_sd: float = 0.5
    progress_order_sd: float = 0.3
    tie_mean: float = -1.0
    tie_sd: float = 2.0
    progress_sd: float = 5.0
    scale_sd: float = 2.0
    psi_sd: float = 0.2
    b_sd: float = 0.2
    a_sd: float = 0.2
    lab_tie_sd: float = 1.0
    category_sd: float = 0.3
    lab_sd: float = 0.3
    task_tie_sd: float = 0.3
    own_progress_sd: float = 0.2
    spreads_estimated: bool = True
    scale: float | None = None
    dispersion: float | None = None
    preference_weight: float | None = None
    progress_weight: float | None = None
    task_mix: TaskMix = "pool"

    def __post_init__(self) -> None:
        numbers = {name: value for name, value in vars(self).items() if isinstance(value, float | int)}
        if not all(math.isfinite(value) for value in numbers.values()):
            raise InvalidSettings("prior_out_of_range", "Standard deviations of priors are finite and not negative.")
        if any(value < 0 for name, value in numbers.items() if name.endswith("_sd")) or self.theta_sd == 0:
            raise InvalidSettings(
                "prior_out_of_range", "Standard deviations of priors are not negative; theta_sd is above 0."
            )
        for value in (self.scale, self.dispersion, self.preference_weight, self.progress_weight):
            if value is not None and value <= 0:
                raise InvalidSettings("held_out_of_range", "scale, dispersion and weights are above 0.")
        if (self.preference_weight is None) != (self.progress_weight is None):
            raise InvalidSettings("held_out_of_range", "The weights of the two readings are held together.")
        if self.intervals.method == "clustered":
            raise InvalidSettings(
                "clustered_with_lab_effects",
                "The joint model has lab effects of its own; clustering by lab on top would be far too narrow.",
            )
        _require_mix(self.task_mix)


def warmed(settings: JointSettings, parameters: Mapping[str, float]) -> JointSettings:
    """The same settings with the spreads of an earlier result (its `parameters`) as the start of their estimation.

    The result depends on the start by less than the spreads' tolerance, but it does: whoever stores the result stores
    these settings with it.
    """
    starts: dict[str, Any] = {
        field: parameters[name]
        for field, name in SPREADS.items()
        if parameters.get(name) and getattr(settings, field) > 0
    }
    return replace(settings, **starts)


def _require_mix(mix: TaskMix) -> None:
    if isinstance(mix, str):
        if mix not in ("pool", "equal"):
            raise InvalidSettings("mix_unknown", f"A task mix is pool, equal, or numbers by category, not {mix!r}.")
        return
    shares = list(mix.values())
    if not shares or not all(math.isfinite(share) and share >= 0 for share in shares) or sum(shares) <= 0:
        raise InvalidSettings("mix_out_of_range", "The shares of a task mix are not negative, and not all 0.")
