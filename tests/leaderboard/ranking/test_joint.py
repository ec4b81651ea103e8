import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from leaderboard import ranking
from leaderboard.ranking import Comparisons, IntervalSettings, InvalidSettings, JointSettings, joint, joint_fit
from leaderboard.ranking.arrow import Arrow
from leaderboard.ranking.comparisons import FloatArray
from leaderboard.ranking.joint_layout import Layout, Position
from leaderboard.ranking.joint_objective import Objective, Weights
from leaderboard.ranking.joint_settings import warmed
from leaderboard.ranking.joint_tables import Places
from leaderboard.ranking.readings import add_up
from tests.leaderboard.ranking.samples import pudding, roboarena, simulate, table

QUICK = IntervalSettings(method="model", draws=200)
FAST = JointSettings(intervals=QUICK)


def sessions(
    *, n: int = 150, P: int = 4, labs: int = 3, tasks: int = 3, seed: int = 0, psi_sd: float = 0.0
) -> Comparisons:
    """With progress (a tenth of it missing) and tasks; policy 0 is the worst, the last the best."""
    rng = np.random.default_rng(seed)
    theta = np.linspace(-1, 1, P)
    plain = simulate(rng, theta=theta, labs=labs, n=n)
    category = rng.integers(tasks, size=n)
    psi = rng.normal(0, psi_sd, (P, tasks))
    easy = np.linspace(-0.5, 0.5, tasks)[category]

    def progress(policy: Any) -> FloatArray:
        mean = 1 / (1 + np.exp(-(theta[policy] + psi[policy, category] + easy)))
        drawn = rng.beta(mean, 1 - mean)
        return np.where(rng.random(n) < 0.1, np.nan, np.clip(drawn, 0, 1))

    return replace(
        plain,
        categories=tuple(f"task {c}" for c in range(tasks)),
        category=category,
        evaluators=tuple(f"evaluator {e}" for e in range(labs * 2)),
        evaluator=plain.lab * 2 + rng.integers(2, size=n),
        progress_a=progress(plain.policy_a),
        progress_b=progress(plain.policy_b),
    )


def objective_of(comparisons: Comparisons, *, effects: bool) -> Objective:
    layout = Layout(comparisons.n_policies, comparisons.n_labs, len(comparisons.categories), effects, effects)
    spreads = joint_fit.Spreads(psi=0.5, b=0.4, a=0.2, tie=1.0, category=0.3, lab=0.3, tie_category=0.3, own=0.2)
    rows = add_up(comparisons)
    return joint_fit.build(
        rows, Places.of(rows, layout), FAST, spreads=spreads, phi=0.6, weights=Weights(0.4, 0.7), k=0.8
    )


def flat(position: Position) -> FloatArray:
    return np.concatenate([position.shared, position.labs.ravel()])


def place(objective: Objective, x: FloatArray) -> Position:
    K0 = objective.layout.shared_size
    return Position(x[:K0], x[K0:].reshape(objective.layout.n_labs, objective.layout.lab_size))


def dense(arrow: Arrow) -> FloatArray:
    G, B, K0 = arrow.cross.shape
    H = np.zeros((K0 + G * B, K0 + G * B))
    H[:K0, :K0] = arrow.shared
    for g in range(G):
        own = slice(K0 + g * B, K0 + (g + 1) * B)
        H[own, :K0], H[:K0, own], H[own, own] = arrow.cross[g], arrow.cross[g].T, arrow.labs[g]
    return H


@pytest.mark.parametrize("effects", [False, True])
def test_gradient_and_information_agree_with_finite_differences(effects: bool) -> None:
    objective = objective_of(sessions(), effects=effects)
    size = objective.layout.shared_size + objective.layout.n_labs * objective.layout.lab_size
    x = np.random.default_rng(1).normal(0, 0.4, size)
    point = objective.point(place(objective, x))
    gradient, H = flat(objective.gradient(point)), dense(objective.information(point))
    step = 1e-5
    for j in range(size):
        e = np.zeros(size)
        e[j] = step
        up, down = (objective.point(place(objective, x + sign * e)) for sign in (1, -1))
        assert (up.value - down.value) / (2 * step) == pytest.approx(gradient[j], abs=1e-4)
        column = -(flat(objective.gradient(up)) - flat(objective.gradient(down))) / (2 * step)
        np.testing.assert_allclose(column, H[j], atol=1e-4)


def test_elimination_lab_by_lab_is_the_inverse_of_the_whole() -> None:
    objective = objective_of(sessions(), effects=True)
    x = np.random.default_rng(2).normal(0, 0.3, objective.layout.shared_size + 3 * objective.layout.lab_size)
    arrow = objective.information(objective.point(place(objective, x)))
    V, factor, K0 = np.linalg.inv(dense(arrow)), arrow.factor(), objective.layout.shared_size
    b = np.random.default_rng(3).normal(size=len(V))
    at = place(objective, b)
    np.testing.assert_allclose(flat(Position(*factor.solve(at.shared, at.labs))), V @ b, atol=1e-10)
    alone = factor.solve_shared(
        np.stack([at.shared, *np.zeros((2, K0))]), at.labs, group=np.zeros(3, dtype=int), lab=np.arange(3), groups=1
    )[0]
    np.testing.assert_allclose(alone, (V @ b)[:K0], atol=1e-10)
    np.testing.assert_allclose(factor.shared_covariance(), V[:K0, :K0], atol=1e-10)
    np.testing.assert_allclose(np.append(factor.shared_variances(), factor.lab_variances()), np.diag(V), atol=1e-10)


def test_every_step_to_the_top_climbs_and_the_top_is_one() -> None:
    objective = objective_of(sessions(), effects=True)
    size = objective.layout.shared_size + 3 * objective.layout.lab_size
    tops = []
    for seed in range(3):
        x = np.random.default_rng(seed).normal(0, 2, size)
        spreads = joint_fit.Spreads(0.5, 0.4, 0.2, 1.0, 0.3, 0.3, 0.3, 0.2)
        fitted = joint_fit.to_the_top(objective, objective.point(place(objective, x)), spreads)
        assert np.all(np.diff(fitted.path) > 0)
        np.testing.assert_allclose(flat(objective.gradient(fitted.point)), 0, atol=1e-7)
        tops.append(flat(fitted.point.at))
    np.testing.assert_allclose(tops[1:], [tops[0], tops[0]], atol=1e-6)


def test_readings_hold_counts_sums_and_second_moments() -> None:
    comparisons = sessions(n=80)
    rows = add_up(comparisons)
    assert rows.n.sum() == 80
    assert rows.counts.sum(axis=1).tolist() == np.bincount(comparisons.outcome, minlength=3).tolist()
    assert rows.known.sum(axis=1).tolist() == [
        np.sum(~np.isnan(column)) for column in (comparisons.progress_a, comparisons.progress_b)
    ]
    np.testing.assert_allclose(rows.progress.sum(), np.nansum([comparisons.progress_a, comparisons.progress_b]))
    both = np.nansum(comparisons.progress_a * comparisons.progress_b)
    assert rows.moments[3, 5].sum() == pytest.approx(both)


def test_a_reading_that_repeats_the_other_counts_for_little() -> None:
    """Preference follows progress exactly; or each session is given the progress of another."""
    rng = np.random.default_rng(0)
    n = 3000
    one = simulate(rng, theta=np.zeros(5), labs=3, n=n)
    progress = rng.beta(0.5, 0.5, (2, n))
    follows = replace(
        one, outcome=np.where(progress[0] > progress[1], 0, 2), progress_a=progress[0], progress_b=progress[1]
    )
    apart = replace(follows, progress_a=rng.permutation(progress[0]), progress_b=rng.permutation(progress[1]))
    settings = replace(FAST, psi_sd=0.0, b_sd=0.0, scale=1.0)
    found = [ranking.fit(some, model="joint", settings=settings).parameters for some in (follows, apart)]
    assert found[1]["weight_preference"] == pytest.approx(1, abs=0.05)
    assert found[1]["weight_progress"] == pytest.approx(1, abs=0.05)
    assert found[0]["weight_preference"] + found[0]["weight_progress"] < 1.5


def test_simulated_truth_is_recovered() -> None:
    fitted = ranking.estimate(sessions(n=8000, P=6, labs=5, psi_sd=0.3), model="joint", settings=FAST)
    error = fitted.score - np.linspace(-1, 1, 6)
    assert np.all(np.abs(error) < 0.35)
    assert fitted.parameters["scale"] == pytest.approx(1.0, abs=0.2)
    hardest = [task.category for task in fitted.tasks]
    assert hardest == ["task 0", "task 1", "task 2"]


def test_the_score_is_for_the_declared_mix_of_tasks() -> None:
    """p is better at x and q at y: what the mix holds decides which comes first."""
    rows = [("p", "q", "A"), ("q", "p", "B"), ("p", "q", "TIE")] * 30
    comparisons = ranking.encode(
        policy_a=[row[0] for row in rows] * 2,
        policy_b=[row[1] for row in rows] * 2,
        preference=[row[2] for row in rows] + [{"A": "B", "B": "A", "TIE": "TIE"}[row[2]] for row in rows],
        lab=[f"lab {k % 3}" for k in range(2 * len(rows))],
        category=["x"] * len(rows) + ["y"] * len(rows),
    )
    by_mix: dict[str, dict[str, float]] = {}
    for name, mix in (("x", {"x": 3.0, "y": 1.0}), ("y", {"x": 0.0, "y": 1.0}), ("equal", "equal")):
        settings = replace(FAST, task_mix=mix, psi_sd=0.5)
        result = ranking.fit(comparisons, model="joint", settings=settings)
        by_mix[name] = {row.policy: row.score for row in result.policies}
        assert sum(task.share for task in result.tasks) == pytest.approx(1)
    assert by_mix["x"]["p"] > 0.2
    assert by_mix["y"]["q"] > 0.5
    assert by_mix["equal"]["p"] == pytest.approx(0, abs=0.05)


def test_a_mix_of_tasks_that_do_not_occur_is_refused() -> None:
    with pytest.raises(InvalidSettings) as caught:
        ranking.fit(sessions(), model="joint", settings=replace(FAST, task_mix={"fold": 1.0}))
    assert caught.value.code == "mix_without_tasks"


def test_a_task_never_met_widens_the_interval() -> None:
    full = sessions(n=400, psi_sd=1.0, seed=4)
    assert full.category is not None
    away = (full.category == 0) & ((full.policy_a == 0) | (full.policy_b == 0))
    columns = ("policy_a", "policy_b", "outcome", "lab", "category", "evaluator", "progress_a", "progress_b")
    fewer = replace(full, **{name: getattr(full, name)[~away] for name in columns})
    held = replace(FAST, task_mix={"task 0": 1.0}, psi_sd=1.0, spreads_estimated=False)
    fitted = [ranking.estimate(some, model="joint", settings=held).covariance[0, 0] for some in (full, fewer)]
    assert fitted[1] > 2 * fitted[0]


@pytest.mark.parametrize(
    "change",
    [
        {"progress_a": np.full(150, np.nan), "progress_b": np.full(150, np.nan)},
        {"progress_a": np.full(150, 0.5), "progress_b": np.full(150, 0.5)},
        {"progress_a": np.zeros(150), "progress_b": np.zeros(150)},
    ],
    ids=["missing", "equal", "none made"],
)
def test_progress_that_tells_nothing_is_left_out(change: dict[str, FloatArray]) -> None:
    comparisons = replace(sessions(), **change)  # type: ignore[arg-type]
    result = ranking.fit(comparisons, model="joint", settings=FAST)
    without = replace(sessions(), progress_a=np.full(150, np.nan), progress_b=np.full(150, np.nan))
    expected = ranking.fit(without, model="joint", settings=FAST)
    assert [row.score for row in result.policies] == [row.score for row in expected.policies]
    assert "expected_progress" in result.missing
    assert all(row.expected_progress is None for row in result.policies)


@pytest.mark.parametrize(
    "comparisons",
    [
        pytest.param(table([("p", "q", "A", "x")]), id="one comparison"),
        pytest.param(table([("p", "q", "TIE", "x")]), id="one tie"),
        pytest.param(table([("p", "q", "A", lab) for lab in "xyz"]), id="separated"),
        pytest.param(table([("p", "q", "TIE", lab) for lab in "xyz"]), id="only ties"),
        pytest.param(table([("p", "q", "A", "x"), ("r", "s", "TIE", "y")]), id="disconnected"),
        pytest.param(sessions(n=6, tasks=1, labs=1), id="one lab and one task"),
        pytest.param(replace(sessions(n=20), progress_a=np.ones(20), progress_b=np.zeros(20)), id="extreme progress"),
        pytest.param(replace(sessions(n=30), categories=("", "x", "y")), id="tasks without a name"),
    ],
)
def test_poor_data_have_a_finite_answer(comparisons: Comparisons) -> None:
    result = ranking.fit(comparisons, model="joint", settings=FAST)
    json.dumps(result.as_json(), allow_nan=False)
    for row in result.policies:
        assert row.low < row.score < row.high
        assert abs(row.score) < 6
        assert row.rank_low <= row.rank <= row.rank_high


def test_few_labs_are_said() -> None:
    codes = [notice.code for notice in ranking.fit(pudding(labs=2), model="joint", settings=FAST).warnings]
    assert codes == ["few_labs"]


def test_clustering_by_lab_on_top_of_lab_effects_is_refused() -> None:
    with pytest.raises(InvalidSettings) as caught:
        JointSettings(intervals=IntervalSettings(method="clustered"))
    assert caught.value.code == "clustered_with_lab_effects"


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ({"theta_sd": 0.0}, "prior_out_of_range"),
        ({"psi_sd": -0.1}, "prior_out_of_range"),
        ({"scale": 0.0}, "held_out_of_range"),
        ({"lab_sd": float("nan")}, "prior_out_of_range"),
        ({"task_mix": "season"}, "mix_unknown"),
        ({"task_mix": {}}, "mix_out_of_range"),
        ({"task_mix": {"x": -1.0}}, "mix_out_of_range"),
    ],
)
def test_settings_outside_their_range_are_refused(setting: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        JointSettings(**setting)
    assert caught.value.code == code


def test_settings_survive_a_json_store() -> None:
    settings = JointSettings(
        task_mix={"x": 1.0, "y": 2.0}, scale=0.9, intervals=IntervalSettings(method="model", seed=4)
    )
    stored = json.loads(json.dumps(settings.as_json(), allow_nan=False))
    assert ranking.settings_from_json("joint", stored) == settings
    assert ranking.settings_from_json("joint", {"intervals": {"seed": 4}}) == replace(
        JointSettings(), intervals=IntervalSettings(method="model", seed=4)
    )


def test_influence_foretells_what_leaving_a_lab_out_does() -> None:
    comparisons = sessions(n=600, labs=6, seed=3)
    held = replace(FAST, spreads_estimated=False, scale=1.0, dispersion=0.6, preference_weight=0.5, progress_weight=0.7)
    fitted = ranking.estimate(comparisons, model="joint", settings=held)
    assert fitted.evaluator_influence is not None
    columns = ("policy_a", "policy_b", "outcome", "lab", "category", "evaluator", "progress_a", "progress_b")
    for g in range(6):
        rows = comparisons.lab != g
        fewer = replace(comparisons, **{name: getattr(comparisons, name)[rows] for name in columns})
        without = ranking.estimate(fewer, model="joint", settings=held).score
        told, came = fitted.influence[g], fitted.score - without
        assert float(told @ came) > 0.8 * float(np.linalg.norm(told) * np.linalg.norm(came))
    by_evaluator = fitted.evaluator_influence(comparisons)
    np.testing.assert_allclose(by_evaluator.reshape(6, 2, -1).sum(axis=1), fitted.influence, atol=1e-10)


def test_april_2025_holdout_of_a_lab_is_predicted_better_than_by_chance() -> None:
    comparisons = roboarena()
    fitted = ranking.estimate(comparisons, model="joint", settings=FAST)
    assert 0.3 < fitted.parameters["weight_preference"] < fitted.parameters["weight_progress"] < 0.9
    assert 0.7 < fitted.parameters["scale"] < 1.1
    assert fitted.predict is not None
    p = fitted.predict(comparisons)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert float(np.mean(-np.log(p[np.arange(612), comparisons.outcome]))) < 0.85


def test_predictions_know_policies_by_name_and_take_strangers_for_average() -> None:
    comparisons = sessions()
    fitted = ranking.estimate(comparisons, model="joint", settings=FAST)
    assert fitted.predict is not None
    renamed = replace(comparisons, policies=("new 0", "new 1", "new 2", "new 3"))
    p = fitted.predict(renamed)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert np.ptp(np.log(p[:, 0] / p[:, 2])) < 1e-9
    one_new = replace(comparisons, policies=("policy 0", "policy 1", "policy 2", "new"))
    known = (comparisons.policy_a < 3) & (comparisons.policy_b < 3)
    np.testing.assert_allclose(fitted.predict(one_new)[known], fitted.predict(comparisons)[known])


def test_the_model_without_lab_effects_has_normal_intervals() -> None:
    fitted = ranking.estimate(sessions(), model="joint", settings=replace(FAST, b_sd=0.0))
    assert fitted.df is None
    full = ranking.estimate(sessions(), model="joint", settings=FAST)
    assert full.df is not None
    assert full.df >= 2
    assert joint.task_mix(add_up(sessions()), FAST).sum() == pytest.approx(1)


def test_progress_that_orders_policies_otherwise_loses_its_say() -> None:
    """Preferences and progress are told apart by d: with many sessions the preferences decide."""
    rng = np.random.default_rng(8)
    one = simulate(rng, theta=np.linspace(-0.8, 0.8, 8), labs=3, n=3000)
    means = np.linspace(0.2, 0.8, 8)[rng.permutation(8)]
    progress = [np.where(rng.random(3000) < means[policy], 1.0, 0.0) for policy in (one.policy_a, one.policy_b)]
    contrary = replace(one, progress_a=progress[0], progress_b=progress[1])
    kept = ranking.estimate(contrary, model="joint", settings=FAST)
    merged = ranking.estimate(contrary, model="joint", settings=replace(FAST, own_progress_sd=0.0))
    truth = np.linspace(-0.8, 0.8, 8)
    assert kept.parameters["spread_own_progress"] > 0.3
    assert np.abs(kept.score - truth).max() < 0.5 * np.abs(merged.score - truth).max()


def test_a_warm_start_ends_where_a_cold_one_does() -> None:
    comparisons = sessions(n=500, psi_sd=0.8)
    cold = ranking.fit(comparisons, model="joint", settings=FAST)
    warm = ranking.fit(comparisons, model="joint", settings=warmed(FAST, cold.parameters))
    assert [row.score for row in warm.policies] == pytest.approx([row.score for row in cold.policies], abs=0.01)
