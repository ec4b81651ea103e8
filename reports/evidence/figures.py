"""Shares and means with 95 % intervals, and which of many groups differ from the rest. Pure; arrays in, numbers out."""

from collections.abc import Sequence
from functools import lru_cache
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from leaderboard import estimates
from leaderboard.estimates import Estimate

_NO_SPREAD = 1e-12
_LARGE, _MANY, _PERMUTATIONS = 20, 500, 4000


def share(scores: Sequence[float]) -> Estimate | None:
    """The mean of scores of 1, 1/2 and 0, with Wilson's interval.

    A tie varies less than a win and a loss, which makes the interval a little too wide: never too narrow.
    """
    return estimates.share(sum(scores), len(scores))


def mean(values: Sequence[float]) -> Estimate | None:
    """The mean of values between 0 and 1 with Student's interval; from a single value, or equal ones, Hoeffding's."""
    n = len(values)
    if not n:
        return None
    if n > 1 and not estimates.are_equal(values):
        return estimates.mean(values, least=0.0)
    middle, half = float(np.mean(values)), sqrt(np.log(40) / (2 * n))
    return Estimate(middle, max(0.0, middle - half), min(1.0, middle + half), n)


def differs_from_rest(inside: Sequence[float], outside: Sequence[float]) -> float:
    """The two-sided p-value of the difference of two means.

    Welch's test (1947) where both are large, else a permutation test (Fisher 1935): a few equal values show no spread,
    which Welch takes for certainty. The draws are fixed, so that the same values give the same answer.
    """
    n, m = len(inside), len(outside)
    if not (n and m):
        return 1.0
    values = np.array([*inside, *outside])
    if min(n, m) >= _LARGE:
        return _welch(values[:n], values[n:])
    if np.ptp(values) < _NO_SPREAD:
        return 1.0
    small = min(n, m)
    group = values[:n] if n <= m else values[n:]
    means = values[_draws(len(values), small)].mean(axis=1)
    middle = values.mean()
    as_far = np.abs(means - middle) >= abs(group.mean() - middle) - _NO_SPREAD
    return float((as_far.sum() + 1) / (len(means) + 1))


@lru_cache(maxsize=256)
def _draws(among: int, size: int) -> NDArray[np.intp]:
    """Random groups, a row each. Among very many, one that is drawn twice for the same group does not matter."""
    rng = np.random.default_rng(among * _LARGE + size)
    if among > _MANY:
        return rng.integers(0, among, (_PERMUTATIONS, size), dtype=np.intp)
    return np.argpartition(rng.random((_PERMUTATIONS, among)), size - 1, axis=1)[:, :size]


def _welch(inside: NDArray[np.float64], outside: NDArray[np.float64]) -> float:
    n, m = len(inside), len(outside)
    a, b = float(inside.var(ddof=1)) / n, float(outside.var(ddof=1)) / m
    if a + b < _NO_SPREAD:
        return 1.0
    t = float(inside.mean() - outside.mean()) / sqrt(a + b)
    freedom = (a + b) ** 2 / (a**2 / (n - 1) + b**2 / (m - 1))
    return float(2 * stats.t.sf(abs(t), freedom))


def differs_from_even(won: int, lost: int) -> float:
    """The p-value of as many wins as losses: the exact sign test, ties set aside."""
    return float(stats.binomtest(won, won + lost).pvalue) if won + lost else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values of many tests at once (Holm 1979), in the order given."""
    order = np.argsort(p_values, kind="stable")
    adjusted, worst = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[int(index)] = worst
    return adjusted
