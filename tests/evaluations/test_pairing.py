from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from evaluations.pairing import FLOOR, REPEATS, Bench, Candidate, draw_pair, fits, pair_chances

BENCH = Bench(barred_labs=frozenset({1, 7}), embodiment_id=1, simulated=False, external_cameras=2, wrist_camera=True)
FITTING = Candidate(version_id=1, lab_id=2, embodiment_id=1, simulated=False)


@pytest.mark.parametrize(
    ("changes", "fitting"),
    [
        ({}, True),
        ({"lab_id": 1}, False),
        ({"lab_id": 7}, False),
        ({"lab_id": None}, True),
        ({"embodiment_id": 2}, False),
        ({"simulated": True}, False),
        ({"external_cameras": 0}, True),
        ({"external_cameras": 2}, True),
        ({"external_cameras": 3}, False),
        ({"wrist_camera": False}, True),
    ],
)
def test_what_a_version_needs_decides(changes: dict[str, Any], fitting: bool) -> None:
    assert fits(replace(FITTING, **changes), BENCH) is fitting


def test_a_bench_without_a_wrist_camera_takes_only_who_needs_none() -> None:
    bench = replace(BENCH, wrist_camera=False)
    assert not fits(FITTING, bench)
    assert fits(replace(FITTING, wrist_camera=False), bench)


def test_every_ordered_pair_is_as_likely_as_its_stored_probability() -> None:
    candidates = [replace(FITTING, version_id=number) for number in range(4)]
    rng, draws = Random(7), 12_000
    counts: Counter[tuple[int, int]] = Counter()
    for _ in range(draws):
        draw = draw_pair(candidates, BENCH, rng)
        assert draw is not None
        assert draw.probability == pytest.approx(1 / 12)
        counts[draw.version_a, draw.version_b] += 1
    assert len(counts) == 12
    expected = draws / 12
    assert all(abs(count - expected) < 5 * expected**0.5 for count in counts.values())


def test_the_order_in_which_candidates_are_listed_does_not_matter() -> None:
    candidates = [replace(FITTING, version_id=number) for number in range(5)]
    assert draw_pair(candidates, BENCH, Random(1)) == draw_pair(candidates[::-1], BENCH, Random(1))


@pytest.mark.parametrize("fitting", [0, 1])
def test_fewer_than_two_are_no_pair(fitting: int) -> None:
    own = [replace(FITTING, version_id=9, lab_id=1)]
    assert draw_pair([FITTING] * fitting + own, BENCH, Random(1)) is None


PAIRS = [(0, 1), (0, 2), (1, 2)]


def test_chances_add_up_to_one_and_every_pair_keeps_its_floor() -> None:
    chances = pair_chances(PAIRS, {(0, 1): 1.0, (0, 2): 0.0, (1, 2): 0.0})
    assert sum(chances) == pytest.approx(1)
    assert chances == pytest.approx([FLOOR / 3 + 1 - FLOOR, FLOOR / 3, FLOOR / 3])


def test_chances_follow_the_weights() -> None:
    chances = pair_chances(PAIRS, {(0, 1): 0.5, (0, 2): 0.25, (1, 2): 0.25})
    assert chances[0] - FLOOR / 3 == pytest.approx(2 * (chances[1] - FLOOR / 3))
    assert chances[1] == chances[2]


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_equal_weights_are_no_weights(weight: float) -> None:
    assert pair_chances(PAIRS, dict.fromkeys(PAIRS, weight)) == pytest.approx([1 / 3] * 3)
    assert pair_chances(PAIRS, {}) == pytest.approx([1 / 3] * 3)


def test_a_pair_that_nobody_has_weighed_yet_counts_as_the_most_telling_one() -> None:
    chances = pair_chances(PAIRS, {(0, 1): 1.0, (0, 2): 0.1})
    assert chances[2] == pytest.approx(chances[0])
    assert chances[2] > chances[1]


def test_a_share_is_kept_for_the_pairs_that_met_on_the_task() -> None:
    chances = pair_chances(PAIRS, {}, earlier=[(0, 1), (0, 1), (1, 2), (7, 8)])
    rest = (1 - REPEATS) / 3
    assert chances == pytest.approx([rest + REPEATS * 2 / 3, rest, rest + REPEATS / 3])
    assert pair_chances(PAIRS, {}, earlier=[(7, 8)]) == pair_chances(PAIRS, {})


def test_a_weighted_pair_is_as_likely_as_its_stored_probability() -> None:
    candidates = [replace(FITTING, version_id=number) for number in range(4)]
    weights = {(0, 1): 1.0, (0, 2): 0.1, (0, 3): 0.4, (1, 2): 0.0, (1, 3): 0.7}
    rng, draws = Random(8), 20_000
    counts: Counter[tuple[int, int]] = Counter()
    stored: dict[tuple[int, int], float] = {}
    for _ in range(draws):
        draw = draw_pair(candidates, BENCH, rng, weights=weights, earlier=[(1, 2)])
        assert draw is not None
        counts[draw.version_a, draw.version_b] += 1
        stored[draw.version_a, draw.version_b] = draw.probability
    assert sum(stored.values()) == pytest.approx(1)
    assert all(abs(counts[pair] - draws * share) < 5 * (draws * share) ** 0.5 for pair, share in stored.items())
    assert all(stored[a, b] == stored[b, a] for a, b in stored)


def test_weights_of_versions_that_do_not_fit_change_nothing() -> None:
    candidates = [replace(FITTING, version_id=number) for number in range(3)]
    barred = replace(FITTING, version_id=3, lab_id=1)
    weights = {(0, 3): 1.0, (1, 3): 1.0, (2, 3): 1.0, (0, 1): 0.5, (0, 2): 0.5, (1, 2): 0.5}
    draw = draw_pair([*candidates, barred], BENCH, Random(2), weights=weights, earlier=[(0, 3)])
    assert draw is not None
    assert draw.probability == pytest.approx(1 / 6)
    assert draw.pool_size == 3
