"""How the two readings of a session relate, and what each counts for in the joint model.

Each reading is first fitted alone, with main effects: preferences give abilities y, progress gives abilities s on its
own scale. Both are estimates with errors, and the errors of the two are correlated, because a session's luck shows in
both. With e_y, e_s so correlated,

    y = theta + e_y,    s = k theta + d + e_s,    theta ~ N(0, t²),    d ~ N(0, s_d²)

so that k, t and s_d follow by maximum likelihood from two lists of P numbers and their covariance (`relate`). Estimated
together with theta, k would come out too large: the readings agree by their luck also where progress tells nothing.

The weights are those of the best linear combination of the two gradients (Godambe 1960, Ann. Math. Statist. 31:1208):
w = C^-1 I, with I how much each reading says of the scores by its own account, and C the covariance of the two
gradients over sessions. A reading that repeats the other gets little weight, one that is noisier than it believes gets
less, and with these weights the curvature of Q is the information that there is.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from leaderboard.ranking.comparisons import FloatArray
from leaderboard.ranking.joint_fit import Fitted
from leaderboard.ranking.joint_objective import Weights
from leaderboard.ranking.readings import KNOWN_A, KNOWN_B, ONE, PREFERENCE, PROGRESS_A, PROGRESS_B, Readings
from leaderboard.ranking.spreads import SPREAD_FLOOR

# The luck of a session in both readings is correlated by so much, as if so many further sessions had shown it.
LUCK_USUAL = 0.45
LUCK_PRIOR_SESSIONS = 30.0
# A reading counts for at least this much: its own parameters (ties, difficulty) are wanted in any case.
LEAST_WEIGHT = 0.1
# The spread t of abilities: its log is about N(log 0.7, 0.4²).
ABILITY_USUAL, ABILITY_LOG_SD = 0.7, 0.4
# The spread s_d of what progress shows alone: its log is about N(log 0.06, 1).
OWN_USUAL, OWN_LOG_SD = 0.06, 1.0
MAX_STEPS = 50
MAX_HALVINGS = 20
SMALL_STEP = 1e-6
TINY = 1e-18


@dataclass(frozen=True)
class Relation:
    """k: scale of progress. own: s_d, spread of what progress shows and preferences do not. ability: t."""

    k: float
    own: float
    ability: float


@dataclass(frozen=True, eq=False)
class Pair:
    """The two fits, and per row of the readings: sums over its sessions of products of the gradients by h, eta_A and
    eta_B (3, 3, m), the preference's and progress's own part of the curvature by them, (m,) and (2, m)."""

    preference: Fitted
    progress: Fitted
    products: FloatArray
    hh: FloatArray
    mm: FloatArray

    @property
    def readings(self) -> Readings:
        return self.preference.objective.readings


def paired(preference: Fitted, progress: Fitted) -> Pair:
    """preference, progress: the two readings, each fitted alone, progress with k = 1."""
    rows, phi = preference.objective.readings, progress.objective.phi
    p_a, _, p_b = preference.point.p
    means = progress.point.means
    zeros, ones = np.zeros(rows.size), np.ones(rows.size)
    T = np.stack(
        [
            _combination(zeros, {ONE: p_b - p_a, PREFERENCE: ones}),
            _combination(zeros, {KNOWN_A: -means[0], PROGRESS_A: ones}) / phi,
            _combination(zeros, {KNOWN_B: -means[1], PROGRESS_B: ones}) / phi,
        ]
    )
    return Pair(
        preference,
        progress,
        products=np.einsum("azm,zym,bym->abm", T, rows.moments, T, optimize=True),
        hh=p_a + p_b - (p_a - p_b) ** 2,
        mm=means * (1 - means) / phi,
    )


def relate(pair: Pair, *, scale_sd: float, with_own: bool) -> Relation:
    """By Fisher scoring on (log t, log k, log s_d). scale_sd: of the prior of log k, whose mean is 0."""
    y, s, N = _estimates(pair)
    data, half = np.concatenate([y, s]), y.size
    q = np.log([ABILITY_USUAL, 1.0, OWN_USUAL])
    free = np.array([True, True, with_own])
    value, gradient, information = _likelihood(q, data, N, half, scale_sd=scale_sd, with_own=with_own)
    for _ in range(MAX_STEPS):
        step = np.zeros(3)
        step[free] = np.linalg.solve(information[np.ix_(free, free)], gradient[free])
        step *= min(1.0, 1.0 / max(np.abs(step).max(), 1e-300))
        for halvings in range(MAX_HALVINGS):
            there = q + step / 2**halvings
            there[2] = max(there[2], math.log(SPREAD_FLOOR))
            found = _likelihood(there, data, N, half, scale_sd=scale_sd, with_own=with_own)
            if found[0] >= value:
                break
        else:
            break
        moved = float(np.abs(there - q).max())
        q, (value, gradient, information) = there, found
        if moved < SMALL_STEP:
            break
    t, k, own = np.exp(q)
    return Relation(k=float(k), own=float(own) if with_own else 0.0, ability=float(t))


def weigh(pair: Pair, *, k: float, own: float) -> Weights:
    """The weights of both readings. k: scale of progress. own: s_d, which makes progress tell less of theta."""
    rows, P = pair.readings, pair.preference.objective.layout.n_policies
    n = float(rows.n.sum())
    H_y, H_d = _curvatures(pair)
    J_yy, J_yd, J_dd = _gradient_products(pair)
    # The gradient of progress by theta, d having followed: B times that with d held.
    B = k * np.linalg.inv(np.eye(P) + own**2 * H_d)
    H_s = k * B @ H_d
    A = linalg.pinvh(H_y + H_s)
    information = np.array([np.trace(A @ H_y), np.trace(A @ H_s)])
    yy, ys = np.trace(A @ J_yy), np.trace(A @ J_yd @ B.T)
    ss = np.trace(A @ B @ (J_dd + own**2 * H_d @ H_d) @ B.T)
    C = np.array([[yy, ys], [ys, ss]])
    usual = LUCK_USUAL * math.sqrt(information[0] * information[1])
    prior = np.array([[information[0], usual], [usual, information[1]]])
    return _best((n * C + LUCK_PRIOR_SESSIONS * prior) / (n + LUCK_PRIOR_SESSIONS), information)


def preference_alone(preference: Fitted) -> Weights:
    """Where no progress is known: preferences count for less where sessions tell less than they should."""
    pair = paired(preference, preference)
    n = float(pair.readings.n.sum())
    H_y, _ = _curvatures(pair)
    J_yy, _, _ = _gradient_products(pair)
    A = linalg.pinvh(H_y)
    information, C = np.trace(A @ H_y), np.trace(A @ J_yy)
    C = (n * C + LUCK_PRIOR_SESSIONS * information) / (n + LUCK_PRIOR_SESSIONS)
    return Weights(float(np.clip(information / C, LEAST_WEIGHT, 1.0)), 0.0)


def _best(C: FloatArray, information: FloatArray) -> Weights:
    """w = C^-1 I where both are positive; else the better one alone. Within [LEAST_WEIGHT, 1]."""
    w = np.linalg.solve(C, information)
    if w.min() < 0:
        alone = information / np.diag(C)
        w = np.where(w > 0, alone, 0.0)
    preference, progress = np.clip(w, LEAST_WEIGHT, 1.0).tolist()
    return Weights(preference, progress)


def _estimates(pair: Pair) -> tuple[FloatArray, FloatArray, FloatArray]:
    """y (P-1,), s (P-1,) in an orthonormal basis of contrasts, and N (2P-2, 2P-2), the covariance of their errors."""
    layout = pair.preference.objective.layout
    P, theta = layout.n_policies, layout.theta
    U = linalg.helmert(P).T
    V_y, V_s = (fit.factor.shared_covariance()[theta, theta] for fit in (pair.preference, pair.progress))
    C = V_y @ _shared_luck(pair, P) @ V_s
    N = np.block([[U.T @ V_y @ U, U.T @ C @ U], [U.T @ C.T @ U, U.T @ V_s @ U]])
    lowest = float(np.linalg.eigvalsh(N)[0])
    if lowest <= 0:
        N = N + (1e-9 - lowest) * np.eye(len(N))
    y, s = (U.T @ fit.point.at.shared[theta] for fit in (pair.preference, pair.progress))
    return y, s, N


def _shared_luck(pair: Pair, P: int) -> FloatArray:
    """(P, P) the covariance of the gradients by y and by s, if luck is correlated alike in all sessions."""
    rows = pair.readings
    unit = np.sqrt(np.maximum(pair.hh * pair.mm, TINY))
    along = float(np.sum(pair.products[0, 1] / unit[0]) - np.sum(pair.products[0, 2] / unit[1]))
    seen = float(rows.known.sum())
    luck = (along + 2 * LUCK_PRIOR_SESSIONS * LUCK_USUAL) / (seen + 2 * LUCK_PRIOR_SESSIONS)
    a, b = min(max(luck, 0.0), 0.9) / 2 * rows.known * unit
    return _by_policies(rows, a, -b, -a, b, P)


def _curvatures(pair: Pair) -> tuple[FloatArray, FloatArray]:
    """(P, P) of preferences by theta, of progress by d: without priors."""
    rows, P = pair.readings, pair.preference.objective.layout.n_policies
    quarter = rows.n * pair.hh / 4
    own = rows.known * pair.mm
    zeros = np.zeros(rows.size)
    return (
        _by_policies(rows, quarter, -quarter, -quarter, quarter, P),
        _by_policies(rows, own[0], zeros, zeros, own[1], P),
    )


def _gradient_products(pair: Pair) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(P, P) sums over sessions of the products of their gradients: preferences' by theta with itself, with progress's
    by d, and that with itself."""
    rows, P = pair.readings, pair.preference.objective.layout.n_policies
    (hh, ha, hb), (_, aa, ab), (_, _, bb) = pair.products
    return (
        _by_policies(rows, hh / 4, -hh / 4, -hh / 4, hh / 4, P),
        _by_policies(rows, ha / 2, hb / 2, -ha / 2, -hb / 2, P),
        _by_policies(rows, aa, ab, ab, bb, P),
    )


def _likelihood(
    q: FloatArray, data: FloatArray, N: FloatArray, half: int, *, scale_sd: float, with_own: bool
) -> tuple[float, FloatArray, FloatArray]:
    """The log-likelihood with its priors, its gradient (3,) and its expected information (3, 3), by q."""
    t2, k, own2 = math.exp(2 * q[0]), math.exp(q[1]), math.exp(2 * q[2]) * with_own
    blocks = {
        "M": np.array([[t2, k * t2], [k * t2, k**2 * t2 + own2]]),
        "t": np.array([[2 * t2, 2 * k * t2], [2 * k * t2, 2 * k**2 * t2]]),
        "k": np.array([[0, k * t2], [k * t2, 2 * k**2 * t2]]),
        "own": np.array([[0, 0], [0, 2 * own2]]),
    }
    eye = np.eye(half)
    inverse = linalg.inv(np.kron(blocks["M"], eye) + N)
    z = inverse @ data
    slopes = [np.kron(blocks[name], eye) for name in ("t", "k", "own")]
    times = [inverse @ slope for slope in slopes]
    gradient = np.array([float(z @ slope @ z - np.trace(one)) / 2 for slope, one in zip(slopes, times, strict=True)])
    information = np.array([[float(np.sum(one * other.T)) / 2 for other in times] for one in times])
    log_t, log_k = q[0] - math.log(ABILITY_USUAL), q[1]
    value = float(np.linalg.slogdet(inverse)[1] - data @ z) / 2
    log_own = (q[2] - math.log(OWN_USUAL)) * with_own
    value -= log_t**2 / (2 * ABILITY_LOG_SD**2) + log_k**2 / (2 * scale_sd**2) + log_own**2 / (2 * OWN_LOG_SD**2)
    gradient -= [log_t / ABILITY_LOG_SD**2, log_k / scale_sd**2, log_own / OWN_LOG_SD**2]
    information += np.diag([1 / ABILITY_LOG_SD**2, 1 / scale_sd**2, 1 / OWN_LOG_SD**2])
    return value, gradient, information


def _combination(zeros: FloatArray, parts: dict[int, FloatArray]) -> FloatArray:
    return np.stack([parts.get(number, zeros) for number in range(6)])


def _by_policies(rows: Readings, aa: FloatArray, ab: FloatArray, ba: FloatArray, bb: FloatArray, P: int) -> FloatArray:
    """(P, P) sums over the rows of what belongs to (A, A), (A, B), (B, A) and (B, B)."""
    table = np.zeros(P * P)
    for one, other, weight in (
        (rows.policy_a, rows.policy_a, aa),
        (rows.policy_a, rows.policy_b, ab),
        (rows.policy_b, rows.policy_a, ba),
        (rows.policy_b, rows.policy_b, bb),
    ):
        table += np.bincount(one * P + other, weight, P * P)
    return table.reshape(P, P)
