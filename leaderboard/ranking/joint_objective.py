"""What the joint model maximises, its gradient and its curvature. The model itself is described in `joint`."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from leaderboard.ranking.arrow import Arrow
from leaderboard.ranking.comparisons import FloatArray, IntArray
from leaderboard.ranking.readings import UNKNOWN, Readings

# Parameters that all labs share come first in this order; then the policies' and the categories'.
DELTA, LNU_0, MU, DELTA_S = range(4)
GLOBALS = 4
# Each lab's own.
LNU, MU_LAB, B_POLICY = 0, 1, 2


@dataclass(frozen=True)
class Layout:
    """Where the parameters are. Shared, K0 = 4 + 3 P + 2 C + P C: (delta, lnu_0, mu, delta_s; theta; a; d; mu_c; lnu_c;
    psi by category, then policy). Of each lab, B = 2 + P: (lnu_g, mu_g; b), or 2 without b.

    n_categories is 0 where fewer than two are known: one alone cannot be told from the policies' own scores.
    """

    n_policies: int
    n_labs: int
    n_categories: int
    with_psi: bool
    with_b: bool

    @property
    def theta(self) -> slice:
        return slice(GLOBALS, GLOBALS + self.n_policies)

    @property
    def a(self) -> slice:
        return slice(self.theta.stop, self.theta.stop + self.n_policies)

    @property
    def own(self) -> slice:
        return slice(self.a.stop, self.a.stop + self.n_policies)

    @property
    def mu_c(self) -> slice:
        return slice(self.own.stop, self.own.stop + self.n_categories)

    @property
    def lnu_c(self) -> slice:
        return slice(self.mu_c.stop, self.mu_c.stop + self.n_categories)

    @property
    def psi(self) -> slice:
        return slice(self.lnu_c.stop, self.shared_size)

    @property
    def b(self) -> slice:
        return slice(B_POLICY, self.lab_size)

    @property
    def shared_size(self) -> int:
        return (
            GLOBALS + 3 * self.n_policies + 2 * self.n_categories + self.with_psi * self.n_categories * self.n_policies
        )

    @property
    def lab_size(self) -> int:
        return B_POLICY + self.with_b * self.n_policies


@dataclass(frozen=True, eq=False)
class Term:
    """coefficient x parameter in a linear predictor of each row. index: into the shared parameters, or into the row's
    own lab's. Scalars stand for all rows."""

    index: IntArray | int
    coefficient: FloatArray | float
    of_lab: bool = False


Predictor = list[Term]


@dataclass(frozen=True, eq=False)
class Position:
    """Values of all parameters: shared (K0,), labs (G, B)."""

    shared: FloatArray
    labs: FloatArray

    def moved(self, step: "Position", by: float) -> "Position":
        return Position(self.shared + by * step.shared, self.labs + by * step.labs)

    def largest(self) -> float:
        return float(max(np.abs(self.shared).max(), np.abs(self.labs).max(initial=0.0)))


@dataclass(frozen=True, eq=False)
class Point:
    """A position, and there: probabilities p (3, m) of the outcomes, means of progress (2, m), the preferences'
    log-likelihood, and Q."""

    at: Position
    p: FloatArray
    means: FloatArray
    log_likelihood: float
    value: float


@dataclass(frozen=True)
class Weights:
    """What the two readings count for. 0: a reading is not looked at."""

    preference: float
    progress: float


@dataclass(frozen=True, eq=False)
class Design:
    """Which parameters meet which rows: the same for all values of the parameters and of the spreads."""

    readings: Readings
    layout: Layout

    @cached_property
    def preference_terms(self) -> tuple[Predictor, Predictor]:
        """h and t."""
        ability = [
            *self.ability_terms(self.readings.policy_a, 0.5),
            *self.ability_terms(self.readings.policy_b, -0.5),
        ]
        ties = [Term(LNU_0, 1.0), Term(LNU, 1.0, of_lab=True)]
        if self.layout.n_categories:
            ties.append(Term(self.layout.lnu_c.start + self._category, self._categorised * 1.0))
        return [*ability, Term(DELTA, -0.5)], ties

    @cached_property
    def easiness_terms(self) -> Predictor:
        rows, layout = self.readings, self.layout
        terms = [Term(MU, 1.0), Term(MU_LAB, 1.0, of_lab=True)]
        terms += [Term(layout.a.start + policy, 1.0) for policy in (rows.policy_a, rows.policy_b)]
        if layout.n_categories:
            terms.append(Term(layout.mu_c.start + self._category, self._categorised * 1.0))
        return terms

    def ability_terms(self, policy: IntArray, coefficient: float) -> Predictor:
        layout = self.layout
        terms = [Term(layout.theta.start + policy, coefficient)]
        if layout.with_psi and layout.n_categories:
            place = layout.psi.start + self._category * layout.n_policies + policy
            terms.append(Term(place, coefficient * self._categorised))
        if layout.with_b:
            terms.append(Term(layout.b.start + policy, coefficient, of_lab=True))
        return terms

    @cached_property
    def _category(self) -> IntArray:
        return np.maximum(self.readings.category, 0)

    @cached_property
    def _categorised(self) -> FloatArray | float:
        """1 where the category is known: rows without one have neither psi nor mu_c."""
        known = self.readings.category != UNKNOWN
        return 1.0 if known.all() else known.astype(np.float64)

    def progress_terms(self, k: float) -> tuple[Predictor, Predictor]:
        """eta of side A and of side B."""
        a, b = (
            [
                *self.easiness_terms,
                Term(DELTA_S, sign),
                Term(self.layout.own.start + policy, 1.0),
                *self.ability_terms(policy, k),
            ]
            for policy, sign in ((self.readings.policy_a, -0.5), (self.readings.policy_b, 0.5))
        )
        return a, b

    def meetings(self, k: float) -> list[tuple[Term, Term, int]]:
        """Every pair of terms of predictors whose readings vary together, and the number of their (co)variance among
        those of h, of h with t, of t, of progress on A and on B."""
        by_h, by_t = self.preference_terms
        by_a, by_b = self.progress_terms(k)
        return [
            *((one, other, 0) for one, other in _pairs(by_h)),
            *((one, other, 1) for one in by_h for other in by_t),
            *((one, other, 2) for one, other in _pairs(by_t)),
            *((one, other, 3) for one, other in _pairs(by_a)),
            *((one, other, 4) for one, other in _pairs(by_b)),
        ]

    @cached_property
    def places(self) -> IntArray:
        """Where in the three tables of an arrow, laid end to end, each meeting in a row goes: upper triangles."""
        K0, G, B = self.layout.shared_size, self.layout.n_labs, self.layout.lab_size
        lab, m = self.readings.lab, self.readings.size
        meetings = self.meetings(1.0)
        places = np.empty((len(meetings), m), dtype=np.int64)
        for number, (one, other, _) in enumerate(meetings):
            low, high = np.minimum(one.index, other.index), np.maximum(one.index, other.index)
            if one.of_lab and other.of_lab:
                places[number] = K0 * K0 + G * B * K0 + (lab * B + low) * B + high
            elif one.of_lab or other.of_lab:
                own, shared = (one, other) if one.of_lab else (other, one)
                places[number] = K0 * K0 + (lab * B + own.index) * K0 + shared.index
            else:
                places[number] = low * K0 + high
        return places.ravel()


@dataclass(frozen=True, eq=False)
class Objective:
    """Q = w_y log-lik of the preferences + w_s log-lik of progress / phi - sum precision (x - mean)² / 2.

    Means and precisions: (K0,), and (B,), the same for each lab. An infinite precision holds a parameter at its mean.
    """

    design: Design
    mean: FloatArray
    precision: FloatArray
    lab_precision: FloatArray
    phi: float
    weights: Weights
    k: float

    @property
    def readings(self) -> Readings:
        return self.design.readings

    @property
    def layout(self) -> Layout:
        return self.design.layout

    def with_held(self, at: Position) -> Position:
        """The position with each parameter that is held where it is held."""
        shared = np.where(np.isinf(self.precision), self.mean, at.shared)
        return Position(shared, np.where(np.isinf(self.lab_precision), 0.0, at.labs))

    def point(self, at: Position) -> Point:
        """Q at a position, and what the derivatives need."""
        rows = self.readings
        h, t = (self._predicted(terms, at) for terms in self.design.preference_terms)
        eta = np.stack([self._predicted(terms, at) for terms in self.design.progress_terms(self.k)])
        top = np.maximum(np.abs(h), t)
        log_sum = top + np.log(np.exp(h - top) + np.exp(t - top) + np.exp(-h - top))
        log_p = np.stack([h, t, -h]) - log_sum
        log_likelihood = float(np.sum(rows.counts * log_p))
        quasi = float(np.sum(rows.progress * eta - rows.known * np.logaddexp(0, eta)))
        penalty = float(_finite(self.precision) @ (at.shared - self.mean) ** 2) / 2
        penalty += float(np.sum(at.labs**2 * _finite(self.lab_precision))) / 2
        value = self.weights.preference * log_likelihood + self.weights.progress * quasi / self.phi - penalty
        return Point(at, np.exp(log_p), 1 / (1 + np.exp(-eta)), log_likelihood, value)

    def residuals(self, point: Point) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(m,) derivatives of the two likelihoods by h and by t, and (2, m) by the two eta, before phi and weights."""
        rows = self.readings
        n_a, n_tie, n_b = rows.counts
        p_a, p_tie, p_b = point.p
        return (
            n_a - n_b - rows.n * (p_a - p_b),
            n_tie - rows.n * p_tie,
            rows.progress - rows.known * point.means,
        )

    def gradient(self, point: Point) -> Position:
        group = np.zeros(self.readings.size, dtype=np.int64)
        shared, labs = self.collect(self.residuals(point), group, groups=1)
        penalty = _finite(self.precision) * (point.at.shared - self.mean)
        return Position(shared[0] - penalty, labs[0] - _finite(self.lab_precision) * point.at.labs)

    def collect(
        self, residuals: tuple[FloatArray, FloatArray, FloatArray], group: IntArray, *, groups: int
    ) -> tuple[FloatArray, FloatArray]:
        """(groups, K0) and (groups, G, B): what the rows of each group add to the gradient of Q, priors left out."""
        K0, G, B = self.layout.shared_size, self.layout.n_labs, self.layout.lab_size
        shared, labs = np.zeros(groups * K0), np.zeros(groups * G * B)
        own = (group * G + self.readings.lab) * B
        by_h, by_t, eta = residuals
        w_y, w_s = self.weights.preference, self.weights.progress / self.phi
        predictors = (*self.design.preference_terms, *self.design.progress_terms(self.k))
        for terms, residual in zip(predictors, (w_y * by_h, w_y * by_t, w_s * eta[0], w_s * eta[1]), strict=True):
            for term in terms:
                if term.of_lab:
                    labs += np.bincount(own + term.index, term.coefficient * residual, labs.size)
                else:
                    shared += np.bincount(group * K0 + term.index, term.coefficient * residual, shared.size)
        return (
            shared.reshape(groups, K0) * np.isfinite(self.precision),
            labs.reshape(groups, G, B) * np.isfinite(self.lab_precision),
        )

    def information(self, point: Point) -> Arrow:
        """The negative Hessian of Q as an arrow of blocks."""
        arrow = self._curvature(point)
        held, held_labs = np.isinf(self.precision), np.isinf(self.lab_precision)
        arrow.shared[held] = arrow.shared[:, held] = 0.0
        arrow.cross[:, :, held] = arrow.cross[:, held_labs] = 0.0
        arrow.labs[:, held_labs] = arrow.labs[:, :, held_labs] = 0.0
        np.einsum("ii->i", arrow.shared)[...] += np.where(held, 1.0, self.precision)
        np.einsum("gii->gi", arrow.labs)[...] += np.where(held_labs, 1.0, self.lab_precision)
        return arrow

    def _curvature(self, point: Point) -> Arrow:
        """Without the priors. Every pair of terms that meet in a row adds the product of their coefficients, times the
        (co)variance of what the two predictors' readings are; the places come once for all points."""
        K0, G, B = self.layout.shared_size, self.layout.n_labs, self.layout.lab_size
        spreads = self._variances(point)
        meetings = self.design.meetings(self.k)
        weights = np.empty((len(meetings), self.readings.size))
        for number, (one, other, which) in enumerate(meetings):
            np.multiply(one.coefficient * np.asarray(other.coefficient), spreads[which], out=weights[number])
        tables = np.bincount(self.design.places, weights.ravel(), K0 * K0 + G * B * K0 + G * B * B)
        table = tables.astype(np.float64, copy=False)
        shared: FloatArray = table[: K0 * K0].reshape(K0, K0)
        cross = table[K0 * K0 : K0 * K0 + G * B * K0].reshape(G, B, K0)
        labs = table[K0 * K0 + G * B * K0 :].reshape(G, B, B)
        diagonal = np.einsum("gii->gi", labs)
        labs = labs + np.swapaxes(labs, 1, 2)
        np.einsum("gii->gi", labs)[...] -= diagonal
        return Arrow(np.triu(shared) + np.triu(shared, 1).T, cross.copy(), labs)

    def _variances(self, point: Point) -> FloatArray:
        """(5, m) of h, of h with t, of t, of progress on A and on B, times the readings' weights."""
        rows = self.readings
        p_a, p_tie, p_b = point.p
        progress = self.weights.progress / self.phi * rows.known * point.means * (1 - point.means)
        hh = rows.n * (p_a + p_b - (p_a - p_b) ** 2)
        ht = -rows.n * (p_a - p_b) * p_tie
        tt = rows.n * p_tie * (1 - p_tie)
        return np.stack([*(self.weights.preference * np.stack([hh, ht, tt])), *progress])

    def _predicted(self, terms: Predictor, at: Position) -> FloatArray:
        total = np.zeros(self.readings.size)
        for term in terms:
            value = at.labs[self.readings.lab, term.index] if term.of_lab else at.shared[term.index]
            total += term.coefficient * value
        return total

    def elsewhere(self, readings: Readings) -> "Objective":
        """The same model for other sessions, numbered by the same keys."""
        return replace(self, design=replace(self.design, readings=readings))


def _pairs(terms: Predictor) -> list[tuple[Term, Term]]:
    return [(one, other) for place, one in enumerate(terms) for other in terms[place:]]


def _finite(precision: FloatArray) -> FloatArray:
    return np.where(np.isinf(precision), 0.0, precision)
