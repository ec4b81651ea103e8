"""What a fit returns: plain numbers, ready to be stored."""

from dataclasses import asdict, dataclass
from typing import Any

from leaderboard.ranking.diagnostics import Notice
from leaderboard.ranking.estimate import OrderEffect, TieHabits
from leaderboard.ranking.settings import Method, ModelSettings

Matrix = tuple[tuple[float, ...], ...]
PartialMatrix = tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class PolicyResult:
    """One policy. score, low, high, se: log-odds; scores of a component have mean 0.

    low, high: the interval. se: half its width over the normal quantile, so that score ± 1.96 se is the 95 % interval
    whatever the method. rank, rank_low, rank_high, group: among the policies of the same component. component: 0 for
    the largest. mean_progress: of its rollouts with known progress, None without any.
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


@dataclass(frozen=True)
class IntervalMethod:
    """How the intervals were made: df of the t quantile (None: normal), labs that took part."""

    level: float
    method: Method
    df: int | None
    labs: int


@dataclass(frozen=True)
class FitResult:
    """A ranking. Policies come by component, then rank, then name; rows and columns of matrices in the same order.

    covariance: of the scores, in the units of se. win, tie: probability that the row policy is preferred to the column
    policy, and of a tie, in the typical lab and without the order effect; a loss is the win of the other. None between
    components, where nothing is known. log_likelihood: of the n preferences.
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

    def as_json(self) -> dict[str, Any]:
        """Dictionaries, lists, strings and finite numbers; what a JSON store gives back compares equal."""
        plain: dict[str, Any] = _listed(asdict(self))
        return plain


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_listed(item) for item in value]
    return value
