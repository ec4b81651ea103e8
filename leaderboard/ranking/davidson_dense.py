"""The same fit as `davidson`, several times faster where most pairs of policies meet in most labs.

Comparisons are held as one table N (G, P, P) of counts by lab, policy on side A, policy on side B. With e = exp(h) and
T_g = 2 nu_g, all probabilities come from 1 / (e + 1/e + T_g). As e_ij is c a_i / a_j, with a = exp(theta / 2) and
c = exp(-delta / 2), all sums that a step of Newton's method needs over rows or columns of the table are products of it
with a and 1 / a. The spread s of the tie habits is brought to its fixed point within each step, on the Schur complement
of the labs' block, which has G rows.

Where the table would be mostly empty, a prior is missing, or the steps do not settle, `davidson` does the work.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from scipy.linalg import lapack

from leaderboard.ranking import davidson
from leaderboard.ranking.comparisons import BoolArray, Cells, Comparisons, FloatArray, IntArray, Outcome
from leaderboard.ranking.davidson import DavidsonSettings, Layout, Maximum, Objective, Point
from leaderboard.ranking.estimate import Estimate, OrderEffect, TieHabits
from leaderboard.ranking.spreads import next_spread

# The table may have so many places, or so many for each cell that is filled; and so many at all (80 MB).
FEW_PLACES = 5000
PLACES_PER_CELL = 10
MAX_PLACES = 10_000_000
MAX_STEPS = 50
# After a step this small in every parameter, in log-odds, the next one is the last: it ends within rounding.
SMALL_STEP = 1e-4
# So little is enough of all labs as one.
NEARLY = 0.3
# The spread follows while the tie habits that belong to it are this near: of those beyond, the curvature says little.
NEAR = 0.1
# Relative changes of the spread: over a step, and by one of its updates, of which slow ones add up to much more.
SPREAD_SETTLED = 1e-5
UPDATE_SETTLED = 1e-8
SPREAD_UPDATES = 2000


@dataclass(frozen=True, eq=False)
class Table:
    """N (G, P, P), and what was observed: by_lab (G, P) wins less losses, halved; tilt (G,) wins of A less wins of B,
    halved; ties (G,); n (G,) comparisons. scratch (2, G, P, P), which every step writes to."""

    N: FloatArray
    by_lab: FloatArray
    tilt: FloatArray
    ties: FloatArray
    n: FloatArray
    scratch: FloatArray

    @cached_property
    def at(self) -> Layout:
        return Layout(self.N.shape[1], self.N.shape[0])

    def pooled(self) -> "Table":
        """All labs as one."""
        parts = (self.N, self.by_lab, self.tilt, self.ties, self.n)
        N, by_lab, tilt, ties, n = (part.sum(axis=0, keepdims=True) for part in parts)
        return Table(N, by_lab, tilt, ties, n, scratch=np.empty((2, *N.shape)))


@dataclass(frozen=True, eq=False)
class Slopes:
    """Of the log-likelihood, without priors, at one point.

    S (G, K): see Objective.lab_gradients. H (K, K), the information: see Objective.information; the upper triangle
    alone. both (P, P): e + 1/e.
    """

    S: FloatArray
    H: FloatArray
    both: FloatArray


def estimate(comparisons: Comparisons, cells: Cells, component: IntArray, settings: DavidsonSettings) -> Estimate:
    """As davidson.estimate, to rounding. Raises NoFiniteEstimate."""
    objective = davidson.build_objective(comparisons, cells, component, settings)
    found = fit(objective, settings) if pays(objective) else None
    if found is None:
        return davidson.estimate(comparisons, cells, component, settings)
    table, objective, x = found
    at = objective.at
    slopes = slopes_at(table, x)
    V = _inverse(objective, slopes.H)
    gradient = slopes.S.sum(axis=0)
    last = V @ (gradient - objective.precision * (x - objective.mean))
    log_likelihood = _log_likelihood(table, slopes.both, x) + float(gradient @ last)
    x = x + last
    maximum = Maximum(Point(x, np.zeros((3, 0)), log_likelihood, math.nan), V, ())
    win, tie = davidson.pairwise(x[at.theta], x[at.lnu_0])
    of_theta = davidson.centred(V[:, at.theta], component)
    return Estimate(
        score=davidson.centred(x[at.theta], component),
        covariance=davidson.centred(of_theta[at.theta].T, component),
        influence=slopes.S @ of_theta,
        win=win,
        tie=tie,
        ties=_tie_habits(table, objective, comparisons.labs, x),
        order=OrderEffect(delta=float(x[at.delta]), se=math.sqrt(V[at.delta, at.delta])),
        log_likelihood=log_likelihood,
        evaluator_influence=partial(davidson._evaluator_influence, objective, maximum, component),
        predict=davidson.predictor(comparisons.policies, x[at.theta], float(x[at.delta]), x[at.lnu_0] + x[at.lnu]),
        parameters={"spread_ties_by_lab": davidson._spread(objective)},
    )


def _tie_habits(table: Table, objective: Objective, labs: tuple[str, ...], x: FloatArray) -> TieHabits:
    took_part = np.flatnonzero(table.n)
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
    if not proper or places > MAX_PLACES:
        return False
    return places <= FEW_PLACES or places <= PLACES_PER_CELL * objective.cells.filled


def tabulate(cells: Cells, at: Layout) -> Table:
    if cells.table is None:
        table = np.zeros((len(Outcome), at.n_labs, at.n_policies, at.n_policies), dtype=np.int32)
        table[:, cells.lab, cells.policy_a, cells.policy_b] = cells.counts
    else:
        table = cells.table
    a, tie, b = table
    margin = np.subtract(a, b, dtype=np.float64)
    on_a = margin.sum(axis=2)
    by_lab = (on_a - margin.sum(axis=1)) / 2
    N = np.add(a, b, dtype=np.float64)
    N += tie
    ties = tie.sum(axis=(1, 2), dtype=np.float64)
    return Table(N, by_lab, on_a.sum(axis=1) / 2, ties, N.sum(axis=(1, 2)), scratch=np.empty((2, *N.shape)))


def fit(objective: Objective, settings: DavidsonSettings) -> tuple[Table, Objective, FloatArray] | None:
    """The table, the objective at the estimated spread, and where that is greatest; None where steps do not settle."""
    full = tabulate(objective.cells, objective.at)
    at = objective.at
    pooled = full.pooled()
    by_labs = bool(objective.free[at.lnu].any())
    # All labs as one costs little, and leads most of the way.
    start = Start(_start(pooled, objective), np.zeros(1), 0.0)
    found = _climb(pooled, objective, start, enough=NEARLY if by_labs else SMALL_STEP)
    if found is not None and by_labs:
        habits = np.log((full.ties + 1) / (full.n - full.ties + 1))
        start = Start(found[0], habits - np.median(habits), settings.lab_tie_sd)
        found = _climb(full, objective, start, enough=SMALL_STEP, estimated=settings.lab_tie_estimated)
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
    won, n, ties = pooled.by_lab[0], float(pooled.n[0]), float(pooled.ties[0])
    u = np.zeros(P + 2)
    nu = (ties + 1) / (n - ties + 1)
    # As if each policy met a typical one; opponents who lie apart, and ties, bring shares closer to a half.
    logit = (1 + nu) * np.log((half + won + 1) / (half - won + 1))
    u[:P] = logit * math.sqrt(1 + math.pi / 8 * float(np.var(logit)))
    u[P + 1] = math.log(nu)
    return np.where(objective.free[: P + 2], u, objective.mean[: P + 2])


def _climb(
    table: Table,
    objective: Objective,
    start: "Start",
    *,
    enough: float,
    estimated: bool = False,
) -> tuple[FloatArray, FloatArray, float] | None:
    """u, v and s where a step moves no parameter by `enough`. None where steps do not settle."""
    u, v, s = start.u, start.v, start.s
    for _ in range(MAX_STEPS):
        slopes = slopes_at(table, np.concatenate([u, v]))
        step = _step(objective, slopes, u, v, s, estimated=estimated)
        if step is None:
            return None
        u, v, s = u + step.u, v + step.v, step.s
        length = max(np.abs(step.u).max(), np.abs(step.v).max())
        if not math.isfinite(length):
            return None
        if length < enough and step.settled:
            return u, v, s
    return None


@dataclass(frozen=True, eq=False)
class Step:
    """What is added to u and v, the next s, and whether that has settled."""

    u: FloatArray
    v: FloatArray
    s: float
    settled: bool


def _step(
    objective: Objective, slopes: Slopes, u: FloatArray, v: FloatArray, s: float, *, estimated: bool
) -> Step | None:
    """Newton's, with v eliminated for s's sake. None where the information is not positive definite."""
    shared = u.size
    mean, precision, free = objective.mean[:shared], objective.precision[:shared], objective.free[:shared]
    gradient, H = slopes.S.sum(axis=0), slopes.H
    g_u = np.where(free, gradient[:shared] - precision * (u - mean), 0.0)
    factor = _factor(H[:shared, :shared], precision, free)
    if factor is None:
        return None
    if not s:
        return Step(_solve(factor, g_u), np.zeros_like(v), s, settled=True)
    H_uv = H[:shared, shared:] * free[:, None]
    solved = _solve(factor, np.column_stack([g_u, H_uv]))
    by_g, by_v = solved[:, 0], solved[:, 1:]
    C = np.diag(H[shared:, shared:].diagonal()) - H_uv.T @ by_v
    dv, following, settled = _labs_step(C, gradient[shared:] - H_uv.T @ by_g, v, s, estimated=estimated)
    return Step(by_g - by_v @ dv, dv, following, settled)


def _factor(H: FloatArray, precision: FloatArray, free: BoolArray) -> FloatArray | None:
    """Cholesky's, of H and the priors; parameters that are held stand apart, with 1."""
    held = ~free
    if held.any():
        H = H * (free[:, None] & free)
        precision = np.where(free, precision, 1.0)
    else:
        H = H.copy()
    H.flat[:: H.shape[0] + 1] += precision
    # The upper triangle of H by rows is the lower one by columns, as LAPACK reads it.
    factor, failed = lapack.dpotrf(H.T, lower=1, clean=0, overwrite_a=1)
    return None if failed else factor


def _solve(factor: FloatArray, b: FloatArray) -> FloatArray:
    solution: FloatArray = lapack.dpotrs(factor, b, lower=1)[0]
    return solution


def _labs_step(
    C: FloatArray, c: FloatArray, v: FloatArray, s: float, *, estimated: bool
) -> tuple[FloatArray, float, bool]:
    """The labs' Newton step dv, the spread s that belongs to where it leads, and whether s has settled.

    C (G, G), c (G,): information and gradient of the labs' tie habits, all other parameters having followed. Along the
    eigenvectors of C, with eigenvalues d, the step leads to (d v + c) / (d + 1/s²).
    """
    start = s
    d, vectors = np.linalg.eigh(C)
    here = vectors.T @ v
    pull = d * here + vectors.T @ c
    for _ in range(SPREAD_UPDATES if estimated else 0):
        inverse = 1 / (d + 1 / s**2)
        there = pull * inverse
        if np.abs(there - here).max() > NEAR:
            break
        gamma = v.size - float(inverse.sum()) / s**2
        previous, s = s, next_spread(gamma=gamma, squares=float(there @ there))
        if abs(s - previous) < UPDATE_SETTLED * s:
            break
    dv = vectors @ (pull / (d + 1 / s**2)) - v
    return dv, s, abs(math.log(s / start)) < SPREAD_SETTLED


def slopes_at(table: Table, x: FloatArray) -> Slopes:
    at, P = table.at, table.at.n_policies
    a, c = np.exp(x[at.theta] / 2), math.exp(-x[at.delta] / 2)
    T = 2 * np.exp(x[at.lnu_0] + x[at.lnu])
    e = (c * a)[:, None] * (1 / a)
    other = 1 / e
    both, D = e + other, e - other
    r, Q = rQ = table.scratch
    np.add(both, T[:, None, None], out=Q)
    np.divide(1, Q, out=Q)
    np.multiply(table.N, Q, out=r)
    np.multiply(r, Q, out=Q)
    (r_rows, Q_rows), (r_columns, Q_columns), (r_total, Q_total) = _sums(rQ, a, c)

    S = np.zeros((at.n_labs, at.size))
    S[:, at.theta] = table.by_lab - (r_rows - r_columns) / 2
    S[:, at.delta] = r_rows.sum(axis=1) / 2 - table.tilt
    S[:, at.lnu_0] = of_ties = table.ties - T * r_total
    S[:, at.lnu].flat[:: at.n_labs + 1] = of_ties

    R, Q_all = rQ.sum(axis=1)
    D *= D
    D *= Q_all
    hh = both * R
    hh -= D
    hh /= 4
    rows, columns = hh.sum(axis=1), hh.sum(axis=0)
    by_lab = (T / 2) * (Q_columns - Q_rows).T
    of_lab = (T / 2) * Q_rows.sum(axis=1)
    tt = T * (r_total - T * Q_total)
    H = np.zeros((at.size, at.size))
    H[:P, :P] -= hh
    H[:P, :P] -= hh.T
    H[:P, at.delta] = columns - rows
    H[:P, at.lnu_0] = by_lab.sum(axis=1)
    H[:P, at.lnu] = by_lab
    H[at.delta, at.lnu_0] = of_lab.sum()
    H[at.delta, at.lnu] = of_lab
    H[at.lnu_0, at.lnu] = tt
    H.flat[:: at.size + 1] = np.concatenate([rows + columns, [rows.sum(), tt.sum()], tt])
    return Slopes(S, H, both)


def _sums(r: FloatArray, a: FloatArray, c: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(..., P), (..., P), (...): sums of r D over rows and over columns, and of r, for r (..., P, P); D = e - 1/e."""
    weights = np.stack([a, 1 / a, np.ones_like(a)])
    over_b = r @ weights.T
    over_a = weights[:2] @ r
    rows = c * a * over_b[..., 1] - over_b[..., 0] / (c * a)
    columns = c / a * over_a[..., 0, :] - a / c * over_a[..., 1, :]
    return rows, columns, over_b[..., 2].sum(axis=-1)


def _log_likelihood(table: Table, both: FloatArray, x: FloatArray) -> float:
    at = table.at
    t = math.log(2) + x[at.lnu_0] + x[at.lnu]
    linear = table.by_lab.sum(axis=0) @ x[at.theta] - table.tilt.sum() * x[at.delta] + table.ties @ t
    total = table.scratch[0]
    np.add(both, np.exp(t)[:, None, None], out=total)
    np.log(total, out=total)
    return float(linear - np.vdot(table.N, total))


def _inverse(objective: Objective, H: FloatArray) -> FloatArray:
    """V (K, K), zero where a parameter is held. Raises NoFiniteEstimate."""
    factor = _factor(H, objective.precision, objective.free)
    if factor is None:
        raise davidson.no_finite_estimate()
    lower, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)
    V: FloatArray = np.tril(lower)
    V += np.tril(lower, -1).T
    V *= objective.free[:, None] & objective.free
    return V
