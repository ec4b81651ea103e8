"""What a fit returns: plain numbers, ready to be stored."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from leaderboard.ranking.diagnostics import Notice
from leaderboard.ranking.estimate import LabResult, OrderEffect, TaskResult, TieHabits, Unit
from leaderboard.ranking.influence import LabInfluence
from leaderboard.ranking.settings import Method, ModelSettings

Matrix = tuple[tuple[float, ...], ...]
PartialMatrix = tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class PolicyResult:
    """One policy. score, low, high, se: log-odds; scores of a component have mean 0.

    low, high: the interval. se: half its width over the normal quantile, so that score ± 1.96 se is the 95 % interval
    whatever the method. rank, rank_low, rank_high, group: among the policies of the same component. component: 0 for
    the largest. mean_progress: of its rollouts with known progress, None without any. unadjusted: the score before
    tasks are adjusted for. expected_progress, its se: under the declared task mix. None where the model has none.

    Where the model has no standard errors se, low and high are NaN here, null in JSON, and all ranks are open.
    """

    policy: str
    score: float
    se: float
    low: float
    high: float
    rank: int
    rank_low: int
    rank_high: int
    group: str
    component: int
    n: int
    wins: int
    ties: int
    losses: int
    mean_progress: float | None
    unadjusted: float | None = None
    expected_progress: float | None = None
    expected_progress_se: float | None = None


@dataclass(frozen=True)
class IntervalMethod:
    """How the intervals were made: df of the t quantile (None: normal), labs that took part."""

    level: float
    method: Method
    df: float | None
    labs: int


@dataclass(frozen=True)
class FitResult:
    """A ranking. Policies come by component, then rank, then name; rows and columns of matrices in the same order.

    covariance: of the scores, in the units of se. win, tie: probability that the row policy is preferred to the column
    policy, and of a tie, in the typical lab and without the order effect; a loss is the win of the other. None between
    components, where nothing is known. log_likelihood: of the n preferences. unit: of the scores. tasks, labs: the task
    categories and labs, as far as the model knows them. parameters: further numbers of the model. missing: what it
    cannot give, and why. influence: of each lab on the order.
    """

    model: str
    settings: ModelSettings
    n: int
    policies: tuple[PolicyResult, ...]
    covariance: Matrix
    win: PartialMatrix
    tie: PartialMatrix
    ties: TieHabits
    order: OrderEffect
    log_likelihood: float
    intervals: IntervalMethod
    warnings: tuple[Notice, ...]
    unit: Unit = "log-odds"
    tasks: tuple[TaskResult, ...] = ()
    labs: tuple[LabResult, ...] = ()
    parameters: dict[str, float] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    influence: tuple[LabInfluence, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Dictionaries, lists, strings, finite numbers, null for NaN; what a JSON store gives back compares equal."""
        plain: dict[str, Any] = _listed(asdict(self))
        return plain


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_listed(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
