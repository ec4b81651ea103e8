import itertools
import math
from typing import Any

import numpy as np
import pytest

from leaderboard.ranking import InvalidComparisons, InvalidSettings, encode
from leaderboard.ranking.anytime import (
    AnytimeSettings,
    Evidence,
    confidence_sequence,
    e_bh,
    evidence,
    head_to_head,
    log_e_path,
)
from leaderboard.ranking.anytime_plan import (
    certifying_wins,
    sessions_enough,
    sessions_to_separate,
    sessions_to_separate_by_progress,
    stopping,
)
from leaderboard.ranking.comparisons import Comparisons, FloatArray

SETTINGS = AnytimeSettings()


def scores(wins: int, ties: int, losses: int) -> FloatArray:
    return np.repeat([1.0, 0.5, 0.0], [wins, ties, losses])


def judged(x: FloatArray, settings: AnytimeSettings = SETTINGS) -> Evidence:
    return evidence(x, low=0.0, high=1.0, settings=settings)


def match(n: int, *, seed: int = 0) -> Comparisons:
    """pi against octo with a lean to pi, and pi against act in between; sides change."""
    rng = np.random.default_rng(seed)
    pi_first = rng.random(n) < 0.5
    other = np.where(rng.random(n) < 0.7, "octo", "act")
    pi_wins = rng.random(n) < 0.7
    tie = rng.random(n) < 0.2
    progress_pi, progress_other = rng.random(n) * 0.4 + 0.4 * pi_wins, rng.random(n) * 0.6
    return encode(
        policy_a=np.where(pi_first, "pi", other).tolist(),
        policy_b=np.where(pi_first, other, "pi").tolist(),
        preference=np.where(tie, "TIE", np.where(pi_wins == pi_first, "A", "B")).tolist(),
        lab=["lab"] * n,
        progress_a=np.where(pi_first, progress_pi, progress_other),
        progress_b=np.where(pi_first, progress_other, progress_pi),
    )


def test_a_fair_game_never_grows_in_expectation() -> None:
    """All sequences of five readings with mean 1/2: the average of E is 1 exactly, and below a mean of 1/2 less."""
    for p_win, p_tie, expected in ((0.5, 0.0, 1.0), (0.3, 0.4, 1.0), (0.3, 0.3, None)):
        chances = {1.0: p_win, 0.5: p_tie, 0.0: 1 - p_win - p_tie}
        mean = sum(
            math.prod(chances[x] for x in path) * math.exp(log_e_path(np.array(path))[-1])
            for path in itertools.product(chances, repeat=5)
        )
        assert mean == pytest.approx(expected) if expected else mean < 1


def test_probability_of_ever_certifying_equal_policies_is_below_alpha() -> None:
    """Exact, for whoever looks after each of 3,000 sessions with a preference."""
    right, wrong = stopping(0.5, limit=3000, settings=SETTINGS)
    assert right.sum() == pytest.approx(wrong.sum())
    assert 0.03 < right.sum() + wrong.sum() < 0.05


def ever_certified(x: FloatArray) -> bool:
    return bool(max(log_e_path(x).max(), log_e_path(1 - x).max()) >= SETTINGS.threshold)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ties", "progress", "drift", "dependent"])
def test_stopping_at_the_best_moment_errs_no_more_often_than_stated(kind: str) -> None:
    """1,000 runs of 500 sessions; the bound is three standard errors of the simulation above alpha."""
    rng = np.random.default_rng(5)
    certified = sum(ever_certified(readings_of_equals(kind, rng, 500)) for _ in range(1000))
    assert certified / 1000 < 0.05 + 3 * 0.0069


def readings_of_equals(kind: str, rng: np.random.Generator, n: int) -> FloatArray:
    if kind == "ties":
        return rng.choice([0.0, 0.5, 1.0], n, p=[0.38, 0.24, 0.38])
    if kind == "progress":
        return (rng.random(n) - rng.random(n) + 1) / 2
    if kind == "drift":  # tie rate and spread change with time
        spread = np.linspace(0.05, 1, n)
        return np.where(rng.random(n) < spread, rng.integers(0, 2, n), 0.5).astype(float)
    size = 0.1  # each reading is wider after a long one: a fair game with a memory
    x = np.empty(n)
    for t in range(n):
        x[t] = 0.5 + size * rng.choice([-0.5, 0.5])
        size = min(1.0, size * rng.choice([0.5, 2.0]) + 0.01)
    return x


@pytest.mark.slow
def test_a_confidence_sequence_holds_the_mean_at_all_times() -> None:
    """1,000 runs of 400 sessions with mean 0.7. It holds a mean exactly where neither direction rejects that mean."""
    rng = np.random.default_rng(6)
    missed = 0
    for run in range(1000):
        x = rng.choice([0.0, 0.5, 1.0], 400, p=[0.2, 0.2, 0.6])
        rejected = np.maximum(log_e_path(x, 0.7), log_e_path(1 - x, 1 - 0.7)) >= SETTINGS.threshold
        missed += bool(rejected.any())
        if run < 20:
            low, high = confidence_sequence(x[:50], threshold=SETTINGS.threshold)
            assert rejected[49] == (not low <= 0.7 <= high)
    assert missed / 1000 < 0.05 + 3 * 0.0069


def test_policies_exchanged_give_the_mirror_image() -> None:
    table = match(200)
    there, back = head_to_head(table, "pi", "octo"), head_to_head(table, "octo", "pi")
    assert (there.wins, there.ties, there.losses) == (back.losses, back.ties, back.wins)
    for one, other, low, high in (
        (there.preference, back.preference, 0.0, 1.0),
        (there.progress, back.progress, -1.0, 1.0),
    ):
        assert {one.verdict, other.verdict} in ({"better", "worse"}, {"undecided"})
        assert (one.n, one.decided_after) == (other.n, other.decided_after)
        assert one.log_e_better == pytest.approx(other.log_e_worse)
        assert one.low - low == pytest.approx(high - other.high)
        assert one.mean == pytest.approx(low + high - (other.mean or 0))


def test_sides_exchanged_with_outcomes_change_nothing() -> None:
    table = match(200)
    turned = encode(
        policy_a=[table.policies[p] for p in table.policy_b],
        policy_b=[table.policies[p] for p in table.policy_a],
        preference=[("B", "TIE", "A")[y] for y in table.outcome],
        lab=["lab"] * len(table),
        progress_a=table.progress_b,
        progress_b=table.progress_a,
    )
    assert head_to_head(turned, "pi", "octo") == head_to_head(table, "pi", "octo")


def test_the_evidence_does_not_depend_on_the_order_of_the_sessions() -> None:
    x = scores(20, 10, 8)
    shuffled = np.random.default_rng(0).permutation(x)
    assert judged(shuffled).log_e_better == pytest.approx(judged(x).log_e_better)
    assert judged(shuffled).low == pytest.approx(judged(x).low)


def test_ties_change_no_evidence_but_the_estimate() -> None:
    without, with_ties = judged(scores(20, 0, 8)), judged(scores(20, 30, 8))
    assert with_ties.log_e_better == pytest.approx(without.log_e_better)
    assert with_ties.mean == pytest.approx((20 + 15) / 58)


def test_a_further_win_is_never_evidence_against() -> None:
    better = [judged(scores(wins, 5, 12)).log_e_better for wins in range(30)]
    low = [judged(scores(wins, 5, 12)).low for wins in range(30)]
    assert all(np.diff(better) > 0)
    assert all(np.diff(low) >= 0)


def test_known_numbers() -> None:
    """With one win, E is 1 + the mean bet; with n wins the mean of (1 + c)^n: nine wins in a row certify at 5 %."""
    bets = np.geomspace(0.07, 0.99, 48)
    assert log_e_path(np.ones(9))[8] == pytest.approx(math.log(np.mean((1 + bets) ** 9)))
    assert log_e_path(np.array([1.0, 0.0]))[1] == pytest.approx(math.log(np.mean(1 - bets**2)))
    assert judged(np.ones(8)).verdict == "undecided"
    assert judged(np.ones(9)).verdict == "better"
    assert judged(np.zeros(9)).verdict == "worse"
    assert certifying_wins(9, SETTINGS).tolist() == [2, 3, 4, 5, 6, 7, 8, 9, 9]


def test_the_verdict_agrees_with_the_confidence_sequence() -> None:
    for wins in range(5, 60, 3):
        found = judged(scores(wins, 4, 20))
        assert (found.log_e_better >= SETTINGS.threshold) == (found.low >= 0.5)
        assert (found.log_e_worse >= SETTINGS.threshold) == (found.high <= 0.5)


def test_a_verdict_once_reached_stands() -> None:
    found = judged(np.concatenate([np.ones(12), np.zeros(12)]))
    assert (found.verdict, found.decided_after) == ("better", 9)
    assert found.log_e_better < SETTINGS.threshold


def test_without_sessions_nothing_is_known() -> None:
    found = judged(np.zeros(0))
    assert (found.verdict, found.n, found.mean, found.low, found.high) == ("undecided", 0, None, 0.0, 1.0)
    assert found.log_e_better == found.log_e_worse == 0


def test_long_streaks_stay_finite() -> None:
    found = judged(np.ones(50_000))
    assert math.isfinite(found.log_e_better)
    assert math.isfinite(found.log_e_worse)
    assert 0.99 < found.low < 1
    assert found.high == 1


def test_missing_progress_is_left_out() -> None:
    table = encode(
        policy_a=["a"] * 3,
        policy_b=["b"] * 3,
        preference=["A"] * 3,
        lab=["x"] * 3,
        progress_a=[1, 1, np.nan],
        progress_b=[0, np.nan, 0],
    )
    found = head_to_head(table, "a", "b")
    assert (found.preference.n, found.progress.n, found.progress.mean) == (3, 1, 1.0)


@pytest.mark.parametrize(("a", "b"), [("pi", "pi"), ("pi", "none")])
def test_two_known_policies_are_compared(a: str, b: str) -> None:
    with pytest.raises(InvalidComparisons):
        head_to_head(match(20), a, b)


def test_who_watches_more_pairs_needs_more_evidence() -> None:
    x = np.tile([1.0, 0.0, 1.0, 1.0], 10)
    one, many = judged(x), judged(x, AnytimeSettings(pairs=50))
    assert (one.verdict, many.verdict) == ("better", "undecided")
    assert one.low > many.low
    assert AnytimeSettings(pairs=50).threshold == pytest.approx(math.log(2 * 50 / 0.05))


def test_e_bh_at_known_values() -> None:
    """Of K = 4 at alpha = 0.1: the k-th largest E must reach 40 / k for some k, and then the k largest are rejected."""
    assert e_bh(np.log([39.0, 19.0, 1.0, 1.0]), alpha=0.1).tolist() == [False] * 4
    assert e_bh(np.log([21.0, 1.0, 20.0, 1.0]), alpha=0.1).tolist() == [True, False, True, False]
    assert e_bh(np.log([41.0, 1.0, 1.0, 1.0]), alpha=0.1).tolist() == [True, False, False, False]
    assert e_bh([], alpha=0.1).tolist() == []


@pytest.mark.parametrize("settings", [{"alpha": 0.0}, {"alpha": 1.0}, {"pairs": 0}])
def test_settings_out_of_range_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidSettings):
        AnytimeSettings(**settings)


@pytest.mark.slow
def test_a_plan_has_the_power_that_it_states() -> None:
    """Against a simulation of the very same decision, ties included."""
    plan = sessions_to_separate(0.55, 0.2, power=0.8)
    assert plan.sessions is not None
    assert plan.expected is not None
    rng = np.random.default_rng(3)
    found = [judged(rng.choice([1.0, 0.5, 0.0], plan.sessions, p=[0.55, 0.2, 0.25])) for _ in range(300)]
    assert np.mean([one.verdict == "better" for one in found]) == pytest.approx(0.8, abs=0.07)
    stopped = [one.decided_after or plan.sessions for one in found]
    assert np.mean(stopped) == pytest.approx(plan.expected, rel=0.12)


@pytest.mark.parametrize(("win", "tie"), [(0.6, 0.0), (0.45, 0.2), (0.3, 0.5), (0.9, 0.1), (0.41, 0.2)])
def test_the_fast_answer_is_the_one_of_the_plan(win: float, tie: float) -> None:
    plan = sessions_to_separate(win, tie, limit=1500)
    assert sessions_enough(win, tie, limit=1500) == plan.sessions


def test_plans_grow_where_policies_are_closer_or_tie_more() -> None:
    sizes = [sessions_to_separate(win, 0.2).sessions or 0 for win in (0.7, 0.6, 0.5, 0.45)]
    assert sizes == sorted(sizes)
    assert (sessions_to_separate(0.48, 0.4).sessions or 0) > (sessions_to_separate(0.8, 0.0).sessions or 0)
    assert (sessions_to_separate(0.6, 0.2, power=0.95).sessions or 0) > sizes[1]
    assert sessions_to_separate(0.2, 0.2).sessions == sizes[1]


def test_a_plan_says_where_there_is_no_end() -> None:
    assert sessions_to_separate(0.4, 0.2).sessions is None
    assert sessions_to_separate(0.0, 1.0).sessions is None
    assert sessions_to_separate(0.5, 0.2, limit=100).sessions is None
    with pytest.raises(InvalidSettings):
        sessions_to_separate(0.9, 0.2)
    with pytest.raises(InvalidSettings):
        sessions_to_separate(0.5, 0.2, power=1.0)


def test_a_test_of_a_fixed_size_is_the_textbook_one() -> None:
    """Exact two-sided sign test at 5 % for p = 0.65 with power 80 %: 0.797 at 88 sessions, 0.812 at 90."""
    assert sessions_to_separate(0.65, 0.0).fixed == 90


def test_sessions_are_saved_at_high_power() -> None:
    saving = sessions_to_separate(0.5, 0.2, power=0.95).saving
    assert saving is not None
    assert 0.3 < saving < 0.45


@pytest.mark.slow
def test_a_plan_by_progress_has_the_power_that_it_states() -> None:
    rng = np.random.default_rng(2)
    differences = np.clip(rng.normal(0.15, 0.4, 400), -1, 1)
    plan = sessions_to_separate_by_progress(differences, runs=300)
    assert plan.sessions is not None
    found = [
        evidence(rng.choice(differences, plan.sessions), low=-1.0, high=1.0, settings=SETTINGS) for _ in range(300)
    ]
    assert np.mean([one.verdict == "better" for one in found]) == pytest.approx(0.8, abs=0.09)
    assert sessions_to_separate_by_progress(-differences, runs=300) == plan
