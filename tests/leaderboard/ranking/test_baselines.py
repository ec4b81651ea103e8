import json
import math
from dataclasses import replace

import numpy as np
import pytest

from leaderboard import ranking
from leaderboard.ranking import InvalidSettings, NothingToRank
from leaderboard.ranking.baselines import EloSettings
from leaderboard.ranking.comparisons import FloatArray
from tests.leaderboard.ranking.samples import pudding, roboarena, simulate, table
from tests.leaderboard.ranking.test_joint import sessions

BASELINES = ("win_rate", "mean_progress", "paired_progress", "elo")


def scores(result: ranking.FitResult) -> dict[str, float]:
    return {row.policy: row.score for row in result.policies}


@pytest.mark.parametrize("model", [*BASELINES, "mixture"])
def test_each_gives_a_ranking_that_survives_a_json_store_and_says_what_it_lacks(model: str) -> None:
    result = ranking.fit(sessions(), model=model)
    stored = json.loads(json.dumps(result.as_json(), allow_nan=False))
    assert stored == result.as_json()
    assert [row["policy"] for row in stored["policies"]][-1] == "policy 0"
    assert sum(row.score for row in result.policies) == pytest.approx(0, abs=1e-9)
    assert "order" in result.missing
    assert all(result.missing.values())


def test_the_win_rate_counts_a_tie_as_half() -> None:
    rows = [("p", "q", "A", "x")] * 2 + [("q", "p", "TIE", "x")] * 2
    result = ranking.fit(table(rows), model="win_rate")
    rate = (2 + 1 + 0.5) / 5
    assert scores(result)["p"] == pytest.approx(math.log(rate / (1 - rate)))


def test_mean_progress_and_its_error_are_those_of_the_rollouts() -> None:
    rng = np.random.default_rng(0)
    n = 2000
    comparisons = simulate(rng, theta=np.zeros(4), labs=1, n=n)
    progress: FloatArray = rng.random((2, n))
    comparisons = replace(comparisons, progress_a=progress[0], progress_b=progress[1])
    result = ranking.fit(comparisons, model="mean_progress")
    means = {row.policy: row.mean_progress for row in result.policies}
    average = np.mean([value for value in means.values() if value is not None])
    for row in result.policies:
        assert row.mean_progress is not None
        assert row.score == pytest.approx(row.mean_progress - average, abs=1e-3)
        assert row.se == pytest.approx(math.sqrt(3 / 4 / 12 / (n / 2)), rel=0.15)
    assert result.unit == "progress"


def test_paired_progress_ignores_how_hard_a_session_was() -> None:
    comparisons = sessions(n=300)
    hard = np.random.default_rng(0).random(300) * 0.5
    kept = {side: getattr(comparisons, side) * 0.5 for side in ("progress_a", "progress_b")}
    plain = replace(comparisons, **kept)
    shifted = replace(comparisons, **{side: values + hard for side, values in kept.items()})
    left, right = (scores(ranking.fit(some, model="paired_progress")) for some in (plain, shifted))
    np.testing.assert_allclose([left[name] for name in right], list(right.values()), atol=1e-9)


@pytest.mark.parametrize("model", ["mean_progress", "paired_progress"])
def test_without_progress_there_is_nothing_to_rank_by(model: str) -> None:
    with pytest.raises(NothingToRank) as caught:
        ranking.fit(pudding(), model=model)
    assert caught.value.code == "no_progress"


def test_elo_takes_the_rows_in_their_order_and_leaves_all_ranks_open() -> None:
    result = ranking.fit(table([("p", "q", "A", "x"), ("p", "q", "B", "x")]), model="elo")
    k = 32 * math.log(10) / 400
    first = k / 2
    second = first - k * (1 / (1 + math.exp(-2 * first)))
    assert scores(result)["p"] == pytest.approx(second)
    assert {(row.rank_low, row.rank_high, row.group) for row in result.policies} == {(1, 2, "a")}
    assert result.as_json()["policies"][0]["se"] is None
    with pytest.raises(InvalidSettings):
        EloSettings(k_factor=0)


def test_with_one_bucket_the_published_outcomes_are_the_win_rates_own() -> None:
    """tau cancels in the preferences; the win rate's predictions are of the same form, from its own scores."""
    result = ranking.fit(roboarena(), model="win_rate")
    assert result.log_likelihood / result.n == pytest.approx(-0.89, abs=0.02)
