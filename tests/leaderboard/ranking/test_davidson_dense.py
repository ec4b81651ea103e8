"""The fit on a table says what davidson says, or leaves the work to it."""

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaderboard.ranking import Comparisons, DavidsonSettings, davidson, davidson_dense
from leaderboard.ranking.diagnostics import components
from leaderboard.ranking.estimate import Estimate
from tests.leaderboard.ranking.samples import Row, pudding, simulate, table

ONE_HABIT = DavidsonSettings(lab_tie_sd=0.0, lab_tie_estimated=False)
SETTINGS = {
    "usual": DavidsonSettings(),
    "one tie habit": ONE_HABIT,
    "spread held": DavidsonSettings(lab_tie_sd=0.4, lab_tie_estimated=False),
    "no order effect": DavidsonSettings(order_sd=0.0),
    "ties held": DavidsonSettings(tie_sd=0.0, lab_tie_sd=0.0, lab_tie_estimated=False),
}
ROWS = st.lists(
    st.tuples(
        st.sampled_from("abcd"), st.sampled_from("efgh"), st.sampled_from(["A", "TIE", "B"]), st.sampled_from("xy")
    ),
    min_size=1,
    max_size=40,
)


def estimates(comparisons: Comparisons, chosen: DavidsonSettings) -> tuple[Estimate, Estimate]:
    """By davidson, and by the table, which must not have passed the work on."""
    cells = comparisons.cells()
    component = components(cells, n_policies=comparisons.n_policies)
    expected = davidson.estimate(comparisons, cells, component, chosen)
    with patch.object(davidson, "estimate", side_effect=AssertionError("passed on")):
        found = davidson_dense.estimate(comparisons, cells, component, chosen)
    return expected, found


def require_same(expected: Estimate, found: Estimate, *, within: float) -> None:
    for name in ("score", "covariance", "influence", "win", "tie"):
        np.testing.assert_allclose(
            getattr(found, name), getattr(expected, name), rtol=within, atol=within, err_msg=name
        )
    assert found.log_likelihood == pytest.approx(expected.log_likelihood, rel=within)
    assert found.order.delta == pytest.approx(expected.order.delta, abs=within)
    assert found.order.se == pytest.approx(expected.order.se, rel=within)
    assert found.ties.nu == pytest.approx(expected.ties.nu, rel=within)
    assert found.ties.by_lab == pytest.approx(expected.ties.by_lab, rel=within)
    assert found.ties.spread == pytest.approx(expected.ties.spread, rel=10 * within)
    assert found.parameters == pytest.approx(expected.parameters, rel=10 * within)


def labs_of_their_own(*, labs: int = 5, n: int = 1500) -> Comparisons:
    """Labs with tie habits far apart, policies with an order effect."""
    rng = np.random.default_rng(4)
    lnu = rng.normal(-1, 0.8, labs)
    return simulate(rng, theta=rng.normal(0, 1, 6), labs=labs, n=n, delta=0.3, lnu=lnu)


@pytest.mark.parametrize("chosen", SETTINGS.values(), ids=SETTINGS)
def test_both_agree(chosen: DavidsonSettings) -> None:
    """Where the spread is estimated, davidson stops a little before its fixed point, so that less digits agree."""
    expected, found = estimates(labs_of_their_own(), chosen)
    require_same(expected, found, within=1e-4 if chosen.lab_tie_estimated else 1e-9)


def test_the_spread_is_the_fixed_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(davidson, "SPREAD_SETTLED", 1e-10)
    monkeypatch.setattr(davidson_dense, "SPREAD_SETTLED", 1e-10)
    expected, found = estimates(labs_of_their_own(), DavidsonSettings())
    assert found.ties.spread > 0.3
    require_same(expected, found, within=1e-8)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_both_agree_on_poor_data(rows: list[Row]) -> None:
    """Separated, disconnected, without ties, nothing but ties: whatever a few rows can be."""
    expected, found = estimates(table(rows), ONE_HABIT)
    require_same(expected, found, within=1e-7)
    with patch.multiple(davidson, SPREAD_SETTLED=1e-9, MAX_SPREAD_UPDATES=10_000):
        usual = estimates(table(rows), DavidsonSettings())
    require_same(*usual, within=1e-3)


def test_evaluators_and_predictions_are_davidsons_too() -> None:
    comparisons = labs_of_their_own()
    n = len(comparisons)
    named = replace(comparisons, evaluators=("e", "f"), evaluator=np.arange(n) % 2)
    expected, found = estimates(named, ONE_HABIT)
    assert expected.evaluator_influence is not None
    assert found.evaluator_influence is not None
    np.testing.assert_allclose(found.evaluator_influence(named), expected.evaluator_influence(named), atol=1e-9)
    assert expected.predict is not None
    assert found.predict is not None
    np.testing.assert_allclose(found.predict(named), expected.predict(named), atol=1e-9)


def test_the_order_of_the_rows_leaves_no_trace() -> None:
    comparisons = labs_of_their_own()
    turn = np.random.default_rng(0).permutation(len(comparisons))
    columns = ("policy_a", "policy_b", "outcome", "lab", "progress_a", "progress_b")
    shuffled = replace(comparisons, **{name: getattr(comparisons, name)[turn] for name in columns})
    _, one = estimates(comparisons, DavidsonSettings())
    _, other = estimates(shuffled, DavidsonSettings())
    assert one.score.tobytes() == other.score.tobytes()
    assert one.covariance.tobytes() == other.covariance.tobytes()
    assert one.influence.tobytes() == other.influence.tobytes()


@pytest.mark.parametrize(
    ("comparisons", "chosen"),
    [
        (
            pudding(),
            DavidsonSettings(theta_sd=None, order_sd=0.0, tie_sd=None, lab_tie_sd=0.0, lab_tie_estimated=False),
        ),
        (table([(f"p{k}", f"p{k + 1}", "A", "lab") for k in range(90)]), DavidsonSettings()),
    ],
    ids=["a prior is missing", "a table mostly empty"],
)
def test_what_it_is_not_made_for_it_leaves_to_davidson(comparisons: Comparisons, chosen: DavidsonSettings) -> None:
    cells = comparisons.cells()
    component = components(cells, n_policies=comparisons.n_policies)
    expected = davidson.estimate(comparisons, cells, component, chosen)
    found = davidson_dense.estimate(comparisons, cells, component, chosen)
    assert found.score.tobytes() == expected.score.tobytes()


def test_steps_that_do_not_settle_are_left_to_davidson(monkeypatch: pytest.MonkeyPatch) -> None:
    comparisons = labs_of_their_own(n=200)
    cells = comparisons.cells()
    component = components(cells, n_policies=comparisons.n_policies)
    monkeypatch.setattr(davidson_dense, "MAX_STEPS", 1)
    expected = davidson.estimate(comparisons, cells, component, DavidsonSettings())
    assert (
        davidson_dense.estimate(comparisons, cells, component, DavidsonSettings()).score.tobytes()
        == expected.score.tobytes()
    )
