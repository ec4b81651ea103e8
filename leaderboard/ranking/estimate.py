"""What every model hands to the common part, which makes intervals, rank ranges and groups of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from leaderboard.ranking.comparisons import Comparisons, FloatArray

Unit = Literal["log-odds", "progress", "Elo points"]
Predict = Callable[[Comparisons], FloatArray]


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


@dataclass(frozen=True)
class TaskResult:
    """One task category. n: sessions. share: of the declared task mix. difficulty: log-odds by which the typical
    policy's progress is lower here than in the average category, with its interval; None without progress."""

    category: str
    n: int
    share: float
    difficulty: float | None
    se: float | None
    low: float | None
    high: float | None
    mean_progress: float | None


@dataclass(frozen=True)
class LabResult:
    """One lab. difficulty: as of a task, of this lab's scenes beside its tasks. mix_difficulty: mean difficulty of the
    tasks that it ran. None without progress, or without categories."""

    lab: str
    n: int
    difficulty: float | None
    se: float | None
    mix_difficulty: float | None


@dataclass(frozen=True, eq=False)
class Estimate:
    """P scores fitted by a model to comparisons from G labs. What it cannot give is NaN or None; `missing` says why.

    score: (P,) in `unit`, centred within each connected component.
    covariance: (P, P) of the centred scores, model-based: the inverse of the penalised information. NaN: unknown.
    influence: (G, P) what each lab adds to the centred scores, to first order: L H^-1 S_g, with L the centring, H the
        penalised information and S_g the lab's part of the gradient of the log-likelihood. Zeros for a lab without any.
    win, tie: (P, P) probabilities that the row policy is preferred to the column policy, and of a tie, in the typical
        lab and without the order effect.
    log_likelihood: of the preferences, without priors.
    lab_effects: whether the covariance already holds what labs do to the scores, so that clustering by lab would be
        wrong. df: then, degrees of freedom of t for its intervals; None: normal.
    evaluator_influence: gives (E, P), as influence, for the comparisons that were fitted.
    predict: (n, 3) probabilities of the outcomes of further comparisons, in the order of Outcome. predict_progress:
        (n, 2) expected progress of side A and side B. Policies and labs go by name and key.
    unadjusted: (P,) scores before tasks are adjusted for. expected_progress, its se: (P,), under the task mix.
    parameters: further numbers of the model by name. missing: why something cannot be given, by what it is.
    """

    score: FloatArray
    covariance: FloatArray
    influence: FloatArray
    win: FloatArray
    tie: FloatArray
    ties: TieHabits
    order: OrderEffect
    log_likelihood: float
    unit: Unit = "log-odds"
    lab_effects: bool = False
    df: float | None = None
    evaluator_influence: Predict | None = None
    predict: Predict | None = None
    predict_progress: Predict | None = None
    unadjusted: FloatArray | None = None
    expected_progress: FloatArray | None = None
    expected_progress_se: FloatArray | None = None
    tasks: tuple[TaskResult, ...] = ()
    labs: tuple[LabResult, ...] = ()
    parameters: dict[str, float] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
