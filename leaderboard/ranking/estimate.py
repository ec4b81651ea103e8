"""What every model hands to the common part, which makes intervals, rank ranges and groups of it."""

from dataclasses import dataclass

from leaderboard.ranking.comparisons import FloatArray


@dataclass(frozen=True)
class TieHabits:
    """Tie parameters nu: two equal policies tie with probability nu / (1 + nu).

    nu: of the typical lab. by_lab: nu of each lab, by name. spread: standard deviation of log nu between labs.
    """

    nu: float
    by_lab: dict[str, float]
    spread: float


@dataclass(frozen=True)
class OrderEffect:
    """delta: the advantage of side B over side A, in log-odds; se: its model-based standard error."""

    delta: float
    se: float


@dataclass(frozen=True, eq=False)
class Estimate:
    """P scores fitted by a model to comparisons from G labs.

    score: (P,) log-odds, centred within each connected component.
    covariance: (P, P) of the centred scores, model-based: the inverse of the penalised information.
    influence: (G, P) what each lab adds to the centred scores, to first order: L H^-1 S_g, with L the centring, H the
        penalised information and S_g the lab's part of the gradient of the log-likelihood. Zeros for a lab without any.
    win, tie: (P, P) probabilities that the row policy is preferred to the column policy, and of a tie, in the typical
        lab and without the order effect.
    log_likelihood: of the preferences, without priors.
    """

    score: FloatArray
    covariance: FloatArray
    influence: FloatArray
    win: FloatArray
    tie: FloatArray
    ties: TieHabits
    order: OrderEffect
    log_likelihood: float
