"""Ranks that can be defended: rank ranges from simultaneous comparisons of all pairs, and group letters."""

from dataclasses import dataclass

import numpy as np

from leaderboard.ranking.comparisons import BoolArray, FloatArray, IntArray
from leaderboard.ranking.intervals import Uncertainty
from leaderboard.ranking.settings import IntervalSettings

# Scores closer than this share a rank: what is left of equal scores after rounding.
SAME_SCORE = 1e-9
# A difference whose variance is below this share of the largest is one that the covariance knows nothing about.
NO_VARIANCE = 1e-12
# Draws whose differences are looked at together: what fits into a processor's cache.
AT_ONCE = 500
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, eq=False)
class Ranks:
    """(P,) each; 1 is best; within the policy's own component. low <= rank <= high.

    group: policies of which the data separate none share a letter; no two policies that they separate do.
    """

    rank: IntArray
    low: IntArray
    high: IntArray
    group: tuple[str, ...]


def rank(score: FloatArray, component: IntArray, uncertainty: Uncertainty, settings: IntervalSettings) -> Ranks:
    """Rank ranges that hold for all policies at once, with the probability of the intervals' level.

    p is above q where their difference exceeds c standard errors, c from `critical_value`. Then p's rank is at least
    1 + the number of policies above it, and at most the number of policies less those below it. Mogstad, Romano,
    Shaikh and Wilhelm (2024), Rev. Econ. Stud. 91:476-518. A covariance that is not known leaves all ranks open.
    """
    together = component[:, None] == component
    difference = score[:, None] - score
    above = np.zeros(together.shape, dtype=np.bool_)
    if np.isfinite(uncertainty.V).all():
        se = np.sqrt(_difference_variances(uncertainty.V, together))
        c = critical_value(uncertainty.V, se, df=uncertainty.df, settings=settings)
        above = (difference > c * se) & (se > 0)
    return Ranks(
        rank=1 + np.count_nonzero(together & (difference < -SAME_SCORE), axis=1),
        low=1 + np.count_nonzero(above, axis=0),
        high=np.count_nonzero(together, axis=1) - np.count_nonzero(above, axis=1),
        group=group_letters(together & ~(above | above.T), order=np.lexsort((-score, component))),
    )


def critical_value(V: FloatArray, se: FloatArray, *, df: float | None, settings: IntervalSettings) -> float:
    """c: the quantile at `level` of the largest |t| among all pairs with a standard error, by simulation.

    V: (P, P) covariance of the scores. se: (P, P) of their differences, 0 for pairs that are not compared. The same
    seed gives the same number. Its simulation error is about 0.5 % at 10,000 draws.
    """
    rng = np.random.default_rng(settings.seed)
    Z = _root(V) @ rng.standard_normal((len(V), settings.draws))
    scale = np.divide(1, se, out=np.zeros_like(se), where=se > 0)
    largest = np.zeros(settings.draws)
    for start in range(0, settings.draws, AT_ONCE):
        _note_largest(Z[:, start : start + AT_ONCE], scale, largest[start : start + AT_ONCE])
    if df is not None:
        largest /= np.sqrt(rng.chisquare(df, settings.draws) / df)
    return float(np.quantile(largest, settings.level))


def _note_largest(Z: FloatArray, scale: FloatArray, largest: FloatArray) -> None:
    """The largest |t| of all pairs in each draw. Z: (P, draws). largest: (draws,), written to."""
    Z = np.ascontiguousarray(Z)
    difference = np.empty_like(Z)
    for p in range(len(Z) - 1):
        others = difference[p + 1 :]
        np.subtract(Z[p + 1 :], Z[p], out=others)
        np.abs(others, out=others)
        others *= scale[p, p + 1 :, None]
        np.maximum(largest, others.max(axis=0), out=largest)


def group_letters(alike: BoolArray, *, order: IntArray) -> tuple[str, ...]:
    """(P,) a compact letter display: two policies share a letter exactly where they are alike.

    alike: (P, P), symmetric, true on the diagonal. order: (P,) policies from best to worst, which decides the letters.
    Letters are cliques that cover every alike pair; each is grown greedily from the best pair not yet covered. (The
    smallest cover is NP-hard: Gramm et al. 2007, Comput. Statist. Data Anal. 52:725-736.)
    """
    alike = alike[np.ix_(order, order)]
    to_cover = np.triu(alike)
    cliques: list[list[int]] = []
    for p in range(len(order)):
        # The last policy like p first: its clique takes in what lies between, and often covers all that p needs.
        for q in np.flatnonzero(to_cover[p])[::-1]:
            if to_cover[p, q]:
                cliques.append(_grown(alike, p, int(q)))
                to_cover[np.ix_(cliques[-1], cliques[-1])] = False
    groups = [""] * len(order)
    for number, clique in enumerate(cliques):
        for place in clique:
            groups[order[place]] += _letter(number)
    return tuple(groups)


def _grown(alike: BoolArray, p: int, q: int) -> list[int]:
    """p, q, and each later policy in turn that is like all taken so far."""
    clique = {p, q}
    for r in np.flatnonzero(alike[p] & alike[q]):
        if r > p and alike[r, list(clique)].all():
            clique.add(int(r))
    return sorted(clique)


def _difference_variances(V: FloatArray, together: BoolArray) -> FloatArray:
    """(P, P) variances of score differences; 0 for pairs that are not ranked together or whose variance is unknown."""
    variance = np.diag(V)[:, None] + np.diag(V) - 2 * V
    known = together & (variance > NO_VARIANCE * variance.max(initial=0))
    return np.where(known, variance, 0.0)


def _root(V: FloatArray) -> FloatArray:
    """R with R R' = V, for V positive semidefinite."""
    values, vectors = np.linalg.eigh(V)
    R: FloatArray = vectors * np.sqrt(np.clip(values, 0, None))
    return R


def _letter(number: int) -> str:
    """a, b, … z, a2, b2, …: a letter and its number, so that letters written one after the other can be told apart."""
    lap, place = divmod(number, len(LETTERS))
    return LETTERS[place] + (str(lap + 1) if lap else "")
