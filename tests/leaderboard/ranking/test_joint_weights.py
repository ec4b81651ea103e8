from dataclasses import replace

import numpy as np
import pytest

from leaderboard import ranking
from leaderboard.ranking import Comparisons
from leaderboard.ranking.comparisons import FloatArray, IntArray
from leaderboard.ranking.davidson import outcome_probabilities
from leaderboard.ranking.joint_weights import LEAST_WEIGHT, _best, _likelihood
from tests.leaderboard.ranking.samples import simulate
from tests.leaderboard.ranking.test_joint import FAST


def read_twice(*, k: float, luck: float, own: float = 0.0, n: int = 10_000, P: int = 12, seed: int = 0) -> Comparisons:
    """Preferences of abilities from -1 to 1, and progress that is k x ability, of a luck shared with the preference."""
    rng = np.random.default_rng(seed)
    theta = np.linspace(-1, 1, P)
    plain = simulate(rng, theta=theta, labs=3, n=n)
    seen = k * theta + rng.normal(0, own, P)

    p_a, _, p_b = outcome_probabilities(theta[plain.policy_a], theta[plain.policy_b], 0.0, -1.0)
    surplus = luck * (1.0 - plain.outcome - (p_a - p_b))

    def progress(policy: IntArray, sign: float) -> FloatArray:
        mean = 1 / (1 + np.exp(-seen[policy] - sign * surplus))
        return np.where(rng.random(n) < mean, 1.0, 0.0)

    return replace(plain, progress_a=progress(plain.policy_a, 1.0), progress_b=progress(plain.policy_b, -1.0))


@pytest.mark.parametrize(("k", "luck"), [(1.0, 0.0), (1.0, 1.0), (0.3, 0.0), (0.3, 1.0)])
def test_the_scale_of_progress_is_found_also_where_luck_is_shared(k: float, luck: float) -> None:
    fitted = ranking.estimate(read_twice(k=k, luck=luck), model="joint", settings=FAST)
    assert fitted.parameters["scale"] == pytest.approx(k, rel=0.3)


def test_progress_of_its_own_order_is_told_from_luck() -> None:
    alike, apart = (
        ranking.estimate(read_twice(k=1.0, luck=0.5, own=own), model="joint", settings=FAST) for own in (0.0, 0.6)
    )
    assert alike.parameters["spread_own_progress"] < 0.15
    assert apart.parameters["spread_own_progress"] > 0.3
    assert apart.parameters["weight_preference"] > alike.parameters["weight_preference"]


def test_the_slope_of_the_relation_is_that_of_its_likelihood() -> None:
    rng = np.random.default_rng(1)
    root = rng.normal(size=(10, 10))
    N, data = root @ root.T / 10 + np.eye(10) / 5, rng.normal(size=10)
    q = np.array([-0.4, 0.2, -1.5])
    _, gradient, _ = _likelihood(q, data, N, 5, scale_sd=2.0, with_own=True)
    for j in range(3):
        step = np.zeros(3)
        step[j] = 1e-6
        up, down = (_likelihood(q + sign * step, data, N, 5, scale_sd=2.0, with_own=True)[0] for sign in (1, -1))
        assert (up - down) / 2e-6 == pytest.approx(gradient[j], abs=1e-5)


def test_weights_are_the_best_combination_and_never_negative() -> None:
    information = np.array([1.0, 0.8])
    independent = _best(np.diag([1.25, 1.6]), information)
    assert (independent.preference, independent.progress) == pytest.approx((0.8, 0.5))
    # The second says what the first says, and worse: it would get a negative weight.
    repeated = _best(np.array([[1.25, 1.2], [1.2, 1.6]]), np.array([1.0, 0.5]))
    assert (repeated.preference, repeated.progress) == pytest.approx((0.8, LEAST_WEIGHT))
