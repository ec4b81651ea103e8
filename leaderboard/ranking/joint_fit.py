"""Fitting the joint model: Newton's method, empirical-Bayes spreads, and the two stages. See `joint`."""

import math
from dataclasses import dataclass, fields, replace

import numpy as np
from scipy import linalg

from leaderboard.ranking.arrow import Arrow, Factor
from leaderboard.ranking.comparisons import FloatArray
from leaderboard.ranking.errors import NoFiniteEstimate
from leaderboard.ranking.joint_layout import DELTA, DELTA_S, GLOBALS, LNU, LNU_0, MU, MU_LAB, Layout, Position
from leaderboard.ranking.joint_objective import Objective, Point, Weights
from leaderboard.ranking.joint_settings import JointSettings
from leaderboard.ranking.joint_tables import Places
from leaderboard.ranking.readings import Readings
from leaderboard.ranking.spreads import SPREAD_FLOOR, next_spread

MAX_STEPS = 200
MAX_HALVINGS = 40
# After a step that promises less than this of Q one more is taken, with the curvature there, and is the last.
SMALL_GAIN = 1e-10
# The spreads have settled when none changes by this share.
SPREADS_SETTLED = 0.02
STEP_SETTLED = 1e-3
LARGEST_SHARE = 0.9
# A step of this share of the one before shows that the curvature still serves.
MUCH_SHORTER = 0.3
# Rates of the exponential priors on the spreads: lower where effects that differ are soon seen to.
RATES = {"tie": 1.0, "tie_category": 4.0, "a": 0.5}
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
    readings: Readings, layout: Layout, settings: JointSettings, *, start: "Start", weights: Weights, k: float
) -> Fitted:
    """Newton's method, the spreads and phi moving with it until they have settled; then to the top at these."""
    spreads, at, phi = start.spreads, start.at, settings.dispersion
    updates: list[Spreads] = []
    places = Places.of(readings, layout)
    objective = build(readings, places, settings, spreads=spreads, phi=phi or start.phi, weights=weights, k=k)
    point = objective.point(objective.with_held(at))
    for _ in range(MAX_STEPS):
        factor = _factor(objective.information(point))
        point, largest = approach(objective, point, factor)
        settled = True
        if settings.spreads_estimated:
            updates.append(next_spreads(objective, spreads, point.at, factor))
            settled = updates[-1].changed_most(spreads) < SPREADS_SETTLED
            spreads = updates[-1]
            if len(updates) == 3 and not settled:
                spreads = ahead(*updates)
                updates = []
        new_phi = phi or dispersion(readings, point)
        objective = build(readings, places, settings, spreads=spreads, phi=new_phi, weights=weights, k=k)
        point = objective.point(point.at)
        if settled and largest < STEP_SETTLED:
            break
    return to_the_top(objective, point, spreads, factor)


def approach(objective: Objective, point: Point, factor: Factor) -> tuple[Point, float]:
    """Steps with one curvature for as long as each is much shorter than the one before, and the size of the last."""
    before = math.inf
    while True:
        step = Position(*factor.solve(*_parts(objective.gradient(point))))
        point = climb(objective, point, step)
        largest = step.largest()
        if largest < STEP_SETTLED or largest > MUCH_SHORTER * before:
            return point, largest
        before = largest


@dataclass(frozen=True, eq=False)
class Start:
    spreads: Spreads
    at: Position
    phi: float = PHI_USUAL


def to_the_top(objective: Objective, point: Point, spreads: Spreads, factor: Factor | None = None) -> Fitted:
    """Newton's method with everything but the effects held: Q rises at every step, to the one top that it has.

    factor: of a curvature near by. It is renewed where steps with it do not bring the top much closer.
    """
    path, before = [point.value], math.inf
    for _ in range(MAX_STEPS):
        factor = factor or _factor(objective.information(point))
        gradient = objective.gradient(point)
        step = Position(*factor.solve(*_parts(gradient)))
        gain = float(gradient.shared @ step.shared + np.sum(gradient.labs * step.labs)) / 2
        if gain < SMALL_GAIN:
            break
        higher = climb(objective, point, step)
        if higher.value <= point.value:
            break
        point = higher
        path.append(point.value)
        factor, before = (factor if gain < MUCH_SHORTER**2 * before else None), gain
    arrow = objective.information(point)
    factor = _factor(arrow)
    last = Position(*factor.solve(*_parts(objective.gradient(point))))
    return Fitted(objective, objective.point(point.at.moved(last, 1.0)), spreads, arrow, factor, tuple(path))


def climb(objective: Objective, point: Point, step: Position) -> Point:
    """The first of the step, its half, its quarter … by which Q does not fall."""
    for halvings in range(MAX_HALVINGS):
        candidate = objective.point(point.at.moved(step, 0.5**halvings))
        if candidate.value >= point.value:
            return candidate
    return point


def build(
    readings: Readings,
    places: Places,
    settings: JointSettings,
    *,
    spreads: Spreads,
    phi: float,
    weights: Weights,
    k: float,
) -> Objective:
    """Ties and the order effect are the preferences' own, whatever these count for: their priors weigh as much less."""
    layout = places.layout
    alone = 1 / math.sqrt(weights.preference or 1.0)
    mean, sd = np.zeros(layout.shared_size), np.empty(layout.shared_size)
    mean[LNU_0] = settings.tie_mean
    sd[DELTA], sd[LNU_0], sd[MU], sd[DELTA_S] = (
        alone * settings.order_sd,
        alone * settings.tie_sd,
        settings.progress_sd,
        settings.progress_order_sd,
    )
    sd[layout.theta] = settings.theta_sd
    sd[layout.a] = spreads.a
    sd[layout.mu_c] = spreads.category
    sd[layout.own] = spreads.own
    sd[layout.lnu_c] = alone * spreads.tie_category
    sd[layout.psi] = spreads.psi
    lab_sd = np.empty(layout.lab_size)
    lab_sd[LNU], lab_sd[MU_LAB] = alone * spreads.tie, spreads.lab
    lab_sd[layout.b] = spreads.b
    return Objective(
        readings,
        places,
        mean,
        _precision(sd),
        _precision(lab_sd),
        phi=phi,
        weights=weights,
        k=k,
    )


def next_spreads(objective: Objective, spreads: Spreads, at: Position, factor: Factor) -> Spreads:
    """One update of each spread that is not 0: `spreads.next_spread`."""
    layout, alone = objective.layout, objective.weights.preference or 1.0
    variances, lab_variances = factor.shared_variances(), factor.lab_variances()
    blocks = {
        "psi": (at.shared[layout.psi], variances[layout.psi]),
        "a": (at.shared[layout.a], variances[layout.a]),
        "category": (at.shared[layout.mu_c], variances[layout.mu_c]),
        "tie_category": (at.shared[layout.lnu_c], alone * variances[layout.lnu_c]),
        "b": (at.labs[:, layout.b], lab_variances[:, layout.b]),
        "tie": (at.labs[:, LNU], alone * lab_variances[:, LNU]),
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


def start_position(readings: Readings, layout: Layout) -> Position:
    shared = np.zeros(layout.shared_size)
    ties, n = float(readings.counts[1].sum()), float(readings.n.sum())
    shared[LNU_0] = math.log((ties + 0.5) / (n - ties + 0.5))
    known = float(readings.known.sum())
    mean = (float(readings.progress.sum()) + 0.5) / (known + 1)
    shared[MU] = math.log(mean / (1 - mean)) if known else 0.0
    return Position(shared, np.zeros((layout.n_labs, layout.lab_size)))


def joined(preference: Position, progress: Position, layout: Layout) -> Position:
    """Ability, ties and order from the one, easiness from the other."""
    shared, labs = preference.shared.copy(), preference.labs.copy()
    for place in (MU, DELTA_S, layout.a, layout.mu_c):
        shared[place] = progress.shared[place]
    labs[:, MU_LAB] = progress.labs[:, MU_LAB]
    return Position(shared, labs)


def widened(at: Position, old: Layout, new: Layout) -> Position:
    """A position of the first stage as the start of the second."""
    shared = np.zeros(new.shared_size)
    shared[:GLOBALS] = at.shared[:GLOBALS]
    for block in ("theta", "a", "own", "mu_c", "lnu_c"):
        shared[getattr(new, block)] = at.shared[getattr(old, block)]
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
