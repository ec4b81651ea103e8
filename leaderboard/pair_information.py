"""How much a further comparison of two policies would tell. Pure.

The weight of a pair is the probability (two-sided) that its order is still wrong, times what one comparison of the two
is expected to take off the total variance of all scores:

    w = 2 Phi(-|d| / s) I |V (e_i - e_j)|² / (1 + I s²),    I = (P(win) + P(loss) - (P(win) - P(loss))²) / 4

d is the difference of the scores in log-odds, s its standard error, V the covariance of the scores, I the information
of one comparison on d. Near ties and newcomers come out high, pairs that are told apart low. The second factor is the
criterion of A-optimal design, for one further row: K. Chaloner, Journal of Statistical Planning and Inference 8 (1984).
"""

import numpy as np
from scipy import stats

from leaderboard.ranking.comparisons import BoolArray, FloatArray

# Of a policy that was never compared: the variance of the prior of scores.
NEWCOMER_VARIANCE = 1.5**2
# Probabilities below it are rounding.
SMALLEST = 1e-12


def with_newcomers(V: FloatArray, newcomer: BoolArray) -> FloatArray:
    """The covariance of scores where some policies were never compared: of those only the prior is known.

    What V does not say (NaN) is taken as not known either.
    """
    known = np.where(newcomer[:, None] | newcomer | np.isnan(V), 0.0, V)
    variance = np.where(newcomer | np.isnan(np.diag(V)), NEWCOMER_VARIANCE, np.diag(V))
    np.fill_diagonal(known, variance)
    return known


def informative(win: FloatArray, V: FloatArray) -> FloatArray:
    """w of each pair of policies, symmetric; win: P(win) of the row against the column, NaN where it is not known."""
    loss = win.T
    variance = np.diag(V)
    s2 = np.maximum(variance[:, None] + variance - 2 * V, 0.0)
    d = np.log(np.maximum(win, SMALLEST)) - np.log(np.maximum(loss, SMALLEST))
    unresolved = 2 * stats.norm.sf(np.divide(np.abs(d), np.sqrt(s2), out=np.full_like(d, np.inf), where=s2 > 0))
    information = (win + loss - (win - loss) ** 2) / 4
    squared = V @ V
    moved = np.maximum(np.diag(squared)[:, None] + np.diag(squared) - 2 * squared, 0.0)
    weight: FloatArray = unresolved * information * moved / (1 + information * s2)
    return weight
