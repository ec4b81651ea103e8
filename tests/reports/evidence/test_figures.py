"""Shares, means and corrections, against published values and by simulation."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from reports.evidence import figures


def test_wilsons_interval_is_the_published_one() -> None:
    # 81 of 263 (Newcombe 1998, Statist. Med. 17, table I, method 3).
    found = figures.share([1.0] * 81 + [0.0] * 182)
    assert found is not None
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)


def test_the_mean_of_few_has_students_interval() -> None:
    found = figures.mean([0.2, 0.4, 0.6, 0.8])
    assert found is not None
    half = 3.182446 * np.std([0.2, 0.4, 0.6, 0.8], ddof=1) / 2
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.5 - half, 0.5 + half), abs=1e-6)


def test_one_value_or_equal_ones_are_not_certain() -> None:
    for values in ([1.0], [1.0] * 5):
        found = figures.mean(values)
        assert found is not None
        assert found.low < 0.5 if len(values) == 1 else found.low < 0.6


def test_the_difference_of_two_large_groups_is_welchs() -> None:
    rng = np.random.default_rng(2)
    inside, outside = list(rng.random(30)), list(rng.random(40) ** 2)
    expected = stats.ttest_ind(inside, outside, equal_var=False).pvalue
    assert figures.differs_from_rest(inside, outside) == pytest.approx(expected)


def test_the_difference_of_small_groups_is_that_of_all_permutations() -> None:
    inside, outside = [0.9, 1.0, 0.8], [0.1, 0.4, 0.2, 0.5, 0.3, 0.8, 0.0]

    def apart(a: NDArray[np.float64], b: NDArray[np.float64], axis: int = 0) -> Any:
        return np.abs(a.mean(axis=axis) - np.concatenate([a, b], axis=axis).mean(axis=axis))

    exact = stats.permutation_test((inside, outside), apart, alternative="greater", n_resamples=np.inf).pvalue
    assert figures.differs_from_rest(inside, outside) == pytest.approx(exact, abs=0.005)
    assert figures.differs_from_rest(outside, inside) == pytest.approx(exact, abs=0.005)


def test_a_few_equal_values_are_no_certainty() -> None:
    assert figures.differs_from_rest([1.0] * 3, [1.0, 1.0, 0.0, 0.5, 0.9, 0.2, 1.0, 0.6]) > 0.05
    assert figures.differs_from_rest([0.9, 0.9], [0.9, 0.9]) == 1.0
    assert figures.differs_from_rest([0.9], []) == 1.0


def test_nothing_has_no_figure() -> None:
    assert figures.share([]) is None
    assert figures.mean([]) is None


@pytest.mark.parametrize(("p", "ties"), [(0.5, 0.0), (0.8, 0.0), (0.6, 0.3)])
def test_an_interval_holds_the_truth_about_as_often_as_it_says(p: float, ties: float) -> None:
    rng = np.random.default_rng(7)
    truth = p * (1 - ties) + ties / 2
    hits = 0
    for _ in range(1500):
        u = rng.random(40)
        scores = np.where(rng.random(40) < ties, 0.5, (u < p).astype(float))
        found = figures.share(list(scores))
        assert found is not None
        hits += found.low <= truth <= found.high
    assert hits / 1500 > 0.92


def test_holms_adjustment_is_the_published_one() -> None:
    # Holm 1979, worked in many texts: .01, .04, .03, .005 become .03, .06, .06, .02.
    assert figures.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_chance_alone_rarely_sets_a_group_apart() -> None:
    rng = np.random.default_rng(3)
    alarms = 0
    for _ in range(300):
        values = rng.choice([0.0, 0.5, 1.0], size=60)
        p = [figures.differs_from_rest(list(values[k::6]), list(np.delete(values, np.s_[k::6]))) for k in range(6)]
        alarms += min(figures.holm(p)) < 0.05
    assert alarms / 300 < 0.09
