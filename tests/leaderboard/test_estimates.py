import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from leaderboard.estimates import Estimate, agreement, mean, share, spread

differences = st.lists(st.floats(-1, 1), max_size=30)


def holds(estimate: Estimate, truth: float) -> bool:
    return estimate.low <= truth <= estimate.high


def test_too_few_observations_give_no_figure() -> None:
    assert share(0, 0) is None
    assert mean([0.5]) is None
    assert spread([0.5, 0.1]) is None
    assert agreement([(0.1, 0.2)] * 3) is None
    assert agreement([(0.0, 0.0)] * 9) is None


def numbers(estimate: Estimate | None) -> tuple[float, float, float]:
    assert estimate is not None
    return estimate.value, estimate.low, estimate.high


def test_a_share_and_a_mean() -> None:
    # R. G. Newcombe, Statistics in Medicine 17 (1998), 857-872.
    assert numbers(share(81, 263)) == pytest.approx((81 / 263, 0.25527, 0.36621), abs=1e-4)
    values = [0.1, 0.4, -0.2, 0.0]
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert numbers(mean(values)) == pytest.approx((0.075, low, high))


def test_what_never_differed_may_differ_yet() -> None:
    """With none of 50 another value, up to 7 in 100 may be."""
    assert numbers(mean([0.25] * 50)) == pytest.approx((0.25, 0.1786, 0.3214), abs=1e-3)
    assert numbers(mean([0.0] * 50, least=0)) == pytest.approx((0, 0, 0.0714), abs=1e-3)
    assert numbers(spread([0.25] * 50)) == pytest.approx((0, 0, math.sqrt(0.0714)), abs=1e-3)


def test_the_interval_of_a_spread_holds_it_in_95_of_100() -> None:
    """Also where the data are far from normal: half of them 0, as where both rollouts got all the way."""
    rng, runs = np.random.default_rng(5), 600
    truth = math.sqrt(0.5 * 0.3**2)
    held = 0
    for _ in range(runs):
        found = spread(list(np.where(rng.random(200) < 0.5, 0.0, rng.normal(0, 0.3, 200))))
        assert found is not None
        held += holds(found, truth)
    assert 0.92 <= held / runs <= 0.98


def test_agreement_is_the_share_of_variance_that_is_no_luck() -> None:
    rng, runs = np.random.default_rng(6), 400
    held, values = 0, []
    for _ in range(runs):
        pair = rng.normal(0, 0.3, 60)
        found = agreement(list(zip(pair + rng.normal(0, 0.3, 60), pair + rng.normal(0, 0.3, 60), strict=True)))
        assert found is not None
        held += holds(found, 0.5)
        values.append(found.value)
    assert np.mean(values) == pytest.approx(0.5, abs=0.02)
    assert 0.92 <= held / runs <= 0.98


def test_the_way_round_does_not_matter_to_the_agreement() -> None:
    pairs = [(0.1, 0.2), (-0.3, 0.1), (0.5, 0.4), (0.2, -0.1), (0.0, 0.3)]
    turned = [pairs[0], *((-first, -second) for first, second in pairs[1:])]
    assert agreement(pairs) == agreement(turned)


@given(differences)
def test_an_interval_holds_its_figure(values: list[float]) -> None:
    pairs = list(zip(values, values[::-1], strict=True))
    for found in (mean(values), spread(values), agreement(pairs), share(sum(v > 0 for v in values), len(values))):
        if found is not None:
            assert found.low - 1e-9 <= found.value <= found.high + 1e-9
            assert all(math.isfinite(number) for number in (found.low, found.value, found.high))
