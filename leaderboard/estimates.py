"""Figures with 95 % intervals, from observations that are taken as independent. Pure.

Each function answers None where there are too few observations for the figure and its interval.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from evaluations.blinding_check import Z_95, wilson_interval


@dataclass(frozen=True)
class Estimate:
    """`value` with its interval, from n observations."""

    value: float
    low: float
    high: float
    n: int


def share(hits: int, n: int) -> Estimate | None:
    """Wilson's score interval."""
    return Estimate(hits / n, *wilson_interval(hits, n), n) if n else None


def mean(values: Sequence[float]) -> Estimate | None:
    """Student's interval."""
    n = len(values)
    if n < 2:
        return None
    middle = float(np.mean(values))
    half = float(stats.t.ppf(0.975, n - 1) * np.std(values, ddof=1) / math.sqrt(n))
    return Estimate(middle, middle - half, middle + half, n)


def spread(values: Sequence[float]) -> Estimate | None:
    """The standard deviation. Its interval is normal on the log scale, by the fourth moment: the data need not be."""
    n = len(values)
    if n < 3:
        return None
    deviations = np.asarray(values) - np.mean(values)
    variance = float(np.mean(deviations**2))
    if variance == 0:
        return Estimate(0.0, 0.0, 0.0, n)
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
