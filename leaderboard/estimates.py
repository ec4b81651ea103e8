"""Figures with 95 % intervals, from observations that are taken as independent. Pure.

Each function answers None where there are too few observations for the figure and its interval.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from evaluations.intervals import Z_95, wilson_interval

ROUNDING = 1e-9


@dataclass(frozen=True)
class Estimate:
    """`value` with its interval, from n observations."""

    value: float
    low: float
    high: float
    n: int


def share(hits: float, n: int) -> Estimate | None:
    """Wilson's score interval."""
    return Estimate(hits / n, *wilson_interval(hits, n), n) if n else None


def mean(values: Sequence[float], *, least: float = -1.0) -> Estimate | None:
    """Of values from `least` to 1. Student's interval; where all are equal, by how many others there may be."""
    n = len(values)
    if n < 2:
        return None
    middle = float(np.mean(values))
    half = unseen(n)
    if not are_equal(values):
        half = float(stats.t.ppf(0.975, n - 1) * np.std(values, ddof=1) / math.sqrt(n))
    return Estimate(middle, max(middle - half, least), min(middle + half, 1.0), n)


def are_equal(values: Sequence[float]) -> bool:
    return max(values) - min(values) < ROUNDING


def unseen(n: int) -> float:
    """The largest share of other values where all n were equal: the upper end of Wilson's interval of 0 in n."""
    return wilson_interval(0, n)[1]


def spread(values: Sequence[float]) -> Estimate | None:
    """The standard deviation. Its interval is normal on the log scale, by the fourth moment: the data need not be.

    Where all values are equal it is open upwards as far as others at a distance of 1 may be unseen.
    """
    n = len(values)
    if n < 3:
        return None
    if are_equal(values):
        return Estimate(0.0, 0.0, math.sqrt(unseen(n)), n)
    deviations = np.asarray(values) - np.mean(values)
    variance = float(np.mean(deviations**2))
    kurtosis = float(np.mean(deviations**4)) / variance**2
    sd = math.sqrt(variance * n / (n - 1))
    factor = math.exp(Z_95 * math.sqrt(max(kurtosis - 1, 0.0) / (4 * n)))
    return Estimate(sd, sd / factor, sd * factor, n)


def agreement(pairs: Sequence[tuple[float, float]]) -> Estimate | None:
    """The correlation of two readings of one difference, about 0: which way round a difference is taken is arbitrary.

    Fisher's interval.
    """
    n = len(pairs)
    if n < 4:
        return None
    first, second = np.array(pairs, dtype=np.float64).T
    scale = float(first @ first + second @ second)
    if scale == 0:
        return None
    value = 2 * float(first @ second) / scale
    z, half = math.atanh(max(min(value, 1 - 1e-12), 1e-12 - 1)), Z_95 / math.sqrt(n - 3)
    return Estimate(value, math.tanh(z - half), math.tanh(z + half), n)
