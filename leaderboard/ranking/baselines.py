"""What a board could be made of without a model of both sides: win rate, mean progress, paired progress, online Elo.

They stand beside the models for comparison, and show what is lost: the first two take no account of whom a policy met
or on which tasks, the third throws preferences away, the last depends on the order and knows no uncertainty.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize, special

from leaderboard.ranking.comparisons import Cells, Comparisons, FloatArray, IntArray
from leaderboard.ranking.davidson import centring, outcome_probabilities, pairwise, predictor
from leaderboard.ranking.errors import InvalidSettings, NothingToRank
from leaderboard.ranking.estimate import Estimate, OrderEffect, TieHabits
from leaderboard.ranking.settings import ModelSettings

# Each policy starts as if it had met the average once; differences of progress have a prior of this spread.
PRIOR_ROLLOUTS = 1.0
PRIOR_PROGRESS_SD = 0.5
MIN_VARIANCE = 1e-6
NO_ORDER = OrderEffect(math.nan, math.nan)
NO_TIES = TieHabits(math.nan, {}, math.nan)
WITHOUT_ORDER = "This model has no order effect."
WITHOUT_PREFERENCES = "Progress alone tells nothing about preferences: no probability of winning, no tie parameter."
WITHOUT_SE = "Online Elo has no standard errors, so no rank can be excluded."
WITHOUT_TIES = "Online Elo has no model of ties, so no probabilities of the three outcomes."


@dataclass(frozen=True, kw_only=True)
class BaselineSettings(ModelSettings):
    """Nothing but the intervals."""


@dataclass(frozen=True, kw_only=True)
class EloSettings(ModelSettings):
    """k_factor: points that change hands in one comparison, at most. Raises InvalidSettings."""

    k_factor: float = 32.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.k_factor) and self.k_factor > 0):
            raise InvalidSettings("k_factor_out_of_range", "Elo's K is finite and above 0.")


@dataclass(frozen=True, eq=False)
class Means:
    """(P,) means with one prior rollout; covariance (P, P) and influence (G, P) of them, not centred."""

    mean: FloatArray
    covariance: FloatArray
    influence: FloatArray


def win_rate(comparisons: Comparisons, cells: Cells, component: IntArray, settings: BaselineSettings) -> Estimate:
    """score: the logit of (wins + ties / 2 + 1/2) / (n + 1).

    This is what RoboArena's mixture comes to with one bucket: P(A), P(B) prop. to q_i (1 - q_j), q_j (1 - q_i). So it
    predicts preferences as Davidson's model does, from these scores and one tie parameter for all.
    """
    table = in_order(comparisons)
    points = 1 - table.outcome / 2
    means = side_means(table, np.stack([points, 1 - points]), average=0.5)
    theta = special.logit(means.mean)
    A = centring(component) / (means.mean * (1 - means.mean))
    lnu, log_likelihood = _tie_parameter(theta, cells)
    win, tie = pairwise(theta, lnu)
    return Estimate(
        score=centring(component) @ theta,
        covariance=A @ means.covariance @ A.T,
        influence=means.influence @ A.T,
        win=win,
        tie=tie,
        ties=TieHabits(math.exp(lnu), {comparisons.labs[g]: math.exp(lnu) for g in np.unique(cells.lab)}, 0.0),
        order=NO_ORDER,
        log_likelihood=log_likelihood,
        predict=predictor(comparisons.policies, theta, 0.0, np.full(comparisons.n_labs, lnu)),
        missing={"order": WITHOUT_ORDER},
    )


def mean_progress(comparisons: Comparisons, cells: Cells, component: IntArray, settings: BaselineSettings) -> Estimate:
    """score: the policy's mean progress over its rollouts and one of average progress, less the component's mean."""
    table = in_order(comparisons)
    progress = np.stack([table.progress_a, table.progress_b])
    _require_known(progress)
    means = side_means(table, progress, average=float(np.nanmean(progress)))
    L = centring(component)
    return _of_progress(L @ means.mean, L @ means.covariance @ L.T, means.influence @ L.T)


def paired_progress(
    comparisons: Comparisons, cells: Cells, component: IntArray, settings: BaselineSettings
) -> Estimate:
    """score: least squares on differences of progress within a session, s_A - s_B = x_i - x_j + error.

    How hard the session was cancels. x ~ N(0, PRIOR_PROGRESS_SD²) keeps policies without progress at the mean.
    """
    table = in_order(comparisons)
    d = table.progress_a - table.progress_b
    _require_known(d)
    known = np.flatnonzero(~np.isnan(d))
    d, i, j, lab = d[known], table.policy_a[known], table.policy_b[known], table.lab[known]
    P, prior = comparisons.n_policies, np.eye(comparisons.n_policies) / PRIOR_PROGRESS_SD**2
    pairs = np.bincount(i * P + j, minlength=P * P).reshape(P, P)
    H = np.diag(pairs.sum(axis=0) + pairs.sum(axis=1)) - pairs - pairs.T
    b = np.bincount(i, d, P) - np.bincount(j, d, P)
    variance = max(float(np.mean(d**2)), MIN_VARIANCE)
    for _ in range(3):
        V = np.linalg.inv(H / variance + prior)
        x = V @ b / variance
        error = d - x[i] + x[j]
        variance = max(float(np.sum(error**2)) / max(d.size - P + 1, 1), MIN_VARIANCE)
    L = centring(component)
    S = _by_lab(lab, i, error, comparisons) - _by_lab(lab, j, error, comparisons)
    return _of_progress(L @ x, L @ V @ L.T, S / variance @ V @ L.T)


def elo(comparisons: Comparisons, cells: Cells, component: IntArray, settings: EloSettings) -> Estimate:
    """score: online Elo in log-odds (400 points are a factor of 10), one pass over the rows as they stand.

    The one model here to which the order of the rows matters: it has to be that of time.
    """
    theta = [0.0] * comparisons.n_policies
    step = settings.k_factor * math.log(10) / 400
    columns = (comparisons.policy_a.tolist(), comparisons.policy_b.tolist(), comparisons.outcome.tolist())
    for i, j, outcome in zip(*columns, strict=True):
        change = step * (1 - outcome / 2 - 1 / (1 + math.exp(theta[j] - theta[i])))
        theta[i] += change
        theta[j] -= change
    P = comparisons.n_policies
    unknown = np.full((P, P), math.nan)
    return Estimate(
        score=centring(component) @ np.array(theta),
        covariance=unknown,
        influence=np.zeros((comparisons.n_labs, P)),
        win=unknown,
        tie=unknown,
        ties=NO_TIES,
        order=NO_ORDER,
        log_likelihood=math.nan,
        missing={"se": WITHOUT_SE, "win": WITHOUT_TIES, "ties": WITHOUT_TIES, "order": WITHOUT_ORDER},
    )


def in_order(comparisons: Comparisons) -> Comparisons:
    """The same rows in an order that depends on their contents alone, so that sums of floats do as well."""
    columns = ("policy_a", "policy_b", "outcome", "lab", "progress_a", "progress_b")
    order = np.lexsort(tuple(getattr(comparisons, column) for column in columns))
    sorted_columns = {column: getattr(comparisons, column)[order] for column in columns}
    return replace(comparisons, **sorted_columns, evaluator=None, category=None)


def side_means(table: Comparisons, values: FloatArray, *, average: float) -> Means:
    """Of values (2, n) of side A and B, NaN where missing. Sessions are independent, their two sides are not."""
    P, sides = table.n_policies, (table.policy_a, table.policy_b)
    known = ~np.isnan(values)
    rollouts, total = np.full(P, PRIOR_ROLLOUTS), np.full(P, PRIOR_ROLLOUTS * average)
    for policy, value, there in zip(sides, values, known, strict=True):
        rollouts += np.bincount(policy, there, P)
        total += np.bincount(policy, np.where(there, value, 0.0), P)
    mean = total / rollouts
    error = [np.where(there, v - mean[p], 0.0) for p, v, there in zip(sides, values, known, strict=True)]
    outer = np.zeros((P, P))
    for one in range(2):
        for other in range(2):
            outer += np.bincount(sides[one] * P + sides[other], error[one] * error[other], P * P).reshape(P, P)
    outer += PRIOR_ROLLOUTS * max(float(np.nanvar(values)), MIN_VARIANCE) * np.eye(P)
    by_lab = sum(_by_lab(table.lab, p, e, table) for p, e in zip(sides, error, strict=True))
    return Means(mean, outer / rollouts[:, None] / rollouts, by_lab / rollouts)


def _of_progress(score: FloatArray, V: FloatArray, influence: FloatArray) -> Estimate:
    unknown = np.full(V.shape, math.nan)
    return Estimate(
        score=score,
        covariance=V,
        influence=influence,
        win=unknown,
        tie=unknown,
        ties=NO_TIES,
        order=NO_ORDER,
        log_likelihood=math.nan,
        unit="progress",
        missing={"win": WITHOUT_PREFERENCES, "ties": WITHOUT_PREFERENCES, "order": WITHOUT_ORDER},
    )


def _tie_parameter(theta: FloatArray, cells: Cells) -> tuple[float, float]:
    """The log nu, one for all, under which the outcomes are likeliest with these scores, and how likely they are."""

    def against(lnu: float) -> float:
        p = outcome_probabilities(theta[cells.policy_a], theta[cells.policy_b], 0.0, lnu)
        return -float(np.sum(cells.counts * np.log(p)))

    found = optimize.minimize_scalar(against, bounds=(-8.0, 8.0), method="bounded")
    return float(found.x), -float(found.fun)


def _by_lab(lab: IntArray, policy: IntArray, values: FloatArray, table: Comparisons) -> FloatArray:
    shape = (table.n_labs, table.n_policies)
    summed = np.bincount(lab * shape[1] + policy, values, shape[0] * shape[1])
    return summed.astype(np.float64, copy=False).reshape(shape)


def _require_known(progress: FloatArray) -> None:
    if np.isnan(progress).all():
        raise NothingToRank("no_progress", "No progress is known, and this model ranks by nothing else.")
