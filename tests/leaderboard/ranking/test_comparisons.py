from typing import Any

import numpy as np
import pytest

from leaderboard.ranking import Comparisons, InvalidComparisons, encode
from tests.leaderboard.ranking.samples import table

COLUMNS: dict[str, Any] = {
    "policies": ("p", "q"),
    "labs": ("l",),
    "policy_a": np.array([0, 1]),
    "policy_b": np.array([1, 0]),
    "outcome": np.array([0, 2]),
    "lab": np.array([0, 0]),
    "progress_a": np.array([0.5, np.nan]),
    "progress_b": np.array([0.0, 1.0]),
}


def test_encode_keeps_names_and_gives_keys_in_their_order() -> None:
    comparisons = encode(
        policy_a=["pi0", "dp"],
        policy_b=["act", "pi0"],
        preference=["TIE", "B"],
        lab=["Yonsei", "Berkeley"],
        evaluator=["x", "x"],
        category=["pour", "fold"],
        progress_a=[0.25, float("nan")],
    )
    assert comparisons.policies == ("act", "dp", "pi0")
    assert comparisons.labs == ("Berkeley", "Yonsei")
    assert comparisons.policy_a.tolist() == [2, 1]
    assert comparisons.policy_b.tolist() == [0, 2]
    assert comparisons.outcome.tolist() == [1, 2]
    assert comparisons.lab.tolist() == [1, 0]
    assert comparisons.evaluator is not None
    assert comparisons.evaluator.tolist() == [0, 0]
    assert comparisons.category is not None
    assert comparisons.category.tolist() == [1, 0]
    np.testing.assert_array_equal(comparisons.progress_a, [0.25, np.nan])
    np.testing.assert_array_equal(comparisons.progress_b, [np.nan, np.nan])


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"lab": np.array([0])}, "columns_differ"),
        ({"lab": np.array([[0, 0]])}, "columns_differ"),
        ({"policy_a": np.array([0.0, 1.0])}, "keys_not_integer"),
        ({"policy_a": np.array([0, 2])}, "key_out_of_range"),
        ({"policy_b": np.array([1, -1])}, "key_out_of_range"),
        ({"outcome": np.array([0, 3])}, "key_out_of_range"),
        ({"labs": ()}, "key_out_of_range"),
        ({"evaluator": np.array([0, 0])}, "key_out_of_range"),
        ({"category": np.array([0]), "categories": ("c",)}, "columns_differ"),
        ({"policies": ("p", "p")}, "names_repeated"),
        ({"policy_b": np.array([0, 0])}, "policy_against_itself"),
        ({"progress_a": np.array([0.5, 1.5])}, "progress_out_of_range"),
        ({"progress_b": np.array([0.5, -np.inf])}, "progress_out_of_range"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(changed: dict[str, Any], code: str) -> None:
    Comparisons(**COLUMNS)
    with pytest.raises(InvalidComparisons) as caught:
        Comparisons(**(COLUMNS | changed))
    assert caught.value.code == code


def test_an_unknown_preference_is_refused() -> None:
    with pytest.raises(InvalidComparisons, match="not 'both'") as caught:
        encode(policy_a=["p"], policy_b=["q"], preference=["both"], lab=["l"])
    assert caught.value.code == "preference_unknown"


def test_the_arrays_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        Comparisons(**COLUMNS).policy_a[0] = 1


@pytest.mark.parametrize("repeats", [1, 20])
def test_cells_count_outcomes_by_lab_and_sides(repeats: int) -> None:
    """The same whether there are few comparisons to a cell (sorted) or many (tabulated)."""
    rows = [
        ("p", "q", "A", "x"),
        ("p", "q", "A", "x"),
        ("p", "q", "TIE", "x"),
        ("q", "p", "A", "x"),
        ("p", "q", "B", "y"),
    ]
    cells = table(rows * repeats).cells()
    assert cells.lab.tolist() == [0, 0, 1]
    assert cells.policy_a.tolist() == [0, 1, 0]
    assert cells.policy_b.tolist() == [1, 0, 1]
    np.testing.assert_array_equal(cells.counts, repeats * np.array([[2, 1, 0], [1, 0, 0], [0, 0, 1]]))


def test_no_rows_make_no_cells() -> None:
    assert table([]).cells().counts.shape == (3, 0)


def test_policies_without_comparisons_are_set_aside() -> None:
    comparisons = Comparisons(**(COLUMNS | {"policies": ("o", "p", "q"), "policy_a": [1, 2], "policy_b": [2, 1]}))
    compared, absent = comparisons.compared()
    assert absent == ("o",)
    assert compared.policies == ("p", "q")
    assert compared.policy_a.tolist() == [0, 1]
