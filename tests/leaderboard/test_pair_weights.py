import itertools
from io import StringIO
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from django.core.management import call_command
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from evaluations import assignments
from evaluations.models import PairWeight, Preference
from evaluations.pairing import FLOOR, Draw, pair_chances
from leaderboard import pair_weights, snapshots
from leaderboard.pair_information import NEWCOMER_VARIANCE, informative, with_newcomers
from leaderboard.pair_weights import weigh
from leaderboard.ranking import encode, fit
from tests.factories import Arena, finish_session, make_version, open_session, stored_weights
from workers import tasks

Match = tuple[str, str, int, int, int]
"""Two policies, and how often the first was preferred, tied, not preferred."""


def result_of(*matches: Match, model: str = "davidson") -> dict[str, Any]:
    rows = [
        (a, b, preference)
        for a, b, *counts in matches
        for preference, count in zip(("A", "TIE", "B"), counts, strict=True)
        for _ in range(count)
    ]
    policy_a, policy_b, preference = zip(*rows, strict=True)
    comparisons = encode(policy_a=policy_a, policy_b=policy_b, preference=preference, lab=["lab"] * len(rows))
    return fit(comparisons, model=model).as_json()


def test_near_ties_come_before_pairs_that_are_told_apart() -> None:
    result = result_of(("good", "fair", 20, 10, 18), ("good", "poor", 40, 4, 2), ("fair", "poor", 40, 4, 2))
    weights = weigh(result, {"good": 1, "fair": 2, "poor": 3})
    assert weights[1, 2] == 1
    assert weights[1, 3] < 0.05
    assert weights[2, 3] < 0.05


def test_newcomers_come_first() -> None:
    result = result_of(("good", "fair", 20, 10, 18), ("good", "poor", 40, 4, 2), ("fair", "poor", 40, 4, 2))
    weights = weigh(result, {"good": 4, "fair": 2, "poor": 3, "new": 1, "newer": 5})
    assert min(weights[1, 2], weights[1, 3], weights[1, 4]) > weights[2, 4]
    assert weights[1, 5] == 1
    assert all(low < high and 0 <= weight <= 1 for (low, high), weight in weights.items())
    assert len(weights) == 10


def test_policies_that_nothing_connects_come_first() -> None:
    result = result_of(("a", "b", 5, 2, 5), ("c", "d", 5, 2, 5))
    weights = weigh(result, {"a": 1, "b": 2, "c": 3, "d": 4})
    assert weights[1, 3] == weights[2, 4] == 1


def test_a_single_version_has_no_pair() -> None:
    assert weigh(result_of(("a", "b", 5, 2, 5)), {"a": 1}) == {}


def even(*score: float) -> np.ndarray[Any, Any]:
    """The chance of winning among policies of these scores that never tie."""
    chance: np.ndarray[Any, Any] = 1 / (1 + np.exp(np.array(score) - np.array(score)[:, None]))
    return chance


def test_known_numbers() -> None:
    """Even policies that never tie, difference known to 1: 2 Phi(0) is 1, I = 1/4, and V (e_1 - e_2) = (.5, -.5)."""
    V = np.array([[0.25, -0.25], [-0.25, 0.25]])
    assert informative(even(0, 0), V)[0, 1] == pytest.approx(0.25 * 0.5 / 1.25)
    assert informative(even(0, 0), 0 * V)[0, 1] == 0
    assert informative(even(0, 2), V)[0, 1] < informative(even(0, 0.5), V)[0, 1]


def test_a_comparison_is_worth_what_it_takes_off_the_total_variance() -> None:
    """Among even policies, against the trace of the inverse of the information with one row more."""
    rows = np.random.default_rng(1).normal(size=(30, 4))
    precision = rows.T @ rows
    V: np.ndarray[Any, Any] = np.linalg.inv(precision)
    found = informative(even(0, 0, 0, 0), V)
    for i, j in itertools.combinations(range(4), 2):
        row = np.eye(4)[i] - np.eye(4)[j]
        after = np.linalg.inv(precision + np.outer(row, row) / 4)
        assert found[i, j] == pytest.approx(np.trace(V) - np.trace(after))
        assert found[i, j] == pytest.approx(found[j, i])


@given(st.integers(2, 8), st.integers(0, 10**6), st.data())
def test_weights_of_any_covariance(P: int, seed: int, data: st.DataObject) -> None:
    """Finite, not negative, symmetric; whichever order the policies stand in."""
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(P, P)) * data.draw(st.sampled_from([0.0, 1e-3, 0.3, 3.0]))
    V, win = factor @ factor.T, even(*rng.normal(0, 2, P))
    found = informative(win, V)
    assert np.all(np.isfinite(found))
    assert np.all(found >= 0)
    assert found == pytest.approx(found.T)
    order = np.array(data.draw(st.permutations(range(P))))
    among = np.ix_(order, order)
    assert informative(win[among], V[among]) == pytest.approx(found[among])


def test_of_two_near_ties_the_less_known_one_tells_more() -> None:
    V = np.diag([0.01, 0.01, 1.0])
    weights = informative(even(0, 0, 0), V)
    assert weights[0, 2] > 10 * weights[0, 1]


def test_what_a_result_does_not_say_is_not_known() -> None:
    nan = float("nan")
    V = with_newcomers(np.array([[0.2, nan, 0.1], [nan, nan, nan], [0.1, nan, 0.3]]), np.array([False, False, True]))
    assert V.tolist() == [[0.2, 0, 0], [0, NEWCOMER_VARIANCE, 0], [0, 0, NEWCOMER_VARIANCE]]


@pytest.mark.parametrize("model", ["davidson", "joint"])
def test_the_covariance_of_any_model_serves(model: str) -> None:
    result = result_of(("good", "fair", 20, 10, 18), ("good", "poor", 40, 4, 2), ("new", "poor", 1, 1, 0), model=model)
    weights = weigh(result, {"good": 1, "fair": 2, "poor": 3, "new": 4, "unseen": 5})
    assert all(0 <= weight <= 1 for weight in weights.values())
    assert weights[1, 3] < weights[1, 2] < weights[1, 4]


def test_sessions_become_weights_for_all_pairs_in_the_pool(arena: Arena) -> None:
    for number in range(12):
        finish_session(open_session(arena, f"task {number}"), preference=list(Preference)[number % 3])
    snapshots.recompute_all(now=timezone.now())
    newcomer = make_version(lab=arena.owners)
    elsewhere = make_version(lab=arena.owners, embodiment="ALOHA")
    pair_weights.write(now=timezone.now())
    among = sorted(version.pk for version in [*arena.versions, newcomer])
    weights = stored_weights([*among, elsewhere.pk])
    assert set(weights) == set(itertools.combinations(among, 2))
    assert max(weights.values()) == 1


def test_a_recomputed_board_renews_the_weights(arena: Arena) -> None:
    for number in range(6):
        finish_session(open_session(arena, f"task {number}"), preference=list(Preference)[number % 3])
    call_command("recompute", stdout=StringIO())
    first = set(PairWeight.objects.values_list("pk", flat=True))
    assert len(first) == 3
    call_command("recompute", stdout=StringIO())
    assert set(PairWeight.objects.values_list("pk", flat=True)) == first
    finish_session(open_session(arena, "another task"))
    tasks.recompute_boards()
    assert len(set(PairWeight.objects.values_list("pk", flat=True)) - first) == 3


def test_without_comparisons_no_pair_is_weighed(arena: Arena) -> None:
    pair_weights.write(now=timezone.now())
    assert not PairWeight.objects.exists()


def test_a_pool_that_fell_apart_is_joined(arena: Arena) -> None:
    """Two pairs that only ever met each other: whoever comes next is drawn across, and one board ranks all four."""
    versions = [*arena.versions, make_version(lab=arena.owners)]
    parts = [(versions[0].pk, versions[1].pk), (versions[2].pk, versions[3].pk)]
    for number in range(16):
        with patch.object(assignments, "_draw", return_value=(Draw(*parts[number % 2], 0.5, 4), None)):
            finish_session(open_session(arena, f"task {number}"), preference=list(Preference)[number // 2 % 3])
    call_command("recompute", stdout=StringIO())
    assert parts_of_the_board() == {0, 1}
    weights = stored_weights(version.pk for version in versions)
    across = {pair for pair in weights if pair not in parts}
    assert {weights[pair] for pair in across} == {1}
    chances = dict(zip(weights, pair_chances(list(weights), weights), strict=True))
    assert min(chances.values()) >= FLOOR / len(chances)
    assert min(chances[pair] for pair in across) >= max(chances[pair] for pair in parts)
    number = 0
    while parts_of_the_board() == {0, 1}:
        finish_session(open_session(arena, f"another task {(number := number + 1)}"))
        call_command("recompute", stdout=StringIO())
    assert number < 50  # each is across with a chance of two thirds at least
    assert max(stored_weights(version.pk for version in versions).values()) == 1


def parts_of_the_board() -> set[int]:
    snapshot = snapshots.latest("overall")
    assert snapshot is not None
    return {row["component"] for row in snapshot.result["policies"]}
