"""The same fit as `davidson`, several times faster where most pairs of policies meet in most labs.

Comparisons are held as one table N (G, P, P) of counts by lab, policy on side A, policy on side B. With e = exp(h) and
T_g = 2 nu_g, all probabilities come from 1 / (e + 1/e + T_g), so that a step of Newton's method takes one exponential
for each pair, and a few sums over N. The spread s of the tie habits is brought to its fixed point within each step, on
the Schur complement of the labs' block, which has G rows.

Where the table would be mostly empty, a prior is missing, or the steps do not settle, `davidson` does the work.
"""

import math
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy import linalg

from leaderboard.ranking import davidson
from leaderboard.ranking.comparisons import Cells, Comparisons, FloatArray, IntArray, Outcome
from leaderboard.ranking.davidson import DavidsonSettings, Layout, Maximum, Objective, Point
from leaderboard.ranking.estimate import Estimate, OrderEffect, TieHabits
from leaderboard.ranking.spreads import next_spread

# The table may have so many places, or so many for each cell that is filled; and so many at all (80 MB).
FEW_PLACES = 5000
PLACES_PER_CELL = 10
MAX_PLACES = 10_000_000
MAX_STEPS = 50
# The last step but one promises less log-likelihood than this, and the spread changes by less than that share.
SMALL_GAIN = 1e-8
# So little is enough of all labs as one.
NEARLY = 20.0
SPREAD_SETTLED = 1e-5
SPREAD_UPDATES = 300


@dataclass(frozen=True, eq=False)
class Table:
    """N (G, P, P), and what was observed: by_lab (G, P) wins less losses, halved; tilt (G,) wins of A less wins of B,
    halved; ties (G,)."""

    N: FloatArray
    by_lab: FloatArray
    tilt: FloatArray
    ties: FloatArray

    def pooled(self) -> "Table":
        """All labs as one."""
        parts = (self.N, self.by_lab, self.tilt, self.ties)
        return Table(*(part.sum(axis=0, keepdims=True) for part in parts))


@dataclass(frozen=True, eq=False)
class Sums:
    """At one point: D = e - 1/e, both = e + 1/e (P, P); r = N / (both + T), Q = r / (both + T) (G, P, P); T (G,)."""

    D: FloatArray
    both: FloatArray
    r: FloatArray
    Q: FloatArray
    T: FloatArray


def estimate(comparisons: Comparisons, cells: Cells, component: IntArray, settings: DavidsonSettings) -> Estimate:
    """As davidson.estimate, to rounding. Raises NoFiniteEstimate."""
    objective = davidson.build_objective(comparisons, cells, component, settings)
    found = fit(objective, settings) if pays(objective) else None
    if found is None:
        return davidson.estimate(comparisons, cells, component, settings)
    table, objective, x = found
    at, sums = objective.at, sums_at(table, objective.at, x)
    S = lab_gradients(table, sums, at)
    V = _inverse(objective, information(sums, at) + np.diag(objective.precision))
    gradient = S.sum(axis=0)
    last = V @ (gradient - objective.precision * (x - objective.mean))
    L = davidson.centring(component)
    log_likelihood = _log_likelihood(table, sums, at, x) + float(gradient @ last)
    x = x + last
    maximum = Maximum(Point(x, np.zeros((3, 0)), log_likelihood, math.nan), V, ())
    win, tie = davidson.pairwise(x[at.theta], x[at.lnu_0])
    return Estimate(
        score=L @ x[at.theta],
        covariance=L @ V[at.theta, at.theta] @ L.T,
        influence=S @ V[:, at.theta] @ L.T,
        win=win,
        tie=tie,
        ties=_tie_habits(table, objective, comparisons.labs, x),
        order=OrderEffect(delta=float(x[at.delta]), se=math.sqrt(V[at.delta, at.delta])),
        log_likelihood=log_likelihood,
        evaluator_influence=partial(davidson._evaluator_influence, objective, maximum, L),
        predict=davidson.predictor(comparisons.policies, x[at.theta], float(x[at.delta]), x[at.lnu_0] + x[at.lnu]),
        parameters={"spread_ties_by_lab": davidson._spread(objective)},
    )


def _tie_habits(table: Table, objective: Objective, labs: tuple[str, ...], x: FloatArray) -> TieHabits:
    took_part = np.flatnonzero(table.N.any(axis=(1, 2)))
    nu = np.exp(x[objective.at.lnu_0] + x[objective.at.lnu])
    return TieHabits(
        nu=math.exp(x[objective.at.lnu_0]),
        by_lab={labs[g]: float(nu[g]) for g in took_part},
        spread=davidson._spread(objective),
    )


def pays(objective: Objective) -> bool:
    at = objective.at
    places = at.n_labs * at.n_policies**2
    proper = bool(np.all(objective.precision[objective.free] > 0))
    return proper and places <= min(MAX_PLACES, max(FEW_PLACES, PLACES_PER_CELL * objective.cells.lab.size))


def tabulate(cells: Cells, at: Layout) -> Table:
    table = cells.table
    if table is None:
        table = np.zeros((at.n_labs, at.n_policies, at.n_policies, len(Outcome)), dtype=np.int64)
        table[cells.lab, cells.policy_a, cells.policy_b] = cells.counts.T
    a, tie, b = np.moveaxis(table, 3, 0)
    margin = (a - b).astype(np.float64)
    on_a = margin.sum(axis=2)
    return Table(
        N=(a + tie + b).astype(np.float64),
        by_lab=(on_a - margin.sum(axis=1)) / 2,
        tilt=on_a.sum(axis=1) / 2,
        ties=tie.sum(axis=(1, 2)).astype(np.float64),
    )


def fit(objective: Objective, settings: DavidsonSettings) -> tuple[Table, Objective, FloatArray] | None:
    """The table, the objective at the estimated spread, and where that is greatest; None where steps do not settle."""
    full = tabulate(objective.cells, objective.at)
    at = objective.at
    pooled, one = full.pooled(), Layout(at.n_policies, 1)
    by_labs = bool(objective.free[at.lnu].any())
    # All labs as one costs little, and leads most of the way.
    start = Start(_start(pooled, objective), np.zeros(1), 0.0)
    found = _climb(pooled, objective, one, start, enough=NEARLY if by_labs else SMALL_GAIN)
    if found is not None and by_labs:
        habits = np.log((full.ties + 1) / (full.N.sum(axis=(1, 2)) - full.ties + 1))
        start = Start(found[0], habits - np.median(habits), settings.lab_tie_sd)
        found = _climb(full, objective, at, start, enough=SMALL_GAIN, estimated=settings.lab_tie_estimated)
    if found is None:
        return None
    u, v, s = found
    precision = objective.precision.copy()
    if s:
        precision[at.lnu] = 1 / s**2
    return full, replace(objective, precision=precision), np.concatenate([u, v if s else np.zeros(at.n_labs)])


@dataclass(frozen=True, eq=False)
class Start:
    """u = (theta, delta, lnu_0), v = lnu of the labs, s their spread. Without s (0), v stays 0."""

    u: FloatArray
    v: FloatArray
    s: float


def _start(pooled: Table, objective: Objective) -> FloatArray:
    """u = (theta, delta, lnu_0), from the shares of wins and of ties alone."""
    P = objective.at.n_policies
    half = (pooled.N[0].sum(axis=0) + pooled.N[0].sum(axis=1)) / 2
    won, n, ties = pooled.by_lab[0], float(pooled.N.sum()), float(pooled.ties[0])
    u = np.zeros(P + 2)
    u[:P] = np.log((half + won + 1) / (half - won + 1))
    u[P + 1] = math.log((ties + 1) / (n - ties + 1))
    return np.where(objective.free[: P + 2], u, objective.mean[: P + 2])


def _climb(
    table: Table,
    objective: Objective,
    at: Layout,
    start: "Start",
    *,
    enough: float,
    estimated: bool = False,
) -> tuple[FloatArray, FloatArray, float] | None:
    """u, v and s where a step promises less than `enough`. None where steps do not settle."""
    u, v, s = start.u, start.v, start.s
    for _ in range(MAX_STEPS):
        sums = sums_at(table, at, np.concatenate([u, v]))
        gradient, H = lab_gradients(table, sums, at).sum(axis=0), information(sums, at)
        try:
            step = _step(objective, gradient, H, u, v, s, estimated=estimated)
        except linalg.LinAlgError:
            return None
        u, v, s = u + step.u, v + step.v, step.s
        if not math.isfinite(step.gain):
            return None
        if abs(step.gain) < enough and step.settled:
            return u, v, s
    return None


@dataclass(frozen=True, eq=False)
class Step:
    """What is added to u and v, the next s, the log-likelihood that this promises, and whether s has settled."""

    u: FloatArray
    v: FloatArray
    s: float
    gain: float
    settled: bool


def _step(
    objective: Objective,
    gradient: FloatArray,
    H: FloatArray,
    u: FloatArray,
    v: FloatArray,
    s: float,
    *,
    estimated: bool,
) -> Step:
    """Newton's, with v eliminated for s's sake. gradient (K,), H (K, K): of the log-likelihood, without priors."""
    shared = u.size
    mean, precision, free = objective.mean[:shared], objective.precision[:shared], objective.free[:shared]
    g_u = np.where(free, gradient[:shared] - precision * (u - mean), 0.0)
    H_uu = H[:shared, :shared]
    if not free.all():
        H_uu = np.where(free[:, None] & free, H_uu, 0.0)
    H_uu = H_uu + np.diag(np.where(free, precision, 1.0))
    factor = linalg.cho_factor(H_uu, check_finite=False)
    if not s:
        du = linalg.cho_solve(factor, g_u)
        return Step(du, np.zeros_like(v), s, float(g_u @ du) / 2, settled=True)
    H_uv = np.where(free[:, None], H[:shared, shared:], 0.0)
    solved = linalg.cho_solve(factor, np.column_stack([g_u, H_uv]))
    C = H[shared:, shared:] - H_uv.T @ solved[:, 1:]
    c = gradient[shared:] - H_uv.T @ solved[:, 0]
    dv, following, settled = _labs_step(C, c, v, s, estimated=estimated)
    du = solved[:, 0] - solved[:, 1:] @ dv
    gain = float(g_u @ du + (gradient[shared:] - v / following**2) @ dv) / 2
    return Step(du, dv, following, gain, settled)


def _labs_step(
    C: FloatArray, c: FloatArray, v: FloatArray, s: float, *, estimated: bool
) -> tuple[FloatArray, float, bool]:
    """The labs' Newton step dv, the spread s that belongs to where it leads, and whether s has settled.

    C (G, G), c (G,): information and gradient of the labs' tie habits, all other parameters having followed.
    """
    start = s
    values, vectors = np.linalg.eigh(C)
    for _ in range(SPREAD_UPDATES if estimated else 1):
        inverse = 1 / (values + 1 / s**2)
        dv = vectors @ (inverse * (vectors.T @ (c - v / s**2)))
        if not estimated:
            return dv, s, True
        gamma = v.size - float(inverse.sum()) / s**2
        previous, s = s, next_spread(gamma=gamma, squares=float(np.sum((v + dv) ** 2)))
        if abs(math.log(s / previous)) < SPREAD_SETTLED:
            break
    inverse = 1 / (values + 1 / s**2)
    return vectors @ (inverse * (vectors.T @ (c - v / s**2))), s, abs(math.log(s / start)) < SPREAD_SETTLED


def sums_at(table: Table, at: Layout, x: FloatArray) -> Sums:
    theta = x[at.theta]
    e = np.exp((theta[:, None] - theta - x[at.delta]) / 2)
    other = 1 / e
    T = 2 * np.exp(x[at.lnu_0] + x[at.lnu])
    both = e + other
    share = 1 / (both + T[:, None, None])
    r = table.N * share
    return Sums(e - other, both, r, np.multiply(r, share, out=share), T)


def lab_gradients(table: Table, sums: Sums, at: Layout) -> FloatArray:
    """S (G, K): see Objective.lab_gradients."""
    S = np.zeros((at.n_labs, at.size))
    rD = sums.r * sums.D
    on_a = rD.sum(axis=2)
    S[:, at.theta] = table.by_lab - (on_a - rD.sum(axis=1)) / 2
    S[:, at.delta] = on_a.sum(axis=1) / 2 - table.tilt
    S[:, at.lnu_0] = table.ties - sums.T * sums.r.sum(axis=(1, 2))
    S[:, at.lnu] = np.diag(S[:, at.lnu_0])
    return S


def information(sums: Sums, at: Layout) -> FloatArray:
    """H (K, K) of the log-likelihood, without priors: see Objective.information. The upper triangle alone."""
    P = at.n_policies
    R, QD = sums.r.sum(axis=0), sums.Q * sums.D
    hh = (sums.both * R - sums.D * QD.sum(axis=0)) / 4
    rows, columns = hh.sum(axis=1), hh.sum(axis=0)
    on_a = QD.sum(axis=2)
    by_lab = -sums.T * (on_a - QD.sum(axis=1)).T / 2
    of_lab = -sums.T * on_a.sum(axis=1) / 2
    tt = sums.T * sums.r.sum(axis=(1, 2)) - sums.T**2 * sums.Q.sum(axis=(1, 2))
    H = np.zeros((at.size, at.size))
    H[:P, :P] = np.diag(rows + columns) - hh - hh.T
    H[:P, at.delta] = columns - rows
    H[:P, at.lnu_0] = by_lab.sum(axis=1)
    H[:P, at.lnu] = by_lab
    H[at.delta, at.delta] = hh.sum()
    H[at.delta, at.lnu_0] = -of_lab.sum()
    H[at.delta, at.lnu] = -of_lab
    H[at.lnu_0, at.lnu_0] = tt.sum()
    H[at.lnu_0, at.lnu] = tt
    H[at.lnu, at.lnu] = np.diag(tt)
    return H


def _log_likelihood(table: Table, sums: Sums, at: Layout, x: FloatArray) -> float:
    t = np.log(sums.T)
    linear = table.by_lab.sum(axis=0) @ x[at.theta] - table.tilt.sum() * x[at.delta] + table.ties @ t
    return float(linear - np.sum(table.N * np.log(sums.both + sums.T[:, None, None])))


def _inverse(objective: Objective, H: FloatArray) -> FloatArray:
    """Zero where a parameter is held."""
    free = np.flatnonzero(objective.free)
    V = np.zeros_like(H)
    V[np.ix_(free, free)] = linalg.cho_solve(linalg.cho_factor(H[np.ix_(free, free)]), np.eye(free.size))
    return V
