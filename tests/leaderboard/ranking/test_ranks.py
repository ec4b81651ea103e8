import numpy as np
import pytest
from scipy import stats

from leaderboard.ranking import IntervalSettings
from leaderboard.ranking.intervals import Uncertainty
from leaderboard.ranking.ranks import Ranks, critical_value, group_letters, rank

ONE_COMPONENT = np.zeros(4, dtype=np.int64)


def ranks_of(score: list[float], *, sd: float, component: np.ndarray = ONE_COMPONENT) -> Ranks:
    unsure = Uncertainty(np.eye(len(score)) * sd**2, None, "model", 1.96, 1.96)
    return rank(np.array(score), component, unsure, IntervalSettings())


@pytest.mark.parametrize(("P", "df"), [(2, None), (5, None), (20, None), (5, 6), (10, 29)])
def test_equal_independent_scores_give_tukeys_critical_value(P: int, df: int | None) -> None:
    se = np.sqrt(2) * (1 - np.eye(P))
    c = critical_value(np.eye(P), se, df=df, settings=IntervalSettings(draws=40_000))
    assert c == pytest.approx(stats.studentized_range.ppf(0.95, P, df or np.inf) / np.sqrt(2), rel=0.02)


def test_well_separated_policies_have_one_rank_each() -> None:
    ranks = ranks_of([0.0, 3.0, 1.0, 2.0], sd=0.1)
    assert ranks.rank.tolist() == ranks.low.tolist() == ranks.high.tolist() == [4, 1, 3, 2]
    assert ranks.group == ("d", "a", "c", "b")


def test_close_policies_share_ranks_and_letters() -> None:
    ranks = ranks_of([2.0, 1.0, 0.0, -3.0], sd=0.4)
    assert ranks.rank.tolist() == [1, 2, 3, 4]
    assert ranks.low.tolist() == [1, 1, 2, 4]
    assert ranks.high.tolist() == [2, 3, 3, 4]
    assert ranks.group == ("a", "ab", "b", "c")


def test_equal_scores_share_a_rank() -> None:
    assert ranks_of([1.0, 1.0 + 1e-13, 0.0, 0.0], sd=5).rank.tolist() == [1, 1, 3, 3]


def test_components_are_ranked_apart_and_share_no_letter() -> None:
    ranks = ranks_of([0.1, 0.0, 9.0, 0.0], sd=1, component=np.array([0, 0, 1, 1]))
    assert ranks.rank.tolist() == [1, 2, 1, 2]
    assert ranks.low.tolist() == [1, 1, 1, 2]
    assert ranks.high.tolist() == [2, 2, 1, 2]
    assert ranks.group == ("a", "a", "b", "c")


def test_a_difference_without_known_variance_separates_nobody() -> None:
    V = np.array([[1.0, 1.0, -2.0], [1.0, 1.0, -2.0], [-2.0, -2.0, 4.0]])
    unsure = Uncertainty(V, None, "model", 1.96, 1.96)
    ranks = rank(np.array([1.0, 0.0, -1.0]), np.zeros(3, dtype=np.int64), unsure, IntervalSettings())
    assert (ranks.low[0], ranks.high[0]) == (1, 3)


def test_the_seed_decides_the_critical_value() -> None:
    se = np.sqrt(2) * (1 - np.eye(3))
    first, again, other = (critical_value(np.eye(3), se, df=6, settings=IntervalSettings(seed=s)) for s in (1, 1, 2))
    assert first == again != other


def test_letters_beyond_z_carry_a_number() -> None:
    groups = group_letters(np.eye(28, dtype=np.bool_), order=np.arange(28))
    assert groups[25:] == ("z", "a2", "b2")
