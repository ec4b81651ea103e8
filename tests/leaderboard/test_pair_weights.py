import itertools
from io import StringIO
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command
from django.utils import timezone

from evaluations import pairs
from evaluations.models import PairWeight, Preference
from leaderboard import pair_weights, snapshots
from leaderboard.pair_information import informative
from leaderboard.pair_weights import weigh
from leaderboard.ranking import encode, fit
from tests.factories import Arena, finish_session, make_version, open_session
from workers import tasks

Match = tuple[str, str, int, int, int]
"""Two policies, and how often the first was preferred, tied, not preferred."""


def result_of(*matches: Match) -> dict[str, Any]:
    rows = [
        (a, b, preference)
        for a, b, *counts in matches
        for preference, count in zip(("A", "TIE", "B"), counts, strict=True)
        for _ in range(count)
    ]
    policy_a, policy_b, preference = zip(*rows, strict=True)
    comparisons = encode(policy_a=policy_a, policy_b=policy_b, preference=preference, lab=["lab"] * len(rows))
    return fit(comparisons, model="davidson").as_json()


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


def test_known_numbers() -> None:
    """Even policies that never tie, difference known to 1: twice Phi(0) is 1, I = 1/4, so sqrt(log(5/4))."""
    half, one = np.array([0.5]), np.array([1.0])
    assert informative(half, half, one) == pytest.approx(np.sqrt(np.log(1.25)))
    assert informative(half, half, 0 * one) == pytest.approx(0)
    assert informative(np.array([0.9]), np.array([0.1]), one) < informative(np.array([0.6]), np.array([0.4]), one)


def test_sessions_become_weights_for_all_pairs_in_the_pool(arena: Arena) -> None:
    for number in range(12):
        finish_session(open_session(arena, f"task {number}"), preference=list(Preference)[number % 3])
    snapshots.recompute_all(now=timezone.now())
    newcomer = make_version(lab=arena.owners)
    elsewhere = make_version(lab=arena.owners, embodiment="ALOHA")
    pair_weights.write(now=timezone.now())
    among = sorted(version.pk for version in [*arena.versions, newcomer])
    weights = pairs.weights_among([*among, elsewhere.pk])
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
