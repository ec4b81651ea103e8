"""About how many sessions it takes to certify the better of two policies at any time (see `anytime`).

For preferences the answer is exact, not simulated: E depends on the numbers of wins and losses alone, so the
probabilities of the numbers that are not yet decided follow from one session with a preference to the next; ties only
stretch the time. For progress it is simulated from differences that were observed.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from scipy import stats

from leaderboard.ranking.anytime import BETS, AnytimeSettings, log_e_path, mean_capital
from leaderboard.ranking.comparisons import FloatArray, IntArray
from leaderboard.ranking.errors import InvalidSettings

# Horizons are tried in turn, each so many times the one before: most questions are answered by a short one.
FIRST_HORIZON = 300
LONGER = 4


@dataclass(frozen=True)
class Plan:
    """How many sessions of a pair it takes to certify the better one.

    sessions: enough with the power asked for; None where that is more than `limit`. expected: mean number if one stops
    as soon as either is certified, and in any case after `sessions`. fixed: what a test of a size fixed beforehand,
    looked at once, needs for the same power. saving: 1 - expected / fixed. wrong: probability of certifying the worse
    policy within `sessions`.
    """

    sessions: int | None
    expected: float | None
    fixed: int | None
    saving: float | None
    wrong: float | None
    power: float
    limit: int


def sessions_to_separate(
    p_win: float, p_tie: float, *, settings: AnytimeSettings | None = None, power: float = 0.8, limit: int = 5000
) -> Plan:
    """By preference, where one policy is preferred with probability p_win, and the two tie with p_tie.

    The test of a fixed size is the exact two-sided sign test on the sessions with a preference. Takes O(limit²) time,
    about a second where the answer is near 5,000. Raises InvalidSettings.
    """
    settings = settings or AnytimeSettings()
    p_loss = max(1 - p_win - p_tie, 0.0)
    _require_shares(p_win, p_tie)
    _require_plan(power, limit)
    p_decisive = p_win + p_loss
    if abs(p_win - p_loss) < 1e-12:
        return Plan(None, None, None, None, None, power, limit)
    p = max(p_win, p_loss) / p_decisive
    fixed = _sign_test_size(p, p_decisive, power=power, alpha=settings.alpha / settings.pairs, limit=limit)
    for horizon in _horizons(limit):
        right, wrong = stopping(p, limit=horizon, settings=settings)
        by_right, by_wrong = _in_sessions(right, p_decisive), _in_sessions(wrong, p_decisive)
        reached = np.flatnonzero(by_right >= power)
        if reached.size:
            return _plan(by_right, by_wrong, int(reached[0]) + 1, fixed, power=power, limit=limit)
    return Plan(None, None, fixed, None, None, power, limit)


def sessions_enough(
    p_win: float, p_tie: float, *, settings: AnytimeSettings | None = None, power: float = 0.8, limit: int = 5000
) -> int | None:
    """`Plan.sessions` alone: much faster, because only the numbers of sessions that matter are looked at."""
    settings = settings or AnytimeSettings()
    p_loss = max(1 - p_win - p_tie, 0.0)
    _require_shares(p_win, p_tie)
    _require_plan(power, limit)
    p_decisive = p_win + p_loss
    if abs(p_win - p_loss) < 1e-12:
        return None
    for horizon in _horizons(limit):
        right, _ = stopping(max(p_win, p_loss) / p_decisive, limit=horizon, settings=settings)
        after = np.concatenate([[0.0], np.cumsum(right)])
        if _by_session(horizon, after, p_decisive) >= power:
            enough = partial(_by_session, after=after, p_decisive=p_decisive)
            return 1 + bisect_left(range(1, horizon + 1), power, key=enough)
    return None


def sessions_to_separate_by_progress(
    differences: FloatArray,
    *,
    settings: AnytimeSettings | None = None,
    power: float = 0.8,
    limit: int = 2000,
    runs: int = 1000,
    seed: int = 0,
) -> Plan:
    """By progress, where the sessions to come differ like `differences` (n,), drawn from them with replacement.

    The test of a fixed size is the two-sided paired t test, by its normal approximation. The simulation error of the
    power is at most 1.6 % at 1,000 runs. Raises InvalidSettings.
    """
    settings = settings or AnytimeSettings()
    _require_plan(power, limit)
    differences = np.asarray(differences, dtype=np.float64)
    if not differences.size or not np.all(np.abs(differences) <= 1):
        raise InvalidSettings(
            "plan_out_of_range", "There are differences to draw from, and each lies between -1 and 1."
        )
    mean, sd = float(differences.mean()), float(differences.std())
    if mean == 0:
        return Plan(None, None, None, None, None, power, limit)
    fixed = _t_test_size(abs(mean), sd, power=power, alpha=settings.alpha / settings.pairs)
    x = (differences * np.sign(mean) + 1) / 2
    for horizon in _horizons(limit):
        by_right, by_wrong = _simulated(x, horizon, settings, runs=runs, seed=seed)
        reached = np.flatnonzero(by_right >= power)
        if reached.size:
            return _plan(by_right, by_wrong, int(reached[0]) + 1, fixed, power=power, limit=limit)
    return Plan(None, None, fixed, None, None, power, limit)


def _simulated(
    x: FloatArray, horizon: int, settings: AnytimeSettings, *, runs: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """(horizon,) shares of the runs in which the one, and the other, is certified after 1, 2, … sessions."""
    rng = np.random.default_rng(seed)
    by_right, by_wrong = np.zeros(horizon), np.zeros(horizon)
    for _ in range(runs):
        readings = rng.choice(x, horizon)
        right, wrong = _first(log_e_path(readings), settings), _first(log_e_path(1 - readings), settings)
        by_right[right:] += right < wrong
        by_wrong[wrong:] += wrong < right
    return by_right / runs, by_wrong / runs


def stopping(p: float, *, limit: int, settings: AnytimeSettings) -> tuple[FloatArray, FloatArray]:
    """(limit,) probabilities that after exactly n sessions with a preference the one, and the other, is certified.

    p: probability that such a session prefers the one.
    """
    enough = certifying_wins(limit, settings)
    right, wrong = np.zeros(limit), np.zeros(limit)
    undecided = np.ones(1)  # by number of wins
    for n in range(1, limit + 1):
        following = np.zeros(n + 1)
        following[1:] = undecided * p
        following[:-1] += undecided * (1 - p)
        wins = enough[n - 1]
        if wins <= n:
            right[n - 1], wrong[n - 1] = following[wins:].sum(), following[: n - wins + 1].sum()
            following[wins:] = 0
            following[: n - wins + 1] = 0
        undecided = following
    return right, wrong


@lru_cache(maxsize=32)
def certifying_wins(limit: int, settings: AnytimeSettings) -> IntArray:
    """(limit,) how many wins in n = 1..limit sessions with a preference certify; n + 1 where no number does."""
    n = np.arange(1, limit + 1)
    low, high = np.zeros(limit, dtype=np.int64), n + 1
    win, loss = np.log1p(BETS), np.log1p(-BETS)
    while np.any(low < high):
        wins = (low + high) // 2
        log_e = mean_capital(wins[:, None] * win + (n - wins)[:, None] * loss)
        enough = log_e >= settings.threshold
        low, high = np.where(enough, low, np.minimum(wins + 1, high)), np.where(enough, wins, high)
    return high


def _plan(
    by_right: FloatArray, by_wrong: FloatArray, sessions: int, fixed: int | None, *, power: float, limit: int
) -> Plan:
    """by_right, by_wrong: probabilities that the one, or the other, is certified after 1, 2, … sessions."""
    expected = 1 + float(np.sum(1 - (by_right + by_wrong)[: sessions - 1]))
    return Plan(
        sessions=sessions,
        expected=expected,
        fixed=fixed,
        saving=None if fixed is None else 1 - expected / fixed,
        wrong=float(by_wrong[sessions - 1]),
        power=power,
        limit=limit,
    )


def _in_sessions(stopped: FloatArray, p_decisive: float) -> FloatArray:
    """(limit,) probability of having stopped after n sessions, ties among them, from that after n without a tie."""
    after = np.concatenate([[0.0], np.cumsum(stopped)])
    if p_decisive == 1:
        return after[1:]
    return np.array([_by_session(n, after, p_decisive) for n in range(1, stopped.size + 1)])


def _by_session(n: int, after: FloatArray, p_decisive: float) -> float:
    """after: (>n,) probability of having stopped after 0, 1, … sessions without a tie."""
    if p_decisive == 1:
        return float(after[n])
    # Nine standard deviations of the number without a tie hold all but 1e-18 of its probability.
    reach = 9 * math.sqrt(n * p_decisive * (1 - p_decisive)) + 1
    decisive = np.arange(max(0, math.floor(n * p_decisive - reach)), min(n, math.ceil(n * p_decisive + reach)) + 1)
    return float(stats.binom.pmf(decisive, n, p_decisive) @ after[decisive])


def _first(log_e: FloatArray, settings: AnytimeSettings) -> int:
    """The place of the first crossing; beyond the end where there is none."""
    crossed = log_e >= settings.threshold
    return int(np.argmax(crossed)) if crossed.any() else crossed.size


def _sign_test_size(p: float, p_decisive: float, *, power: float, alpha: float, limit: int) -> int | None:
    """The smallest; the power does not rise evenly, so that some larger ones may lack it."""
    decisive = np.arange(limit + 1)
    wins = stats.binom.isf(alpha / 2, decisive, 0.5) + 1
    finds = stats.binom.sf(wins - 1, decisive, p)
    for n in _sizes(2 * p - 1, 1 / math.sqrt(p_decisive), power=power, alpha=alpha, limit=limit):
        if stats.binom.pmf(decisive[: n + 1], n, p_decisive) @ finds[: n + 1] >= power:
            return n
    return None


def _sizes(mean: float, sd: float, *, power: float, alpha: float, limit: int) -> Iterable[int]:
    """Sizes to try, from well below what the normal approximation says."""
    return range(max(1, int(0.3 * _t_test_size(mean, sd, power=power, alpha=alpha)) - 10), limit + 1)


def _t_test_size(mean: float, sd: float, *, power: float, alpha: float) -> int:
    z = float(stats.norm.isf(alpha / 2) + stats.norm.ppf(power))
    return max(2, math.ceil((z * sd / mean) ** 2))


def _horizons(limit: int) -> Iterable[int]:
    horizon = FIRST_HORIZON
    while horizon < limit:
        yield horizon
        horizon *= LONGER
    yield limit


def _require_shares(p_win: float, p_tie: float) -> None:
    if min(p_win, p_tie) < 0 or p_win + p_tie > 1 + 1e-9:
        raise InvalidSettings("plan_out_of_range", "p_win and p_tie are shares of all sessions.")


def _require_plan(power: float, limit: int) -> None:
    if not 0 < power < 1 or limit < 1:
        raise InvalidSettings("plan_out_of_range", "power lies between 0 and 1, and limit is at least 1.")
