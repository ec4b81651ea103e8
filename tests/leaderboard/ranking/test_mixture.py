import numpy as np
import pytest
from scipy.optimize import approx_fprime

from leaderboard import ranking
from leaderboard.ranking import DavidsonSettings, InvalidSettings
from leaderboard.ranking.baselines import in_order
from leaderboard.ranking.comparisons import FloatArray
from leaderboard.ranking.mixture import MixtureSettings, State, _gradient, expectation, gradients, search
from tests.leaderboard.ranking.samples import pudding, roboarena
from tests.leaderboard.ranking.test_joint import sessions


@pytest.mark.parametrize(("buckets", "seed"), [(1, 0), (2, 0), (2, 1), (3, 0)])
def test_the_likelihood_never_falls(buckets: int, seed: int) -> None:
    table = in_order(sessions(n=200, psi_sd=0.8))
    found = search(table, MixtureSettings(buckets=buckets), np.random.default_rng(seed))
    assert len(found.path) > 3
    assert np.all(np.diff(found.path) > -1e-8)


def test_nor_does_it_on_the_april_2025_data() -> None:
    found = search(in_order(roboarena()), MixtureSettings(buckets=2), np.random.default_rng(0))
    assert np.all(np.diff(found.path) > -1e-8)
    assert np.abs(found.state.theta).max() < 6


def test_the_gradient_is_that_of_the_penalised_likelihood() -> None:
    """By Fisher's identity the expected gradient is that of the observed data, which finite differences can see."""
    settings = MixtureSettings(buckets=2)
    table = in_order(sessions(n=60))
    rng = np.random.default_rng(4)
    state = State(rng.normal(size=4), rng.normal(size=(4, 2)), rng.normal(size=2), -0.7, np.array([0.3, 0.7]), 0.4)
    zero = np.zeros(4 + 8 + 2 + 1)

    def value(step: FloatArray) -> float:
        return expectation(table, state.moved(step), settings)[1]

    responsibility, _ = expectation(table, state, settings)
    gradient, H = _gradient(table, state, responsibility, settings)
    np.testing.assert_allclose(gradient, approx_fprime(zero, value, 1e-6), atol=2e-3)
    assert np.linalg.eigvalsh(H).min() > 0


def test_labs_parts_add_up_to_the_whole_gradient() -> None:
    settings = MixtureSettings(buckets=2)
    table = in_order(sessions(n=200))
    found = search(table, settings, np.random.default_rng(0))
    S, information = gradients(table, found, settings)
    gradient, _ = _gradient(table, found.state, found.responsibility, settings)
    state = found.state
    x = np.concatenate([state.theta, state.psi.ravel(), state.tau, [state.lnu + 1]])
    sd = np.concatenate([np.full(4, 1.5), np.full(8, 0.5), np.full(2, 2.0), [2.0]])
    np.testing.assert_allclose(S.sum(axis=0) - x / sd**2, gradient, atol=1e-8)
    assert np.linalg.eigvalsh(information).min() > 0


def test_outcomes_sum_to_one() -> None:
    fitted = ranking.estimate(sessions(), model="mixture")
    np.testing.assert_allclose(fitted.win + fitted.tie + fitted.win.T, 1, atol=1e-12)
    assert fitted.predict is not None
    np.testing.assert_allclose(fitted.predict(sessions()).sum(axis=1), 1)


def test_one_bucket_without_progress_is_davidsons_model() -> None:
    """The two priors on ability, of theta and psi, come to one of sqrt(1.5² + 0.5²)."""
    plain = DavidsonSettings(theta_sd=2.5**0.5, order_sd=0, lab_tie_sd=0, lab_tie_estimated=False)
    davidson = ranking.estimate(pudding(), model="davidson", settings=plain)
    mixture = ranking.estimate(pudding(), model="mixture", settings=MixtureSettings(buckets=1))
    np.testing.assert_allclose(mixture.score, davidson.score, atol=1e-4)
    assert mixture.log_likelihood == pytest.approx(davidson.log_likelihood, abs=1e-3)


@pytest.mark.parametrize("setting", [{"buckets": 0}, {"buckets": 6}, {"psi_sd": 0.0}, {"starts": 0}])
def test_settings_outside_their_range_are_refused(setting: dict[str, float]) -> None:
    with pytest.raises(InvalidSettings):
        MixtureSettings(**setting)  # type: ignore[arg-type]
