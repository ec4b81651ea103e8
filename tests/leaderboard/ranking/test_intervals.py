import numpy as np
import pytest
from scipy import stats

from leaderboard.ranking import DavidsonSettings, FitResult, IntervalSettings, fit
from leaderboard.ranking.intervals import at_least, clustered
from tests.leaderboard.ranking.samples import pudding, simulate, table

BY_MODEL = DavidsonSettings(intervals=IntervalSettings(method="model", draws=100))
BY_LAB = DavidsonSettings(intervals=IntervalSettings(draws=100))


def test_the_clustered_variance_is_that_of_the_labs_contributions() -> None:
    influence = np.array([[0.3, -0.3], [-0.1, 0.1], [-0.2, 0.2]])
    np.testing.assert_allclose(clustered(influence, labs=3), 3 * np.cov(influence.T), atol=1e-15)


def test_topping_up_gives_the_larger_variance_and_stays_a_covariance() -> None:
    rng = np.random.default_rng(4)
    V, floor = np.cov(rng.normal(size=(5, 4))), np.cov(rng.normal(size=(5, 40)))
    topped_up = at_least(V, floor)
    np.testing.assert_allclose(np.diag(topped_up), np.maximum(np.diag(V), np.diag(floor)))
    assert np.linalg.eigvalsh(topped_up).min() > -1e-12
    np.testing.assert_array_equal(at_least(floor * 9, floor), floor * 9)


def test_the_interval_is_the_wider_of_the_two_methods() -> None:
    comparisons = simulate(np.random.default_rng(7), theta=np.linspace(-1, 1, 6), labs=5, n=300)
    wide, model = (
        fit(comparisons, model="davidson", settings=BY_LAB),
        fit(comparisons, model="davidson", settings=BY_MODEL),
    )
    assert (wide.intervals.method, wide.intervals.df) == ("clustered", 4)
    assert (model.intervals.method, model.intervals.df) == ("model", None)
    by_model = {row.policy: row.high - row.low for row in model.policies}
    ratio = np.array([(row.high - row.low) / by_model[row.policy] for row in wide.policies])
    assert np.all(ratio > 1 - 1e-12)
    assert ratio.max() > 1.1


def test_where_labs_show_no_difference_the_intervals_are_the_models() -> None:
    """Ties alone pull no score in any lab: the clustered variance is zero, and the model's interval stands."""
    comparisons = table([(p, q, "TIE", lab) for p, q in ("pq", "qr", "rp") for lab in "xyz"])
    clustered_rows, model_rows = (fit(comparisons, model="davidson", settings=s).policies for s in (BY_LAB, BY_MODEL))
    assert [row.high for row in clustered_rows] == pytest.approx([row.high for row in model_rows], rel=1e-9)


def test_se_is_half_the_interval_in_normal_units_and_the_root_of_the_covariance() -> None:
    result = fit(pudding(labs=4), model="davidson", settings=BY_LAB)
    z = stats.norm.ppf(0.975)
    for place, row in enumerate(result.policies):
        assert row.high - row.low == pytest.approx(2 * z * row.se)
        assert result.covariance[place][place] == pytest.approx(row.se**2)


@pytest.mark.parametrize(
    ("labs", "method", "codes"), [(1, "model", ["few_labs"]), (2, "model", ["few_labs"]), (3, "clustered", [])]
)
def test_too_few_labs_to_cluster_by_are_said(labs: int, method: str, codes: list[str]) -> None:
    result = fit(pudding(labs=labs), model="davidson", settings=BY_LAB)
    assert (result.intervals.labs, result.intervals.method) == (labs, method)
    assert [warning.code for warning in result.warnings] == codes


@pytest.mark.slow
def test_intervals_cover_the_truth_though_labs_disagree_about_policies() -> None:
    theta = np.linspace(-1, 1, 7)
    covered: dict[str, list[bool]] = {"model": [], "clustered": []}
    for seed in range(60):
        comparisons = simulate(np.random.default_rng(seed), theta=theta, labs=7, n=600, policy_by_lab_sd=0.5)
        for method, settings in (("model", BY_MODEL), ("clustered", BY_LAB)):
            covered[method] += _covered(fit(comparisons, model="davidson", settings=settings), theta)
    assert 0.90 < np.mean(covered["clustered"]) < 0.99
    assert np.mean(covered["model"]) < 0.88


def _covered(result: FitResult, theta: np.ndarray) -> list[bool]:
    truth = {f"policy {p}": theta[p] for p in range(len(theta))}
    return [row.low <= truth[row.policy] <= row.high for row in result.policies]
