import json
from dataclasses import replace

import numpy as np
import pytest

from leaderboard import ranking
from leaderboard.ranking import (
    DavidsonSettings,
    FitResult,
    IntervalSettings,
    InvalidSettings,
    NothingToRank,
    UnknownModel,
)
from tests.leaderboard.ranking.samples import Row, pudding, roboarena, simulate, table

FAST = DavidsonSettings(intervals=IntervalSettings(draws=500))


def codes(result: FitResult) -> list[str]:
    return [warning.code for warning in result.warnings]


def cycle(*names: str, labs: str = "xyz") -> list[Row]:
    """Each name beats the next, the last beats the first, each pair also ties; in every lab."""
    pairs = list(zip(names, (*names[1:], names[0]), strict=True))
    return [(p, q, preference, lab) for p, q in pairs for preference in ("A", "TIE") for lab in labs]


DEGENERATE: dict[str, tuple[list[Row], list[str]]] = {
    "one comparison": ([("p", "q", "A", "x")], ["separated", "no_ties", "few_labs"]),
    "one tie": ([("p", "q", "TIE", "x")], ["only_ties", "few_labs"]),
    "no ties": ([("p", "q", "A", lab) for lab in "xyz"] + [("q", "p", "A", "x")], ["no_ties"]),
    "only ties": ([("p", "q", "TIE", lab) for lab in "xyz"], ["only_ties"]),
    "unbeaten policy": ([*cycle("p", "q", "r"), *[("o", name, "A", "x") for name in "pqr"]], ["separated"]),
    "disconnected": (cycle("p", "q", "r") + cycle("s", "t", "u"), ["disconnected"]),
    "one lab": (cycle("p", "q", "r", labs="x"), ["few_labs"]),
    "a lab with one session": ([*cycle("p", "q", "r", labs="xy"), ("p", "q", "A", "z")], []),
    "a policy in one lab only": ([*cycle("p", "q", "r"), ("o", "p", "A", "x"), ("p", "o", "A", "x")], []),
}


@pytest.mark.parametrize(("rows", "expected"), DEGENERATE.values(), ids=DEGENERATE.keys())
def test_poor_data_have_a_finite_answer_and_say_what_ails_them(rows: list[Row], expected: list[str]) -> None:
    result = ranking.fit(table(rows), model="davidson", settings=FAST)
    assert codes(result) == expected
    json.dumps(result.as_json(), allow_nan=False)
    for row in result.policies:
        assert row.low < row.score < row.high
        assert row.rank_low <= row.rank <= row.rank_high
        assert row.n == row.wins + row.ties + row.losses


def test_nothing_to_rank_is_an_error() -> None:
    with pytest.raises(NothingToRank) as caught:
        ranking.fit(table([]))
    assert caught.value.code == "no_comparisons"


def test_only_ties_leave_all_scores_equal_and_all_ranks_open() -> None:
    result = ranking.fit(table([(p, q, "TIE", "x") for p, q in ("pq", "qr", "rp")]), model="davidson", settings=FAST)
    assert [row.score for row in result.policies] == pytest.approx([0, 0, 0], abs=1e-12)
    assert {(row.rank, row.rank_low, row.rank_high, row.group) for row in result.policies} == {(1, 1, 3, "a")}


def test_an_unbeaten_policy_is_first_finite_and_named() -> None:
    result = ranking.fit(table(DEGENERATE["unbeaten policy"][0]), model="davidson", settings=FAST)
    assert result.policies[0].policy == "o"
    assert 0 < result.policies[0].score < 5
    assert result.warnings[0].policies == ("o",)


def test_sets_never_compared_are_ranked_apart() -> None:
    result = ranking.fit(
        table([*cycle("p", "q", "r"), ("s", "t", "A", "x"), ("s", "t", "TIE", "x")]), model="davidson", settings=FAST
    )
    assert [(row.component, row.rank) for row in result.policies] == [(0, 1), (0, 1), (0, 1), (1, 1), (1, 2)]
    assert sum(row.score for row in result.policies[3:]) == pytest.approx(0, abs=1e-12)
    assert result.win[0][3] is result.tie[3][0] is None
    assert result.win[3][4] is not None
    assert result.warnings[0].policies == ("s", "t")


def test_a_policy_never_compared_is_left_out_and_named() -> None:
    compared = pudding(labs=3)
    more = replace(compared, policies=(*compared.policies, "brand 7"))
    result = ranking.fit(more, model="davidson", settings=FAST)
    assert result.policies == ranking.fit(compared, model="davidson", settings=FAST).policies
    assert codes(result) == ["never_compared"]
    assert result.warnings[0].policies == ("brand 7",)


def test_a_policy_seen_by_one_lab_is_not_taken_for_certain() -> None:
    """That lab's residuals add up to nearly nothing, so the clustered variance alone would be nearly zero."""
    result = ranking.fit(table(DEGENERATE["a policy in one lab only"][0]), model="davidson", settings=FAST)
    se = {row.policy: row.se for row in result.policies}
    assert se["o"] > se["p"]


def test_progress_is_averaged_and_moves_no_score() -> None:
    without = pudding(labs=3)
    some = np.where(np.arange(len(without)) % 2, 0.5, np.nan)
    result = ranking.fit(replace(without, progress_a=some, progress_b=some), model="davidson", settings=FAST)
    assert {row.mean_progress for row in result.policies} == {0.5}
    expected = ranking.fit(without, model="davidson", settings=FAST)
    assert result.policies == tuple(replace(row, mean_progress=0.5) for row in expected.policies)


@pytest.mark.parametrize("model", sorted(set(ranking.MODELS) - {"elo"}))
def test_rows_in_any_order_give_identical_bits(model: str) -> None:
    comparisons = simulate(np.random.default_rng(1), theta=np.linspace(-1, 1, 9), labs=5, n=120)
    rng = np.random.default_rng(3)
    comparisons = replace(
        comparisons,
        categories=("x", "y", "z"),
        category=rng.integers(3, size=120),
        progress_a=np.where(rng.random(120) < 0.2, np.nan, rng.random(120)),
        progress_b=rng.random(120),
    )
    shuffled = np.random.default_rng(2).permutation(len(comparisons))
    columns = ("policy_a", "policy_b", "outcome", "lab", "category", "progress_a", "progress_b")
    again = replace(comparisons, **{column: getattr(comparisons, column)[shuffled] for column in columns})
    first, second, third = (ranking.fit(some, model=model).as_json() for some in (comparisons, comparisons, again))
    assert first == second == third


def test_the_result_survives_a_json_store() -> None:
    result = ranking.fit(pudding(labs=3), model="davidson", settings=FAST).as_json()
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert [row["rank"] for row in result["policies"]] == sorted(row["rank"] for row in result["policies"])


def test_settings_survive_a_json_store() -> None:
    settings = DavidsonSettings(theta_sd=None, order_sd=0.0, intervals=IntervalSettings(level=0.9, seed=3))
    stored = json.loads(json.dumps(settings.as_json(), allow_nan=False))
    assert ranking.settings_from_json("davidson", stored) == settings
    assert ranking.settings_from_json("davidson", {}) == ranking.default_settings("davidson") == DavidsonSettings()


@pytest.mark.parametrize("stored", [{"theta": 1}, {"intervals": {"levels": 0.9}}])
def test_an_unknown_setting_is_refused(stored: dict[str, object]) -> None:
    with pytest.raises(InvalidSettings) as caught:
        ranking.settings_from_json("davidson", stored)
    assert caught.value.code == "setting_unknown"


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ({"level": 1.0}, "level_out_of_range"),
        ({"method": "bootstrap"}, "method_unknown"),
        ({"min_labs": 1}, "labs_too_few"),
        ({"draws": 0}, "simulation_out_of_range"),
    ],
)
def test_interval_settings_outside_their_range_are_refused(setting: dict[str, object], code: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        IntervalSettings(**setting)  # type: ignore[arg-type]
    assert caught.value.code == code


def test_a_model_takes_only_its_own_name_and_settings() -> None:
    with pytest.raises(UnknownModel, match="davidson"):
        ranking.fit(pudding(), model="glicko")
    with pytest.raises(InvalidSettings):
        ranking.fit(pudding(), model="davidson", settings=ranking.ModelSettings())


@pytest.mark.parametrize("model", ["joint", "davidson"])
def test_the_leaders_of_april_2025_are_not_separated(model: str) -> None:
    result = ranking.fit(roboarena(), model=model)
    assert result.n == 612
    assert [(row.rank_low, row.rank_high, row.group) for row in result.policies] == [(1, 6, "a")] * 6 + [(7, 7, "b")]
    assert result.policies[-1].policy == "paligemma_binning_droid"
    assert codes(result) == []
