import numpy as np
import pytest

from leaderboard.ranking import encode
from leaderboard.ranking.diagnostics import components, separated, tally
from tests.leaderboard.ranking.samples import Row, table


def rows_of(*outcomes: str) -> list[Row]:
    """ "p>q" is a win of p on side A over q, "p=q" a tie."""
    return [(text[0], text[2], "TIE" if text[1] == "=" else "A", "x") for text in outcomes]


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["a>b", "b>c"], [0, 0, 0]),
        (["a>b", "c>d"], [0, 0, 1, 1]),
        (["a>b", "c>d", "d=e"], [1, 1, 0, 0, 0]),
        (["a>d", "b>c", "c=e", "f>g"], [1, 0, 0, 1, 0, 2, 2]),
    ],
)
def test_components_are_numbered_by_size(outcomes: list[str], expected: list[int]) -> None:
    comparisons = table(rows_of(*outcomes))
    assert components(comparisons.cells(), n_policies=comparisons.n_policies).tolist() == expected


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["a>b", "b>a"], ""),
        (["a=b"], ""),
        (["a>b"], "ab"),
        (["a>b", "b>c", "c>a"], ""),
        (["a>b", "b>c", "c>b"], "a"),
        (["a>b", "a=c", "b>c", "c>b"], ""),
        (["a>c", "b>c", "c>d", "a>b", "b>a", "d>c"], "abcd"),
        (["a>b", "b>a", "c>a", "b>d", "d>e", "e>d", "b>c", "x>d", "y>z"], "dexyz"),
    ],
)
def test_separated_policies_lie_outside_the_largest_set_that_beat_or_tied_each_other(
    outcomes: list[str], expected: str
) -> None:
    comparisons = table(rows_of(*outcomes))
    cells = comparisons.cells()
    outside = separated(cells, components(cells, n_policies=comparisons.n_policies))
    assert "".join(np.array(comparisons.policies)[outside]) == expected


def test_tally_counts_both_sides_and_known_progress() -> None:
    comparisons = encode(
        policy_a=["p", "q", "p"],
        policy_b=["q", "p", "r"],
        preference=["A", "TIE", "B"],
        lab=["x", "x", "y"],
        progress_a=[1.0, 0.5, float("nan")],
        progress_b=[0.0, 0.25, float("nan")],
    )
    counts = tally(comparisons, comparisons.cells())
    assert counts.n.tolist() == [3, 2, 1]
    assert counts.wins.tolist() == [1, 0, 1]
    assert counts.ties.tolist() == [1, 1, 0]
    assert counts.losses.tolist() == [1, 1, 0]
    np.testing.assert_array_equal(counts.mean_progress, [0.625, 0.25, np.nan])
