"""RoboArena's model of latent task buckets, done right. Experimental: kept for comparison, not for boards.

A session belongs to one of T buckets that nobody has seen, with probability pi_t. In bucket t policy p has the ability
z = theta_p + psi_pt - tau_t and solves the task with probability q = sigmoid(z). The published outcome weights

    A: q_i (1 - q_j)    B: (1 - q_i) q_j    TIE: 2 nu sqrt of their product

are divided by their sum, which makes them Davidson's with u = z: tau cancels, and only progress tells of it, through
s ~ N(q, sigma²) on each side. Priors: theta ~ N(0, 1.5²), psi ~ N(0, psi_sd²), tau ~ N(0, 2²), log nu ~ N(-1, 2²).

Fitted by generalised EM: responsibilities, then one Newton step with halving for theta, psi, tau and nu, then pi and
sigma in closed form. None of these lowers the penalised likelihood of the data, and so no round does (Dempster, Laird
and Rubin 1977, J. R. Statist. Soc. B 39:1-38). The maximum is one of several; the best of a few starts is kept.
"""

import math
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy import linalg, special

from leaderboard.ranking.baselines import NO_ORDER, WITHOUT_ORDER, in_order
from leaderboard.ranking.comparisons import Cells, Comparisons, FloatArray, IntArray
from leaderboard.ranking.davidson import centring, outcome_probabilities, pairwise
from leaderboard.ranking.errors import InvalidSettings
from leaderboard.ranking.estimate import Estimate, TieHabits
from leaderboard.ranking.settings import ModelSettings

MAX_BUCKETS = 5
MAX_ROUNDS = 200
# The share of the penalised log-likelihood by which a round must raise it to be followed by another.
SMALL_GAIN = 1e-7
MAX_HALVINGS = 30
MIN_SIGMA = 0.05
THETA_SD, TAU_SD, TIE_MEAN, TIE_SD = 1.5, 2.0, -1.0, 2.0
CHUNK = 4096


@dataclass(frozen=True, kw_only=True)
class MixtureSettings(ModelSettings):
    """buckets: T, at most 5. psi_sd: of policies' differences between buckets. starts, seed: of the search.

    Raises InvalidSettings.
    """

    buckets: int = 2
    psi_sd: float = 0.5
    starts: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.buckets <= MAX_BUCKETS:
            raise InvalidSettings("buckets_out_of_range", f"The mixture has 1 to {MAX_BUCKETS} buckets.")
        if not (math.isfinite(self.psi_sd) and self.psi_sd > 0):
            raise InvalidSettings("prior_out_of_range", "psi_sd is finite and above 0.")
        if self.starts < 1 or self.seed < 0:
            raise InvalidSettings("search_out_of_range", "starts is at least 1, and seed at least 0.")


@dataclass(frozen=True, eq=False)
class State:
    """theta (P,), psi (P, T), tau (T,), lnu, pi (T,), sigma."""

    theta: FloatArray
    psi: FloatArray
    tau: FloatArray
    lnu: float
    pi: FloatArray
    sigma: float

    @property
    def z(self) -> FloatArray:
        """(P, T) abilities."""
        return self.theta[:, None] + self.psi - self.tau

    def penalty(self, psi_sd: float) -> float:
        squares = np.sum(self.theta**2) / THETA_SD**2 + np.sum(self.psi**2) / psi_sd**2
        squares += np.sum(self.tau**2) / TAU_SD**2 + (self.lnu - TIE_MEAN) ** 2 / TIE_SD**2
        return float(squares) / 2

    def moved(self, step: FloatArray) -> "State":
        P, T = self.psi.shape
        return replace(
            self,
            theta=self.theta + step[:P],
            psi=self.psi + step[P : P + P * T].reshape(P, T),
            tau=self.tau + step[P + P * T : -1],
            lnu=self.lnu + float(step[-1]),
        )


@dataclass(frozen=True, eq=False)
class Search:
    """Where a search ended, the responsibilities (n, T) there, and the penalised log-likelihood after each round."""

    state: State
    responsibility: FloatArray
    path: tuple[float, ...]


def estimate(comparisons: Comparisons, cells: Cells, component: IntArray, settings: MixtureSettings) -> Estimate:
    table = in_order(comparisons)
    rng = np.random.default_rng(settings.seed)
    searches = [search(table, settings, rng) for _ in range(settings.starts if settings.buckets > 1 else 1)]
    best = max(searches, key=lambda found: found.path[-1])
    state, names = best.state, comparisons.policies
    S, information = gradients(table, best, settings)
    V = linalg.inv(information)
    L = centring(component) @ _score_matrix(state)
    score = L @ np.concatenate([state.theta, state.psi.ravel(), state.tau, [state.lnu]])
    win, tie = (sum(p * each for p, each in zip(state.pi, kind, strict=True)) for kind in _by_bucket(state))
    nu = math.exp(state.lnu)
    return Estimate(
        score=score,
        covariance=L @ V @ L.T,
        influence=S @ V @ L.T,
        win=np.asarray(win),
        tie=np.asarray(tie),
        ties=TieHabits(nu, {comparisons.labs[g]: nu for g in np.unique(cells.lab)}, 0.0),
        order=NO_ORDER,
        log_likelihood=float(np.sum(np.log(_mixed_outcomes(table, state)[table.outcome, np.arange(len(table))]))),
        predict=partial(_predict, state, names),
        predict_progress=partial(_predict_progress, state, names),
        parameters={"sigma": state.sigma, **{f"share_of_bucket_{t + 1}": float(p) for t, p in enumerate(state.pi)}},
        missing={"order": WITHOUT_ORDER},
    )


def search(table: Comparisons, settings: MixtureSettings, rng: np.random.Generator) -> Search:
    state = _start(table, settings, rng)
    responsibility, value = expectation(table, state, settings)
    path = [value]
    for _ in range(MAX_ROUNDS):
        state = maximisation(table, state, responsibility, settings)
        responsibility, value = expectation(table, state, settings)
        path.append(value)
        if value - path[-2] < SMALL_GAIN * (1 + abs(value)):
            break
    return Search(state, responsibility, tuple(path))


def expectation(table: Comparisons, state: State, settings: MixtureSettings) -> tuple[FloatArray, float]:
    """(n, T) probabilities of the buckets given what was seen, and the penalised log-likelihood of what was."""
    joint = np.log(state.pi) + _log_densities(table, state)
    log_sum = special.logsumexp(joint, axis=1, keepdims=True)
    # A weak Dirichlet prior keeps a bucket from dying: one session's worth in each.
    value = float(np.sum(log_sum)) + float(np.sum(np.log(state.pi))) - state.penalty(settings.psi_sd)
    return np.exp(joint - log_sum), value


def maximisation(table: Comparisons, state: State, responsibility: FloatArray, settings: MixtureSettings) -> State:
    """A state of which the expected penalised log-likelihood of sessions and buckets is no lower."""
    gradient, H = _gradient(table, state, responsibility, settings)
    step = linalg.solve(H, gradient, assume_a="pos")
    value = _expected(table, state, responsibility, settings)
    for halvings in range(MAX_HALVINGS):
        candidate = state.moved(step / 2**halvings)
        if _expected(table, candidate, responsibility, settings) >= value:
            state = candidate
            break
    total = responsibility.sum(axis=0) + 1
    return replace(state, pi=total / total.sum(), sigma=_sigma(table, state, responsibility))


def gradients(table: Comparisons, found: Search, settings: MixtureSettings) -> tuple[FloatArray, FloatArray]:
    """(G, K) each lab's part of the gradient, and (K, K) the information: sum over sessions of its outer products,
    and the priors. (Fisher's identity: a session's gradient is its expectation over the buckets.)"""
    state, r = found.state, found.responsibility
    P, T = state.psi.shape
    K = P + P * T + T + 1
    S, information = np.zeros((table.n_labs, K)), np.diag(_precisions(state, settings))
    by_a, by_b, by_lnu = _slopes(table, state)
    for first in range(0, len(table), CHUNK):
        rows = np.arange(first, min(first + CHUNK, len(table)))
        own, buckets = np.zeros((rows.size, K)), np.arange(T)
        for policy, slope in ((table.policy_a[rows], by_a[rows]), (table.policy_b[rows], by_b[rows])):
            weighted = r[rows] * slope
            own[np.arange(rows.size), policy] += weighted.sum(axis=1)
            own[np.arange(rows.size)[:, None], P + policy[:, None] * T + buckets] += weighted
            own[:, P + P * T : -1] -= weighted
        own[:, -1] = np.sum(r[rows] * by_lnu[rows], axis=1)
        information += own.T @ own
        np.add.at(S, table.lab[rows], own)
    return S, information


def _start(table: Comparisons, settings: MixtureSettings, rng: np.random.Generator) -> State:
    P, T = table.n_policies, settings.buckets
    psi = rng.normal(0, 0.3, (P, T)) * (T > 1)
    tau = np.linspace(-1, 1, T) * (T > 1)
    return State(np.zeros(P), psi, tau, TIE_MEAN, np.full(T, 1 / T), 0.4)


def _log_densities(table: Comparisons, state: State) -> FloatArray:
    """(n, T) of preference and progress of each session, were it of each bucket."""
    z, q = state.z, special.expit(state.z)
    total = np.empty((len(table), state.pi.size))
    for t in range(state.pi.size):
        p = outcome_probabilities(z[table.policy_a, t], z[table.policy_b, t], 0.0, state.lnu)
        total[:, t] = np.log(p[table.outcome, np.arange(len(table))])
        for s, policy in ((table.progress_a, table.policy_a), (table.progress_b, table.policy_b)):
            squared = ((s - q[policy, t]) / state.sigma) ** 2
            total[:, t] += np.nan_to_num(-squared / 2 - math.log(state.sigma * math.sqrt(2 * math.pi)))
    return total


def _expected(table: Comparisons, state: State, r: FloatArray, settings: MixtureSettings) -> float:
    return float(np.sum(r * _log_densities(table, state))) - state.penalty(settings.psi_sd)


def _slopes(table: Comparisons, state: State) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(n, T) derivatives of the log densities by z of side A, by z of side B, and by lnu."""
    z, q = state.z, special.expit(state.z)
    by_a, by_b, by_lnu = (np.empty((len(table), state.pi.size)) for _ in range(3))
    for t in range(state.pi.size):
        p = outcome_probabilities(z[table.policy_a, t], z[table.policy_b, t], 0.0, state.lnu)
        by_h = (1.0 - table.outcome - (p[0] - p[2])) / 2
        by_lnu[:, t] = (table.outcome == 1) - p[1]
        for by, sign, s, policy in (
            (by_a, 1, table.progress_a, table.policy_a),
            (by_b, -1, table.progress_b, table.policy_b),
        ):
            mean = q[policy, t]
            by[:, t] = sign * by_h + np.nan_to_num((s - mean) * mean * (1 - mean)) / state.sigma**2
    return by_a, by_b, by_lnu


def _gradient(
    table: Comparisons, state: State, r: FloatArray, settings: MixtureSettings
) -> tuple[FloatArray, FloatArray]:
    """(K,) of the expected penalised log-likelihood, and (K, K) its expected information."""
    P, T = state.psi.shape
    by_a, by_b, by_lnu = _slopes(table, state)
    by_z, H_z, H_lnu = np.zeros((P, T)), np.zeros((T, P, P)), 0.0
    H_cross = np.zeros((P, T))
    z, q = state.z, special.expit(state.z)
    i, j = table.policy_a, table.policy_b
    for t in range(T):
        w = r[:, t]
        by_z[:, t] = np.bincount(i, w * by_a[:, t], P) + np.bincount(j, w * by_b[:, t], P)
        p = outcome_probabilities(z[i, t], z[j, t], 0.0, state.lnu)
        hh, ht = w * (p[0] + p[2] - (p[0] - p[2]) ** 2) / 4, -w * (p[0] - p[2]) * p[1] / 2
        pairs = np.bincount(i * P + j, hh, P * P).reshape(P, P)
        H_z[t] = np.diag(pairs.sum(axis=0) + pairs.sum(axis=1)) - pairs - pairs.T
        slope = (q[:, t] * (1 - q[:, t]) / state.sigma) ** 2
        for policy, s in ((i, table.progress_a), (j, table.progress_b)):
            H_z[t] += np.diag(np.bincount(policy, w * ~np.isnan(s), P) * slope)
        H_cross[:, t] = np.bincount(i, ht, P) - np.bincount(j, ht, P)
        H_lnu += float(np.sum(w * p[1] * (1 - p[1])))
    return _to_parameters(state, settings, by_z, float(np.sum(r * by_lnu)), H_z, H_cross, H_lnu)


def _to_parameters(
    state: State,
    settings: MixtureSettings,
    by_z: FloatArray,
    by_lnu: float,
    H_z: FloatArray,
    H_cross: FloatArray,
    H_lnu: float,
) -> tuple[FloatArray, FloatArray]:
    """From derivatives by z and lnu to those by the parameters, with the priors."""
    P, T = state.psi.shape
    precision = _precisions(state, settings)
    x = np.concatenate([state.theta, state.psi.ravel(), state.tau, [state.lnu - TIE_MEAN]])
    gradient, H = -precision * x, np.diag(precision)
    gradient[-1] += by_lnu
    H[-1, -1] += H_lnu
    for t in range(T):
        D = np.zeros((P, x.size))
        D[:, :P] = np.eye(P)
        D[np.arange(P), P + np.arange(P) * T + t] = 1.0
        D[:, P + P * T + t] = -1.0
        gradient += D.T @ by_z[:, t]
        H += D.T @ H_z[t] @ D
        H[-1] += D.T @ H_cross[:, t]
        H[:, -1] += D.T @ H_cross[:, t]
    return gradient, H


def _precisions(state: State, settings: MixtureSettings) -> FloatArray:
    P, T = state.psi.shape
    sd = np.concatenate([np.full(P, THETA_SD), np.full(P * T, settings.psi_sd), np.full(T, TAU_SD), np.array([TIE_SD])])
    precision: FloatArray = 1 / sd**2
    return precision


def _sigma(table: Comparisons, state: State, r: FloatArray) -> float:
    """The likeliest, at least a floor: between that and the likeliest, less is likelier, so the floor still climbs."""
    q = special.expit(state.z)
    squares = known = 0.0
    for s, policy in ((table.progress_a, table.policy_a), (table.progress_b, table.policy_b)):
        squares += float(np.sum(r * np.nan_to_num(s[:, None] - q[policy]) ** 2))
        known += float(np.sum(~np.isnan(s)))
    return max(math.sqrt(squares / known), MIN_SIGMA) if known else state.sigma


def _score_matrix(state: State) -> FloatArray:
    P, T = state.psi.shape
    by_psi = np.kron(np.eye(P), state.pi)
    return np.hstack([np.eye(P), by_psi, np.zeros((P, T + 1))])


def _by_bucket(state: State) -> tuple[list[FloatArray], list[FloatArray]]:
    found = [pairwise(state.z[:, t], state.lnu) for t in range(state.pi.size)]
    return [win for win, _ in found], [tie for _, tie in found]


def _mixed_outcomes(table: Comparisons, state: State) -> FloatArray:
    """(3, n) of sessions whose bucket is unknown."""
    z = state.z
    mixed = np.zeros((3, len(table)))
    for t, share in enumerate(state.pi):
        mixed += share * outcome_probabilities(z[table.policy_a, t], z[table.policy_b, t], 0.0, state.lnu)
    return mixed


def _predict(state: State, policies: tuple[str, ...], comparisons: Comparisons) -> FloatArray:
    return _mixed_outcomes(comparisons, _for_policies(state, policies, comparisons)).T


def _predict_progress(state: State, policies: tuple[str, ...], comparisons: Comparisons) -> FloatArray:
    mean = special.expit(_for_policies(state, policies, comparisons).z) @ state.pi
    return np.stack([mean[comparisons.policy_a], mean[comparisons.policy_b]], axis=1)


def _for_policies(state: State, policies: tuple[str, ...], comparisons: Comparisons) -> State:
    place = {name: number for number, name in enumerate(policies)}
    key = np.array([place.get(name, -1) for name in comparisons.policies])
    known = key >= 0
    return replace(
        state, theta=np.where(known, state.theta[key], 0.0), psi=np.where(known[:, None], state.psi[key], 0.0)
    )
