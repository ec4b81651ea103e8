import numpy as np
import pytest
from scipy.optimize import approx_fprime

from leaderboard.ranking import Comparisons, DavidsonSettings, InvalidSettings, NoFiniteEstimate, davidson
from leaderboard.ranking.comparisons import FloatArray
from leaderboard.ranking.diagnostics import components
from leaderboard.ranking.estimate import Estimate
from leaderboard.ranking.spreads import next_spread
from tests.leaderboard.ranking.samples import pudding, roboarena, simulate, table

# The likelihood alone, one tie parameter, no order effect: the model of the 1970 paper.
PLAIN = DavidsonSettings(theta_sd=None, tie_sd=None, order_sd=0, lab_tie_sd=0, lab_tie_estimated=False)
ONE_TIE_HABIT = DavidsonSettings(lab_tie_sd=0, lab_tie_estimated=False)
FREE_TIE_HABITS = DavidsonSettings(lab_tie_sd=100, lab_tie_estimated=False)


def estimate(comparisons: Comparisons, settings: DavidsonSettings) -> Estimate:
    cells = comparisons.cells()
    return davidson.estimate(comparisons, cells, components(cells, n_policies=comparisons.n_policies), settings)


def objective_of(comparisons: Comparisons, settings: DavidsonSettings | None = None) -> davidson.Objective:
    cells = comparisons.cells()
    component = components(cells, n_policies=comparisons.n_policies)
    return davidson.build_objective(comparisons, cells, component, settings or DavidsonSettings())


@pytest.fixture
def small() -> Comparisons:
    rng = np.random.default_rng(5)
    return simulate(
        rng, theta=np.array([-1.0, 0.0, 0.3, 1.2]), labs=3, n=120, delta=0.3, lnu=np.array([-2.0, -1.0, 0.0])
    )


def test_chocolate_pudding_gives_the_published_answer() -> None:
    fitted = estimate(pudding(), PLAIN)
    pi = np.exp(fitted.score) / np.exp(fitted.score).sum()
    np.testing.assert_allclose(pi, [0.1388, 0.1730, 0.1617, 0.1654, 0.1587, 0.2024], atol=5e-5)
    assert 2 * fitted.ties.nu == pytest.approx(0.7468, abs=5e-5)
    assert fitted.order.delta == 0.0


def test_gradient_and_information_agree_with_finite_differences(small: Comparisons) -> None:
    objective = objective_of(small)
    x = np.random.default_rng(1).normal(size=objective.at.size)
    gradient = objective.gradient(objective.point(x))
    np.testing.assert_allclose(gradient, approx_fprime(x, lambda x: objective.point(x).value), atol=1e-4)
    hessian = approx_fprime(x, lambda x: objective.gradient(objective.point(x)))
    np.testing.assert_allclose(objective.information(objective.point(x)), -hessian, atol=1e-4)


def test_a_labs_gradient_is_that_of_its_comparisons_alone(small: Comparisons) -> None:
    objective = objective_of(small)
    x = np.random.default_rng(2).normal(size=objective.at.size)
    S = objective.lab_gradients(objective.point(x))
    for g in range(small.n_labs):
        own = objective_of(_of_lab(small, g))
        np.testing.assert_allclose(own.lab_gradients(own.point(x))[g], S[g], atol=1e-12)


def _of_lab(comparisons: Comparisons, g: int) -> Comparisons:
    rows = comparisons.lab == g
    columns = ("policy_a", "policy_b", "outcome", "lab", "progress_a", "progress_b")
    kept = {column: getattr(comparisons, column)[rows] for column in columns}
    return Comparisons(policies=comparisons.policies, labs=comparisons.labs, **kept)


@pytest.mark.parametrize("seed", range(5))
def test_newton_climbs_to_the_same_top_from_anywhere(small: Comparisons, seed: int) -> None:
    objective = objective_of(small)
    start: FloatArray = np.random.default_rng(seed).normal(0, 6, objective.at.size)
    near, far = davidson.maximise(objective), davidson.maximise(objective, start)
    assert len(far.path) > 3
    assert np.all(np.diff(far.path) > 0)
    np.testing.assert_allclose(far.point.x, near.point.x, atol=1e-9)
    np.testing.assert_allclose(objective.gradient(far.point), 0, atol=1e-9)


@pytest.mark.parametrize(
    ("gamma", "squares", "root"), [(2.0, 3.0, 1.0), (0.0, 8.0, 2.0), (1.0, 0.0, 0.03), (5.0, 1e-9, 0.03)]
)
def test_the_next_spread_is_the_positive_root_or_the_floor(gamma: float, squares: float, root: float) -> None:
    assert next_spread(gamma=gamma, squares=squares) == pytest.approx(root, rel=1e-9)


def test_spread_of_tie_habits_does_not_depend_on_its_start(small: Comparisons) -> None:
    low, high = (estimate(small, DavidsonSettings(lab_tie_sd=start)) for start in (0.2, 5.0))
    assert low.ties.spread == pytest.approx(high.ties.spread, rel=2e-3)
    np.testing.assert_allclose(low.score, high.score, atol=1e-4)


def test_tie_habits_are_pooled_where_labs_are_alike_and_kept_where_they_differ() -> None:
    theta = np.linspace(-1, 1, 6)
    alike = estimate(simulate(np.random.default_rng(3), theta=theta, labs=10, n=2000, lnu=-1.0), DavidsonSettings())
    habits = np.linspace(-3, 1, 10)
    differ = estimate(simulate(np.random.default_rng(3), theta=theta, labs=10, n=2000, lnu=habits), DavidsonSettings())
    assert alike.ties.spread < 0.2
    assert differ.ties.spread == pytest.approx(habits.std(ddof=1), rel=0.35)
    np.testing.assert_allclose(np.log(list(differ.ties.by_lab.values())), habits, atol=0.8)


def test_simulated_truth_is_recovered() -> None:
    theta = np.linspace(-1.5, 1.5, 8)
    lnu = np.array([-2.0, -1.0, -1.0, 0.0])
    fitted = estimate(
        simulate(np.random.default_rng(11), theta=theta, labs=4, n=40_000, delta=0.25, lnu=lnu), DavidsonSettings()
    )
    error = (fitted.score - theta) / np.sqrt(np.diag(fitted.covariance))
    assert np.all(np.abs(error) < 3)
    assert abs(fitted.order.delta - 0.25) < 3 * fitted.order.se
    np.testing.assert_allclose(np.log(list(fitted.ties.by_lab.values())), lnu, atol=0.12)


def test_pairwise_probabilities_follow_from_scores_and_the_tie_parameter() -> None:
    fitted = estimate(pudding(), PLAIN)
    pi = np.exp(fitted.score)
    total = pi[:, None] + pi + 2 * fitted.ties.nu * np.sqrt(pi[:, None] * pi)
    np.testing.assert_allclose(fitted.win, pi[:, None] / total, atol=1e-12)
    np.testing.assert_allclose(fitted.win + fitted.tie + fitted.win.T, 1, atol=1e-12)
    nu = fitted.ties.nu
    np.testing.assert_allclose(np.diag(fitted.tie), nu / (1 + nu))


@pytest.mark.parametrize(
    ("rows", "settings"),
    [
        ([("p", "q", "A", "x"), ("p", "q", "TIE", "x")], PLAIN),
        ([("p", "q", "A", "x"), ("q", "p", "A", "x")], PLAIN),
        ([("p", "q", "TIE", "x")], PLAIN),
        ([("p", "q", "A", "x"), ("q", "p", "A", "x")], DavidsonSettings(order_sd=None)),
    ],
    ids=["unbeaten policy", "no ties", "only ties", "side A always preferred"],
)
def test_without_a_prior_an_unbounded_likelihood_is_an_error(
    rows: list[tuple[str, str, str, str]], settings: DavidsonSettings
) -> None:
    with pytest.raises(NoFiniteEstimate) as caught:
        estimate(table(rows * 4), settings)
    assert caught.value.code == "no_finite_estimate"
    assert np.all(np.isfinite(estimate(table(rows * 4), DavidsonSettings()).score))


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ({"theta_sd": -1.0}, "prior_out_of_range"),
        ({"order_sd": float("nan")}, "prior_out_of_range"),
        ({"tie_mean": float("inf")}, "prior_out_of_range"),
        ({"theta_sd": 0.0}, "scores_held"),
        ({"lab_tie_sd": 0.0}, "spread_without_start"),
    ],
)
def test_settings_outside_their_range_are_refused(setting: dict[str, float], code: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        DavidsonSettings(**setting)  # type: ignore[arg-type]
    assert caught.value.code == code


def test_april_2025_labs_differ_in_how_often_they_tie() -> None:
    comparisons = roboarena()
    assert len(comparisons) == 612
    one, each, pooled = (estimate(comparisons, s) for s in (ONE_TIE_HABIT, FREE_TIE_HABITS, DavidsonSettings()))
    assert each.log_likelihood - one.log_likelihood == pytest.approx(44, abs=0.5)
    assert one.log_likelihood + 40 < pooled.log_likelihood < each.log_likelihood
