"""Fitting the joint model: Newton's method, empirical-Bayes spreads, and the two stages. See `joint`."""

import math
from dataclasses import dataclass, fields, replace

import numpy as np
from scipy import linalg

from leaderboard.ranking.arrow import Arrow, Factor
from leaderboard.ranking.comparisons import FloatArray
from leaderboard.ranking.errors import NoFiniteEstimate
from leaderboard.ranking.joint_objective import (
    DELTA,
    DELTA_S,
    GLOBALS,
    LNU,
    LNU_0,
    LOG_K,
    MU,
    MU_LAB,
    Design,
    Layout,
    Objective,
    Point,
    Position,
)
from leaderboard.ranking.joint_settings import JointSettings
from leaderboard.ranking.readings import KNOWN_A, KNOWN_B, ONE, PREFERENCE, PROGRESS_A, PROGRESS_B, Readings
from leaderboard.ranking.spreads import SPREAD_FLOOR, next_spread

MAX_STEPS = 200
MAX_HALVINGS = 40
# A step that promises less than this of Q is the last.
SMALL_GAIN = 1e-10
# The spreads move from this step on; they have settled when none changes by this share.
SPREADS_FROM = 1
SPREADS_SETTLED = 0.01
STEP_SETTLED = 1e-3
LARGEST_SHARE = 0.9
# Rates of the exponential priors on the spreads: lower where effects that differ are soon seen to.
RATES = {"tie": 1.0, "tie_category": 1.0, "a": 0.5}
RATE = 2.0
# The dispersion of progress is estimated as if so many further rollouts had shown the usual one.
PHI_USUAL = 0.5
PHI_PRIOR_ROLLOUTS = 20.0
PHI_FLOOR = 0.05


@dataclass(frozen=True)
class Spreads:
    """Standard deviations of the effects of each kind. 0: left out."""

    psi: float
    b: float
    a: float
    tie: float
    category: float
    lab: float
    tie_category: float
    own: float

    def changed_most(self, other: "Spreads") -> float:
        pairs = [(getattr(self, kind), getattr(other, kind)) for kind in KINDS]
        return max((abs(math.log(new / old)) for old, new in pairs if old > 0), default=0.0)


KINDS = tuple(field.name for field in fields(Spreads))


@dataclass(frozen=True, eq=False)
class Fitted:
    objective: Objective
    point: Point
    spreads: Spreads
    arrow: Arrow
    factor: Factor
    path: tuple[float, ...]
    """Q after each step that left the objective as it was."""


def fit_stage(
    readings: Readings, layout: Layout, settings: JointSettings, *, start: "Start", phi: float | None, c: float
) -> Fitted:
    """Newton's method, the spreads and phi moving with it until they have settled; then to the top at these."""
    spreads, at, k = start.spreads, start.at, start.k
    updates: list[Spreads] = []
    design = Design(readings, layout, scale_free=k is None)
    objective = build(design, settings, spreads=spreads, phi=phi or PHI_USUAL, c=c, k=k)
    point = objective.point(at)
    for number in range(MAX_STEPS):
        arrow = objective.information(point)
        factor = _factor(arrow)
        step = Position(*factor.solve(*_parts(objective.gradient(point))))
        point = climb(objective, point, step)
        settled = number >= SPREADS_FROM
        if number >= SPREADS_FROM and settings.spreads_estimated:
            updates.append(next_spreads(layout, spreads, point.at, factor))
            settled = settled and updates[-1].changed_most(spreads) < SPREADS_SETTLED
            spreads = updates[-1]
            if len(updates) == 3 and not settled:
                spreads = ahead(*updates)
                updates = []
        new_phi = phi or dispersion(readings, point)
        objective = build(design, settings, spreads=spreads, phi=new_phi, c=c, k=k)
        point = objective.point(point.at)
        if settled and step.largest() < STEP_SETTLED:
            break
    return to_the_top(objective, point, spreads)


@dataclass(frozen=True, eq=False)
class Start:
    spreads: Spreads
    at: Position
    k: float | None
    """None: free."""


def to_the_top(objective: Objective, point: Point, spreads: Spreads) -> Fitted:
    """Newton's method with everything but the effects held: Q rises at every step, until it can no more.

    With k held there is one top. With k free the curvature is that which is expected, and steps may become short: the
    first stage, which wants k and c alone, takes what is reached after the last step allowed.
    """
    path = [point.value]
    for _ in range(MAX_STEPS):
        gradient = objective.gradient(point)
        step = Position(*_factor(objective.information(point)).solve(*_parts(gradient)))
        gain = float(gradient.shared @ step.shared + np.sum(gradient.labs * step.labs)) / 2
        if gain < SMALL_GAIN:
            point = objective.point(point.at.moved(step, 1.0))
            break
        higher = climb(objective, point, step)
        if higher.value <= point.value:
            break
        point = higher
        path.append(point.value)
    arrow = objective.information(point)
    return Fitted(objective, point, spreads, arrow, _factor(arrow), tuple(path))


def climb(objective: Objective, point: Point, step: Position) -> Point:
    """The first of the step, its half, its quarter … by which Q does not fall."""
    for halvings in range(MAX_HALVINGS):
        candidate = objective.point(point.at.moved(step, 0.5**halvings))
        if candidate.value >= point.value:
            return candidate
    return point


def build(
    design: Design,
    settings: JointSettings,
    *,
    spreads: Spreads,
    phi: float,
    c: float,
    k: float | None,
) -> Objective:
    layout = design.layout
    mean, sd = np.zeros(layout.shared_size), np.empty(layout.shared_size)
    mean[LNU_0] = settings.tie_mean
    sd[DELTA], sd[LNU_0], sd[MU], sd[DELTA_S] = (
        settings.order_sd,
        settings.tie_sd,
        settings.progress_sd,
        settings.progress_order_sd,
    )
    sd[LOG_K] = settings.scale_sd if design.scale_free else 0.0
    sd[layout.theta] = settings.theta_sd
    sd[layout.a] = spreads.a
    sd[layout.mu_c] = spreads.category
    sd[layout.own] = spreads.own
    sd[layout.lnu_c] = spreads.tie_category
    sd[layout.psi] = spreads.psi
    lab_sd = np.empty(layout.lab_size)
    lab_sd[LNU], lab_sd[MU_LAB] = spreads.tie, spreads.lab
    lab_sd[layout.b] = spreads.b
    return Objective(
        design,
        mean,
        _precision(sd),
        _precision(lab_sd),
        phi=phi,
        c=c,
        scale=1.0 if k is None else k,
    )


def next_spreads(layout: Layout, spreads: Spreads, at: Position, factor: Factor) -> Spreads:
    """One update of each spread that is not 0: `spreads.next_spread`."""
    variances, lab_variances = factor.shared_variances(), factor.lab_variances()
    blocks = {
        "psi": (at.shared[layout.psi], variances[layout.psi]),
        "a": (at.shared[layout.a], variances[layout.a]),
        "category": (at.shared[layout.mu_c], variances[layout.mu_c]),
        "own": (at.shared[layout.own], variances[layout.own]),
        "tie_category": (at.shared[layout.lnu_c], variances[layout.lnu_c]),
        "b": (at.labs[:, layout.b], lab_variances[:, layout.b]),
        "tie": (at.labs[:, LNU], lab_variances[:, LNU]),
        "lab": (at.labs[:, MU_LAB], lab_variances[:, MU_LAB]),
    }
    return replace(
        spreads,
        **{
            kind: _next(getattr(spreads, kind), effects, own, RATES.get(kind, RATE))
            for kind, (effects, own) in blocks.items()
            if effects.size and getattr(spreads, kind) > 0
        },
    )


def ahead(first: Spreads, second: Spreads, third: Spreads) -> Spreads:
    """Where three updates in a row lead, if each spread's logarithm goes on by ever the same share of its last move."""
    return Spreads(*(_ahead(*(getattr(update, kind) for update in (first, second, third))) for kind in KINDS))


def _ahead(first: float, second: float, third: float) -> float:
    if third <= 0 or first == second:
        return third
    before, last = math.log(second / first), math.log(third / second)
    share = min(max(last / before, 0.0), LARGEST_SHARE)
    return max(third * math.exp(min(max(last * share / (1 - share), -1.0), 1.0)), SPREAD_FLOOR)


def _next(s: float, effects: FloatArray, variances: FloatArray, rate: float) -> float:
    gamma = effects.size - float(variances.sum()) / s**2
    return next_spread(gamma=gamma, squares=float(np.sum(effects**2)), rate=rate)


def dispersion(readings: Readings, point: Point) -> float:
    """phi: the variance of progress about its mean m, as a multiple of m (1 - m)."""
    m = np.clip(point.means, 1e-6, 1 - 1e-6)
    squared = readings.squares - 2 * m * readings.progress + m**2 * readings.known
    total = float(np.sum(squared / (m * (1 - m)))) + PHI_PRIOR_ROLLOUTS * PHI_USUAL
    return max(total / (float(readings.known.sum()) + PHI_PRIOR_ROLLOUTS), PHI_FLOOR)


def inflation(fitted: Fitted) -> float:
    """c = max(1, tr(H^+ J) / (P - 1)): how much more a session tells about the scores than the model believes.

    H (P, P): curvature by theta, without priors. J (P, P): sum over sessions of the outer product of the gradient by
    theta, of both readings together. Were a session's readings independent, J would be H, and c a little above 1: the
    trace is over P directions, of which one, the mean, moves no score. That much c leans to the wide side.
    """
    objective, point, rows = fitted.objective, fitted.point, fitted.objective.readings
    P, k, phi = objective.layout.n_policies, objective.k(fitted.point.at), objective.phi
    p_a, _, p_b = point.p
    zeros, ones = np.zeros(rows.size), np.ones(rows.size)
    # Residuals of preference and of both sides' progress, as combinations of the six numbers of a session.
    T = np.stack(
        [
            _combination(zeros, {ONE: p_b - p_a, PREFERENCE: ones}),
            _combination(zeros, {KNOWN_A: -point.means[0], PROGRESS_A: ones}) * k / phi,
            _combination(zeros, {KNOWN_B: -point.means[1], PROGRESS_B: ones}) * k / phi,
        ]
    )
    # The gradient of a session by the two policies' theta.
    T = np.stack([T[0] / 2 + T[1], -T[0] / 2 + T[2]])
    outer = np.einsum("azm,zym,bym->abm", T, rows.moments, T, optimize=True)
    hh = rows.n * (p_a + p_b - (p_a - p_b) ** 2) / 4
    own = rows.known * point.means * (1 - point.means) * k**2 / phi
    J = _by_policies(rows, outer[0, 0], outer[0, 1], outer[1, 1], P)
    H = _by_policies(rows, hh + own[0], -hh, hh + own[1], P)
    return max(1.0, float(np.trace(linalg.pinvh(H) @ J)) / (P - 1))


def _combination(zeros: FloatArray, parts: dict[int, FloatArray]) -> FloatArray:
    return np.stack([parts.get(number, zeros) for number in range(6)])


def _by_policies(rows: Readings, aa: FloatArray, ab: FloatArray, bb: FloatArray, P: int) -> FloatArray:
    table = np.zeros(P * P)
    for one, other, weight in (
        (rows.policy_a, rows.policy_a, aa),
        (rows.policy_a, rows.policy_b, ab),
        (rows.policy_b, rows.policy_a, ab),
        (rows.policy_b, rows.policy_b, bb),
    ):
        table += np.bincount(one * P + other, weight, P * P)
    return table.reshape(P, P)


def start_position(readings: Readings, layout: Layout) -> Position:
    shared = np.zeros(layout.shared_size)
    ties, n = float(readings.counts[1].sum()), float(readings.n.sum())
    shared[LNU_0] = math.log((ties + 0.5) / (n - ties + 0.5))
    known = float(readings.known.sum())
    mean = (float(readings.progress.sum()) + 0.5) / (known + 1)
    shared[MU] = math.log(mean / (1 - mean)) if known else 0.0
    return Position(shared, np.zeros((layout.n_labs, layout.lab_size)))


def widened(at: Position, old: Layout, new: Layout) -> Position:
    """A position of the first stage as the start of the second."""
    shared = np.zeros(new.shared_size)
    shared[:GLOBALS] = at.shared[:GLOBALS]
    for block in ("theta", "a", "own", "mu_c", "lnu_c"):
        shared[getattr(new, block)] = at.shared[getattr(old, block)]
    shared[LOG_K] = 0.0
    labs = np.zeros((new.n_labs, new.lab_size))
    labs[:, : at.labs.shape[1]] = at.labs
    return Position(shared, labs)


def with_a_stranger(at: Position, old: Layout, new: Layout) -> Position:
    """The same position with one more policy, of which nothing is known: all its effects are 0."""
    shared = np.zeros(new.shared_size)
    shared[:GLOBALS] = at.shared[:GLOBALS]
    for block in ("theta", "a", "own"):
        shared[getattr(new, block)][:-1] = at.shared[getattr(old, block)]
    for block in ("mu_c", "lnu_c"):
        shared[getattr(new, block)] = at.shared[getattr(old, block)]
    if old.with_psi:
        by_category = shared[new.psi].reshape(-1, new.n_policies)
        by_category[:, :-1] = at.shared[old.psi].reshape(-1, old.n_policies)
    labs = np.zeros((new.n_labs, new.lab_size))
    labs[:, : at.labs.shape[1]] = at.labs
    return Position(shared, labs)


def _parts(position: Position) -> tuple[FloatArray, FloatArray]:
    return position.shared, position.labs


def _factor(arrow: Arrow) -> Factor:
    try:
        return arrow.factor()
    except linalg.LinAlgError as error:
        raise no_finite_estimate() from error


def _precision(sd: FloatArray) -> FloatArray:
    precision: FloatArray = np.divide(1, sd**2, out=np.full(sd.size, np.inf), where=sd > 0)
    return precision


def no_finite_estimate() -> NoFiniteEstimate:
    return NoFiniteEstimate("no_finite_estimate", "The likelihood has no finite maximum: these data need a prior.")
