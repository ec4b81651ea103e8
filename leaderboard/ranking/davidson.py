"""Davidson's extension of Bradley-Terry to ties, with a tie habit for each lab and an order effect.

A comparison of policy i on side A with policy j on side B in lab g has the three log-weights

    A: h,    TIE: t,    B: -h,      h = (theta_i - theta_j - delta) / 2,    t = log 2 + lnu_0 + lnu_g,

which is P(A) ∝ exp(theta_i), P(B) ∝ exp(theta_j + delta), P(TIE) ∝ 2 nu_g sqrt(exp(theta_i + theta_j + delta)) with
nu_g = exp(lnu_0 + lnu_g). Equal policies tie with probability nu / (1 + nu); Davidson's own parameter is 2 nu. Weak
normal priors hold what the data leave open:

    theta_p ~ N(0, theta_sd²)    delta ~ N(0, order_sd²)    lnu_0 ~ N(tie_mean, tie_sd²)    lnu_g ~ N(0, s²)

The log-weights are linear in the parameters, so the log-likelihood is concave and Newton's method climbs to its one
maximum. s, the spread of the tie habits, is estimated by empirical Bayes.

Davidson, R. R. (1970). On extending the Bradley-Terry model to accommodate ties in paired comparison experiments.
JASA 65:317-328. Order effect: Davidson and Beaver (1977), Biometrics 33:693-702.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from scipy import linalg

from leaderboard.ranking.comparisons import BoolArray, Cells, Comparisons, FloatArray, IntArray, by_evaluator_and_lab
from leaderboard.ranking.errors import InvalidSettings, NoFiniteEstimate
from leaderboard.ranking.estimate import Estimate, OrderEffect, Predict, TieHabits
from leaderboard.ranking.settings import ModelSettings
from leaderboard.ranking.spreads import next_spread

# A Newton step that promises less log-likelihood than this is the last, and is taken unmeasured: near the maximum the
# next one would be lost in rounding.
SMALL_GAIN = 1e-10
MAX_STEPS = 100
MAX_HALVINGS = 40
# A parameter without a prior whose standard error exceeds this is on its way to infinity.
UNBOUNDED_SE = 1e3

# The relative change at which the spread s of the labs' tie habits has settled. That takes about five updates; after
# the last one allowed, s stands as it is.
SPREAD_SETTLED = 1e-4
MAX_SPREAD_UPDATES = 100


@dataclass(frozen=True, kw_only=True)
class DavidsonSettings(ModelSettings):
    """Standard deviations of the priors, in log-odds. None: no prior. 0: held at the prior's mean.

    theta_sd: scores (cannot be held). order_sd: order effect. tie_mean, tie_sd: log nu of the typical lab. lab_tie_sd:
    spread of log nu between labs; where lab_tie_estimated it is only the start of its estimation.

    Raises InvalidSettings.
    """

    theta_sd: float | None = 1.5
    order_sd: float | None = 0.5
    tie_mean: float = -1.0
    tie_sd: float | None = 2.0
    lab_tie_sd: float = 1.0
    lab_tie_estimated: bool = True

    def __post_init__(self) -> None:
        spreads = [sd for sd in (self.theta_sd, self.order_sd, self.tie_sd, self.lab_tie_sd) if sd is not None]
        if not all(math.isfinite(value) for value in (*spreads, self.tie_mean)) or min(spreads) < 0:
            raise InvalidSettings("prior_out_of_range", "Standard deviations of priors are finite and not negative.")
        if self.theta_sd == 0:
            raise InvalidSettings("scores_held", "theta_sd must be above 0, or None for no prior.")
        if self.lab_tie_estimated and self.lab_tie_sd == 0:
            raise InvalidSettings("spread_without_start", "lab_tie_sd must be above 0 where it is estimated.")


@dataclass(frozen=True)
class Layout:
    """Where the K = P + 2 + G parameters x = (theta_1..theta_P, delta, lnu_0, lnu_1..lnu_G) are."""

    n_policies: int
    n_labs: int

    @property
    def theta(self) -> slice:
        return slice(0, self.n_policies)

    @property
    def delta(self) -> int:
        return self.n_policies

    @property
    def lnu_0(self) -> int:
        return self.n_policies + 1

    @property
    def lnu(self) -> slice:
        return slice(self.n_policies + 2, self.size)

    @property
    def size(self) -> int:
        return self.n_policies + 2 + self.n_labs


@dataclass(frozen=True, eq=False)
class Point:
    """Parameters x (K,), and there: the log-probabilities (3, m) of the outcomes in each cell, log-likelihood, Q."""

    x: FloatArray
    log_p: FloatArray
    log_likelihood: float
    value: float


@dataclass(frozen=True, eq=False)
class Objective:
    """Q(x) = log-likelihood - sum precision (x - mean)² / 2: what is maximised, with the spread s held.

    mean, precision: (K,). free: (K,), false where a parameter is held. gauge: (K, K), added to the information where
    scores have no prior: the likelihood leaves the mean score of each component open, and the gauge holds it at 0.
    """

    cells: Cells
    at: Layout
    mean: FloatArray
    precision: FloatArray
    free: BoolArray
    gauge: FloatArray

    @cached_property
    def n(self) -> FloatArray:
        totals: FloatArray = self.cells.counts.sum(axis=0)
        return totals

    def point(self, x: FloatArray) -> Point:
        cells, at = self.cells, self.at
        h = (x[cells.policy_a] - x[cells.policy_b] - x[at.delta]) / 2
        t = math.log(2) + x[at.lnu_0] + x[at.lnu][cells.lab]
        top = np.maximum(np.abs(h), t)
        log_sum = top + np.log(np.exp(h - top) + np.exp(t - top) + np.exp(-h - top))
        log_p = np.stack([h, t, -h]) - log_sum
        # Not a dot product: BLAS would split this long, cheap sum among threads and lose more than it gains.
        log_likelihood = float(np.sum(cells.counts * log_p))
        return Point(x, log_p, log_likelihood, log_likelihood - float(self.precision @ (x - self.mean) ** 2) / 2)

    def lab_gradients(self, point: Point) -> FloatArray:
        """S (G, K): each lab's part of the gradient of the log-likelihood."""
        cells, at = self.cells, self.at
        a, tie, b = cells.counts - self.n * np.exp(point.log_p)
        by_h = (a - b) / 2
        S = np.zeros((at.n_labs, at.size))
        S[:, at.theta] = _table(cells.lab, cells.policy_a, by_h, (at.n_labs, at.n_policies))
        S[:, at.theta] -= _table(cells.lab, cells.policy_b, by_h, (at.n_labs, at.n_policies))
        S[:, at.delta] = -np.bincount(cells.lab, by_h, at.n_labs)
        S[:, at.lnu_0] = np.bincount(cells.lab, tie, at.n_labs)
        S[:, at.lnu] = np.diag(S[:, at.lnu_0])
        return S

    def gradient(self, point: Point) -> FloatArray:
        """(K,) gradient of Q."""
        total: FloatArray = self.lab_gradients(point).sum(axis=0) - self.precision * (point.x - self.mean)
        return total

    def information(self, point: Point) -> FloatArray:
        """H (K, K): the negative Hessian of Q, and the gauge. For log-linear weights observed and expected are one.

        In each cell, h and t have the covariance (hh, ht; ht, tt) of the outcomes; H adds it up over who took part.
        """
        cells, at = self.cells, self.at
        a, tie, b = np.exp(point.log_p)
        hh = self.n * (a + b - (a - b) ** 2) / 4
        ht = self.n * (b - a) * tie / 2
        tt = self.n * tie * (1 - tie)
        pairs = _table(cells.policy_a, cells.policy_b, hh, (at.n_policies, at.n_policies))
        by_lab = _table(cells.policy_a, cells.lab, ht, (at.n_policies, at.n_labs))
        by_lab -= _table(cells.policy_b, cells.lab, ht, (at.n_policies, at.n_labs))
        H = np.zeros((at.size, at.size))
        H[at.theta, at.theta] = np.diag(pairs.sum(axis=0) + pairs.sum(axis=1)) - pairs - pairs.T
        H[at.theta, at.delta] = pairs.sum(axis=0) - pairs.sum(axis=1)
        H[at.theta, at.lnu_0] = by_lab.sum(axis=1)
        H[at.theta, at.lnu] = by_lab
        H[at.delta, at.delta] = hh.sum()
        H[at.delta, at.lnu_0] = -ht.sum()
        H[at.delta, at.lnu] = -np.bincount(cells.lab, ht, at.n_labs)
        H[at.lnu_0, at.lnu_0] = tt.sum()
        H[at.lnu_0, at.lnu] = np.bincount(cells.lab, tt, at.n_labs)
        H[at.lnu, at.lnu] = np.diag(H[at.lnu_0, at.lnu])
        return np.triu(H) + np.triu(H, 1).T + np.diag(self.precision) + self.gauge


@dataclass(frozen=True, eq=False)
class Maximum:
    """The point where Q is greatest, V (K, K) the inverse of H there (zero where held), and Q after each step."""

    point: Point
    V: FloatArray
    path: tuple[float, ...]


def estimate(comparisons: Comparisons, cells: Cells, component: IntArray, settings: DavidsonSettings) -> Estimate:
    """The fitted model. Raises NoFiniteEstimate where the data need a prior that the settings leave out."""
    start = build_objective(comparisons, cells, component, settings)
    objective, maximum = fit_spread(start, settings) if settings.lab_tie_estimated else (start, maximise(start))
    _require_bounded(objective, maximum)
    at, x = objective.at, maximum.point.x
    S = objective.lab_gradients(maximum.point)
    of_theta = centred(maximum.V[:, at.theta], component)
    win, tie = pairwise(x[at.theta], x[at.lnu_0])
    return Estimate(
        score=centred(x[at.theta], component),
        covariance=centred(of_theta[at.theta].T, component),
        influence=S @ of_theta,
        win=win,
        tie=tie,
        ties=_tie_habits(objective, x, comparisons.labs),
        order=OrderEffect(delta=float(x[at.delta]), se=math.sqrt(maximum.V[at.delta, at.delta])),
        log_likelihood=maximum.point.log_likelihood,
        evaluator_influence=partial(_evaluator_influence, objective, maximum, component),
        predict=predictor(comparisons.policies, x[at.theta], float(x[at.delta]), x[at.lnu_0] + x[at.lnu]),
        parameters={"spread_ties_by_lab": _spread(objective)},
    )


def _evaluator_influence(
    objective: Objective, maximum: Maximum, component: IntArray, comparisons: Comparisons
) -> FloatArray:
    """(E, P): as Estimate.influence, for the sessions of each evaluator."""
    at, E, G = objective.at, len(comparisons.evaluators), comparisons.n_labs
    cells = by_evaluator_and_lab(comparisons).cells()
    evaluator, lab = np.divmod(cells.lab, G)
    cells = Cells(replace(cells.rows, lab=lab))
    own = replace(objective, cells=cells)
    a, tie, b = cells.counts - own.n * np.exp(own.point(maximum.point.x).log_p)
    by_h = (a - b) / 2
    S = np.zeros((E, at.size))
    S[:, at.theta] = _table(evaluator, cells.policy_a, by_h, (E, at.n_policies))
    S[:, at.theta] -= _table(evaluator, cells.policy_b, by_h, (E, at.n_policies))
    S[:, at.delta] = -np.bincount(evaluator, by_h, E)
    S[:, at.lnu_0] = np.bincount(evaluator, tie, E)
    S[:, at.lnu] = _table(evaluator, lab, tie, (E, G))
    influence: FloatArray = S @ centred(maximum.V[:, at.theta], component)
    return influence


def build_objective(
    comparisons: Comparisons, cells: Cells, component: IntArray, settings: DavidsonSettings
) -> Objective:
    at = Layout(comparisons.n_policies, comparisons.n_labs)
    mean = np.zeros(at.size)
    mean[at.lnu_0] = settings.tie_mean
    sd = np.empty(at.size)
    sd[at.theta] = _flat(settings.theta_sd)
    sd[at.delta] = _flat(settings.order_sd)
    sd[at.lnu_0] = _flat(settings.tie_sd)
    sd[at.lnu] = settings.lab_tie_sd
    free = sd > 0
    precision = np.divide(1, sd**2, out=np.zeros(at.size), where=free)
    gauge = np.zeros((at.size, at.size))
    if settings.theta_sd is None:
        gauge[at.theta, at.theta] = component[:, None] == component
    return Objective(cells, at, mean, precision, free, gauge)


def fit_spread(objective: Objective, settings: DavidsonSettings) -> tuple[Objective, Maximum]:
    """The objective and its maximum at the empirical-Bayes estimate of s, the spread of the labs' tie habits.

    At the maximum for one s follows the next: `spreads.next_spread`.
    """
    s, lnu = settings.lab_tie_sd, objective.at.lnu
    maximum = maximise(objective)
    for _ in range(MAX_SPREAD_UPDATES):
        gamma = objective.at.n_labs - float(np.trace(maximum.V[lnu, lnu])) / s**2
        previous, s = s, next_spread(gamma=gamma, squares=float(np.sum(maximum.point.x[lnu] ** 2)))
        precision = objective.precision.copy()
        precision[lnu] = 1 / s**2
        objective = replace(objective, precision=precision)
        maximum = maximise(objective, start=maximum.point.x)
        if abs(math.log(s / previous)) < SPREAD_SETTLED:
            break
    return objective, maximum


def maximise(objective: Objective, start: FloatArray | None = None) -> Maximum:
    """Newton's method with halving: Q rises at every step. Raises NoFiniteEstimate where there is no top to reach."""
    point = objective.point(objective.mean if start is None else start)
    path = [point.value]
    for _ in range(MAX_STEPS):
        gradient = objective.gradient(point)
        step = _solve(objective, point, gradient)
        if float(gradient @ step) / 2 < SMALL_GAIN:
            top = objective.point(point.x + step)
            return Maximum(top, _solve(objective, top, np.eye(step.size)), tuple(path))
        point = _climb(objective, point, step)
        path.append(point.value)
    raise no_finite_estimate()


def _solve(objective: Objective, point: Point, b: FloatArray) -> FloatArray:
    """H^-1 b for the parameters that are free, 0 for those that are held. b: (K,) or (K, K)."""
    free = np.flatnonzero(objective.free)
    try:
        factor = linalg.cho_factor(objective.information(point)[np.ix_(free, free)])
    except linalg.LinAlgError as error:
        raise no_finite_estimate() from error
    solution = np.zeros_like(b)
    solution[free] = linalg.cho_solve(factor, b[free])
    return solution


def _climb(objective: Objective, point: Point, step: FloatArray) -> Point:
    for halvings in range(MAX_HALVINGS):
        candidate = objective.point(point.x + step / 2**halvings)
        if candidate.value > point.value:
            return candidate
    raise no_finite_estimate()


def _require_bounded(objective: Objective, maximum: Maximum) -> None:
    se = np.sqrt(np.diag(maximum.V))
    if np.any(se[objective.precision == 0] > UNBOUNDED_SE):
        raise no_finite_estimate()


def no_finite_estimate() -> NoFiniteEstimate:
    return NoFiniteEstimate("no_finite_estimate", "The likelihood has no finite maximum: these data need a prior.")


def centring(component: IntArray) -> FloatArray:
    """L (P, P): takes from each score the mean of its component."""
    together = (component[:, None] == component).astype(np.float64)
    L: FloatArray = np.eye(component.size) - together / together.sum(axis=1)
    return L


def centred(values: FloatArray, component: IntArray) -> FloatArray:
    """values (..., P) less the mean of each policy's component: values @ centring(component).T"""
    if component.any():
        less: FloatArray = values @ centring(component).T
    else:
        less = values - values.mean(axis=-1, keepdims=True)
    return less


def pairwise(theta: FloatArray, lnu_0: float) -> tuple[FloatArray, FloatArray]:
    """(P, P) probabilities that row is preferred to column, and of a tie, in the typical lab, with delta = 0."""
    e = np.exp((theta[:, None] - theta) / 2)
    T = 2 * math.exp(lnu_0)
    total = e + e.T + T
    return e / total, T / total


def outcome_probabilities(u_a: FloatArray, u_b: FloatArray, delta: float, lnu: FloatArray | float) -> FloatArray:
    """(3, n) probabilities of the outcomes, in the order of Outcome, of comparisons of these scores."""
    h = (u_a - u_b - delta) / 2
    t = math.log(2) + lnu + np.zeros_like(h)
    weight = np.stack([h, t, -h])
    weight = np.exp(weight - weight.max(axis=0))
    probabilities: FloatArray = weight / weight.sum(axis=0)
    return probabilities


def predictor(policies: tuple[str, ...], theta: FloatArray, delta: float, lnu: FloatArray) -> Predict:
    """For further comparisons, with the same labs: (n, 3). A policy that was not fitted has the score 0. lnu: (G,)."""
    score = dict(zip(policies, theta.tolist(), strict=True))

    def predict(comparisons: Comparisons) -> FloatArray:
        u = np.array([score.get(name, 0.0) for name in comparisons.policies])
        u_a, u_b = u[comparisons.policy_a], u[comparisons.policy_b]
        return outcome_probabilities(u_a, u_b, delta, lnu[comparisons.lab]).T

    return predict


def _tie_habits(objective: Objective, x: FloatArray, labs: tuple[str, ...]) -> TieHabits:
    at = objective.at
    return TieHabits(
        nu=math.exp(x[at.lnu_0]),
        by_lab={labs[g]: math.exp(x[at.lnu_0] + x[at.lnu][g]) for g in np.unique(objective.cells.lab)},
        spread=_spread(objective),
    )


def _spread(objective: Objective) -> float:
    precision = float(objective.precision[objective.at.lnu][0])
    return 1 / math.sqrt(precision) if precision else 0.0


def _table(row: IntArray, column: IntArray, weight: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """Weights added up by (row, column)."""
    total = np.bincount(row * shape[1] + column, weight, shape[0] * shape[1])
    return total.astype(np.float64, copy=False).reshape(shape)


def _flat(sd: float | None) -> float:
    return math.inf if sd is None else sd
