"""What the joint model maximises, its gradient and its curvature. The model itself is described in `joint`."""

from dataclasses import dataclass, replace

import numpy as np

from leaderboard.ranking.arrow import Arrow
from leaderboard.ranking.comparisons import FloatArray
from leaderboard.ranking.joint_curvature import Variances, curvature
from leaderboard.ranking.joint_layout import Layout, Position
from leaderboard.ranking.joint_tables import Places, Predictors, gradients, predictors
from leaderboard.ranking.readings import Readings


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
class Objective:
    """Q = w_y log-lik of the preferences + w_s log-lik of progress / phi - sum precision (x - mean)² / 2.

    Means and precisions: (K0,), and (B,), the same for each lab. An infinite precision holds a parameter at its mean.
    """

    readings: Readings
    places: Places
    mean: FloatArray
    precision: FloatArray
    lab_precision: FloatArray
    phi: float
    weights: Weights
    k: float

    @property
    def layout(self) -> Layout:
        return self.places.layout

    def with_held(self, at: Position) -> Position:
        """The position with each parameter that is held where it is held."""
        shared = np.where(np.isinf(self.precision), self.mean, at.shared)
        return Position(shared, np.where(np.isinf(self.lab_precision), 0.0, at.labs))

    def point(self, at: Position) -> Point:
        """Q at a position, and what the derivatives need."""
        rows, found = self.readings, predictors(self.places, at, self.k)
        h, t, eta = found.h, found.t, found.eta
        top = np.maximum(np.abs(h), t)
        log_sum = top + np.log(np.exp(h - top) + np.exp(t - top) + np.exp(-h - top))
        log_p = np.stack([h, t, -h]) - log_sum
        log_likelihood = float(np.sum(rows.counts * log_p))
        quasi = float(np.sum(rows.progress * eta - rows.known * np.logaddexp(0, eta)))
        penalty = float(_finite(self.precision) @ (at.shared - self.mean) ** 2) / 2
        penalty += float(np.sum(at.labs**2 * _finite(self.lab_precision))) / 2
        value = self.weights.preference * log_likelihood + self.weights.progress * quasi / self.phi - penalty
        return Point(at, np.exp(log_p), 1 / (1 + np.exp(-eta)), log_likelihood, value)

    def residuals(self, point: Point) -> Predictors:
        """The derivatives of Q by the predictors of each row."""
        rows, w_y = self.readings, self.weights.preference
        n_a, n_tie, n_b = rows.counts
        p_a, p_tie, p_b = point.p
        return Predictors(
            h=w_y * (n_a - n_b - rows.n * (p_a - p_b)),
            t=w_y * (n_tie - rows.n * p_tie),
            eta=self.weights.progress / self.phi * (rows.progress - rows.known * point.means),
        )

    def gradient(self, point: Point) -> Position:
        shared, labs = self.gradients(point)
        penalty = _finite(self.precision) * (point.at.shared - self.mean)
        return Position(shared.sum(axis=0) - penalty, labs - _finite(self.lab_precision) * point.at.labs)

    def gradients(self, point: Point, places: Places | None = None) -> tuple[FloatArray, FloatArray]:
        """(G, K0) and (G, B): what the rows of each lab add to the gradient of Q, priors left out. places: of the same
        rows, where they are to be added up by something else."""
        shared, labs = gradients(places or self.places, self.residuals(point), self.k)
        return shared * np.isfinite(self.precision), labs * np.isfinite(self.lab_precision)

    def information(self, point: Point) -> Arrow:
        """The negative Hessian of Q as an arrow of blocks."""
        arrow = curvature(self.places, self._variances(point), self.k)
        held, held_labs = np.isinf(self.precision), np.isinf(self.lab_precision)
        arrow.shared[held] = arrow.shared[:, held] = 0.0
        arrow.cross[:, :, held] = arrow.cross[:, held_labs] = 0.0
        arrow.labs[:, held_labs] = arrow.labs[:, :, held_labs] = 0.0
        np.einsum("ii->i", arrow.shared)[...] += np.where(held, 1.0, self.precision)
        np.einsum("gii->gi", arrow.labs)[...] += np.where(held_labs, 1.0, self.lab_precision)
        return arrow

    def _variances(self, point: Point) -> Variances:
        rows = self.readings
        p_a, p_tie, p_b = point.p
        w_y, w_s = self.weights.preference, self.weights.progress / self.phi
        a, b = w_s * rows.known * point.means * (1 - point.means)
        return Variances(
            hh=w_y * rows.n * (p_a + p_b - (p_a - p_b) ** 2),
            ht=-w_y * rows.n * (p_a - p_b) * p_tie,
            tt=w_y * rows.n * p_tie * (1 - p_tie),
            a=a,
            b=b,
        )

    def elsewhere(self, readings: Readings) -> "Objective":
        """The same model for other sessions, numbered by the same keys."""
        return replace(self, readings=readings, places=Places.of(readings, self.layout))


def _finite(precision: FloatArray) -> FloatArray:
    return np.where(np.isinf(precision), 0.0, precision)
