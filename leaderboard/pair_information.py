"""How much a further comparison of two policies would tell. Pure.

The weight of a pair is the probability (two-sided) that their order is still wrong, times the square root of what one
comparison is expected to add to the knowledge of their difference:

    w = 2 Phi(-|d| / s) sqrt(log(1 + I s²)),    I = (P(win) + P(loss) - (P(win) - P(loss))²) / 4

d is the difference of the scores in log-odds, s its standard error, I the information of one comparison on it. Near
ties and newcomers come out high, pairs that are told apart low.
"""

import numpy as np
from scipy import stats

from leaderboard.ranking.comparisons import FloatArray

# Of a policy that was never compared: the variance of the prior of scores.
NEWCOMER_VARIANCE = 1.5**2
# Probabilities below it are rounding.
SMALLEST = 1e-12


def informative(win: FloatArray, loss: FloatArray, variance: FloatArray) -> FloatArray:
    """w, from arrays of one shape; variance: s² of the difference of the scores."""
    d = np.log(np.maximum(win, SMALLEST)) - np.log(np.maximum(loss, SMALLEST))
    s2 = np.maximum(variance, 0.0)
    information = (win + loss - (win - loss) ** 2) / 4
    unresolved = 2 * stats.norm.sf(np.divide(np.abs(d), np.sqrt(s2), out=np.full_like(d, np.inf), where=s2 > 0))
    weight: FloatArray = unresolved * np.sqrt(np.log1p(information * s2))
    return weight
