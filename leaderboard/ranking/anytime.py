"""Two policies compared at any time: evidence that stays valid however often one looks, and whenever one stops.

A reading x in [0, 1] is what a session says of policy a against policy b: 1, 1/2, 0 for preferred, tied, not preferred;
or (d + 1) / 2 for a difference d in progress. The stated null "a is not better" is E[x_t | the sessions before] <= 1/2
for every session t: a preference score of at most 1/2, which is P(a preferred) <= P(b preferred), or a mean difference
of progress of at most 0. "b is not better" is its mirror image. Which policy stands on which side is drawn evenly for
each session, so that a habit of preferring one side favours neither.

Against "the mean is at most m" a gambler bets the share c of the capital on each reading:

    K_n(c) = prod_t (1 - c + c x_t / m),      E_n = average of K_n(c) over the bets c in BETS

Under that null no K_n(c), and so not E_n, grows in expectation: E_n is an e-process, and P(E_n >= 1/alpha for any n) <=
alpha (Ville). No reading need be independent of another, or follow the same distribution: where labs differ, the
statement is about the sessions that were held. The order of the sessions leaves no trace in E_n. At m = 1/2 ties change
nothing. All m that neither direction rejects at alpha/2 are a confidence sequence: intervals that hold the mean, if it
is the same in every session, at all times at once with probability 1 - alpha.

Waudby-Smith and Ramdas (2024), J. R. Statist. Soc. B 86:1-27. Many pairs: Bonferroni, and e-BH of Wang and Ramdas
(2022), J. R. Statist. Soc. B 84:822-852, which both allow for any dependence. How many sessions: see `anytime_plan`.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from leaderboard.ranking.comparisons import BoolArray, Comparisons, FloatArray, IntArray, Outcome
from leaderboard.ranking.errors import InvalidComparisons, InvalidSettings

Verdict = Literal["better", "worse", "undecided"]

# Shares of the capital: evenly spaced in log c. They cost little against the best single bet where 55 to 99 % of the
# sessions with a preference prefer the same policy.
BETS: FloatArray = np.geomspace(0.07, 0.99, 48)
LOG_WEIGHT = -math.log(BETS.size)
BISECTIONS = 50
# The score of policy a by outcome, where it stood on side A.
SCORE = np.array([1.0, 0.5, 0.0])
assert (Outcome.A, Outcome.TIE, Outcome.B) == (0, 1, 2)


@dataclass(frozen=True, kw_only=True)
class AnytimeSettings:
    """alpha: probability of ever certifying something false of any of the `pairs` watched. Raises InvalidSettings.

    pairs: how many pairs of policies are watched for a certificate, named before the first session.
    """

    alpha: float = 0.05
    pairs: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise InvalidSettings("alpha_out_of_range", "alpha lies between 0 and 1.")
        if self.pairs < 1:
            raise InvalidSettings("pairs_out_of_range", "At least one pair is watched.")

    @property
    def threshold(self) -> float:
        """log E at which a direction is certified: both directions of each pair share alpha."""
        return math.log(2 * self.pairs / self.alpha)


@dataclass(frozen=True)
class Evidence:
    """What n readings say of policy a against policy b; `better` means that a is better.

    mean: of the readings, in the units of the question. low, high: the confidence sequence at 1 - alpha / pairs.
    log_e_better, log_e_worse: log E against "a is not better" and "b is not better" after all readings.
    decided_after: the number of readings after which the verdict stood. A verdict once reached stands.
    """

    verdict: Verdict
    n: int
    mean: float | None
    low: float
    high: float
    log_e_better: float
    log_e_worse: float
    decided_after: int | None


@dataclass(frozen=True)
class HeadToHead:
    """Policy a against policy b. preference: score of a, 0 to 1, even at 1/2. progress: difference, -1 to 1, even at 0.

    The two are one rollout read twice: whoever decides by either watches two questions, and sets pairs = 2.
    """

    policy_a: str
    policy_b: str
    wins: int
    ties: int
    losses: int
    preference: Evidence
    progress: Evidence
    alpha: float
    pairs: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def head_to_head(
    comparisons: Comparisons, policy_a: str, policy_b: str, settings: AnytimeSettings | None = None
) -> HeadToHead:
    """The comparisons of two policies, in the order in which they were made. Raises InvalidComparisons."""
    settings = settings or AnytimeSettings()
    a, b = (_key(comparisons, name) for name in (policy_a, policy_b))
    if a == b:
        raise InvalidComparisons("policy_against_itself", f"{policy_a} cannot be compared with itself.")
    forward = (comparisons.policy_a == a) & (comparisons.policy_b == b)
    backward = (comparisons.policy_a == b) & (comparisons.policy_b == a)
    rows = np.flatnonzero(forward | backward)
    swapped = backward[rows]
    score = SCORE[comparisons.outcome[rows]]
    score = np.where(swapped, 1 - score, score)
    difference = comparisons.progress_a[rows] - comparisons.progress_b[rows]
    difference = np.where(swapped, -difference, difference)
    return HeadToHead(
        policy_a=policy_a,
        policy_b=policy_b,
        wins=int(np.count_nonzero(score == 1)),
        ties=int(np.count_nonzero(score == 0.5)),
        losses=int(np.count_nonzero(score == 0)),
        preference=evidence(score, low=0.0, high=1.0, settings=settings),
        progress=evidence(difference[~np.isnan(difference)], low=-1.0, high=1.0, settings=settings),
        alpha=settings.alpha,
        pairs=settings.pairs,
    )


def evidence(readings: FloatArray, *, low: float, high: float, settings: AnytimeSettings) -> Evidence:
    """readings (n,): from low to high, in the order in which they came; even is halfway. Raises InvalidComparisons."""
    x = (np.asarray(readings, dtype=np.float64) - low) / (high - low)
    if not np.all((x >= 0) & (x <= 1)):
        raise InvalidComparisons("reading_out_of_range", f"A reading lies between {low:g} and {high:g}.")
    better, worse = log_e_path(x), log_e_path(1 - x)
    decided = np.flatnonzero((better >= settings.threshold) | (worse >= settings.threshold))
    first = int(decided[0]) if decided.size else None
    verdict: Verdict = "undecided" if first is None else "better" if better[first] > worse[first] else "worse"
    lower, upper = confidence_sequence(x, threshold=settings.threshold)
    return Evidence(
        verdict=verdict,
        n=x.size,
        mean=low + (high - low) * float(x.mean()) if x.size else None,
        low=low + (high - low) * lower,
        high=low + (high - low) * upper,
        log_e_better=float(better[-1]) if x.size else 0.0,
        log_e_worse=float(worse[-1]) if x.size else 0.0,
        decided_after=None if first is None else first + 1,
    )


def log_e_path(x: FloatArray, m: float = 0.5) -> FloatArray:
    """(n,) log E against "the mean is at most m", after each of the readings x (n,) in [0, 1]."""
    values, place = np.unique(x, return_inverse=True)
    capital = np.cumsum(_log_growth(values, m)[place], axis=0)
    return mean_capital(capital)


def mean_capital(capital: FloatArray) -> FloatArray:
    """(…,) log of the average of exp(capital) over the bets; capital (…, bets). Several times faster than scipy's."""
    largest = capital.max(axis=-1, keepdims=True)
    mean: FloatArray = largest[..., 0] + np.log(np.exp(capital - largest).sum(axis=-1)) + LOG_WEIGHT
    return mean


def confidence_sequence(x: FloatArray, *, threshold: float) -> tuple[float, float]:
    """The means in [0, 1] against which neither direction has log E >= threshold, after the readings x (n,)."""
    values, counts = np.unique(x, return_counts=True)
    return _lowest_mean(values, counts, threshold), 1 - _lowest_mean(1 - values, counts, threshold)


def _lowest_mean(values: FloatArray, counts: IntArray, threshold: float) -> float:
    """The greatest mean that is rejected as too low. E falls as the mean in question rises, so that bisection finds it.

    Rounded down, so that nothing is rejected too early.
    """
    if not np.any(values > 0):
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        m = (low + high) / 2
        log_e = mean_capital(counts @ _log_growth(values, m))
        low, high = (m, high) if log_e >= threshold else (low, m)
    return low


def _log_growth(values: FloatArray, m: float) -> FloatArray:
    """(values, bets) log of 1 - c + c x / m."""
    growth: FloatArray = np.log1p(BETS * (values[:, None] / m - 1))
    return growth


def e_bh(log_e: Sequence[float] | FloatArray, *, alpha: float) -> BoolArray:
    """(K,) which of K nulls are rejected, so that at most the share alpha of the rejected is true, in expectation.

    log_e: (K,) at one time, which may be chosen by looking. Give both directions of each pair: 2 nulls a pair.
    """
    values = np.asarray(log_e, dtype=np.float64)
    K = values.size
    order = np.argsort(-values, kind="stable")
    enough = np.flatnonzero(values[order] >= np.log(K / (alpha * np.arange(1, K + 1))))
    rejected = np.zeros(K, dtype=np.bool_)
    if enough.size:
        rejected[order[: int(enough[-1]) + 1]] = True
    return rejected


def _key(comparisons: Comparisons, policy: str) -> int:
    if policy not in comparisons.policies:
        raise InvalidComparisons("policy_unknown", f"There is no policy {policy!r} in these comparisons.")
    return comparisons.policies.index(policy)
