import math
from collections import Counter
from dataclasses import replace
from itertools import combinations
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluations.pairing import (
    FLOOR,
    MOST_REPEATS,
    Bench,
    Candidate,
    DrawKind,
    Mix,
    draw_pair,
    fits,
    pair_chances,
    repeat_chance,
    ways_to_draw,
)

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


MIX = Mix(repeat=0.2, same_policy=0.1)


def test_a_share_is_kept_for_the_pairs_that_met_on_the_task() -> None:
    ways = ways_to_draw(range(3), {}, [(0, 1), (0, 1), (1, 2), (7, 8)], MIX)
    repeats = {pair: chance for (kind, pair), chance in ways.items() if kind == DrawKind.REPEAT}
    assert repeats == pytest.approx({(0, 1): 0.1, (1, 2): 0.1})


def test_a_task_without_earlier_pairs_is_not_repeated() -> None:
    unmet = ways_to_draw(range(3), {}, [(7, 8)], MIX)
    assert unmet == ways_to_draw(range(3), {}, [], Mix(same_policy=0.1))
    assert {kind for kind, _ in unmet} == {DrawKind.NORMAL, DrawKind.SAME_POLICY}


def test_shares_of_0_switch_off() -> None:
    ways = ways_to_draw(range(3), {}, [(0, 1)], Mix())
    assert {kind for kind, _ in ways} == {DrawKind.NORMAL}


def test_every_way_is_drawn_as_often_as_is_stored() -> None:
    """Weighed pairs, repeats, and one policy twice: the stored probability is that of the ordered pair, in any way."""
    candidates = [replace(FITTING, version_id=number) for number in range(4)]
    weights = {(0, 1): 1.0, (0, 2): 0.1, (0, 3): 0.4, (1, 2): 0.0, (1, 3): 0.7}
    earlier = [(1, 2), (0, 1), (1, 2)]
    rng, draws = Random(8), 40_000
    counts: Counter[tuple[int, int]] = Counter()
    kinds: Counter[str] = Counter()
    stored: dict[tuple[int, int], float] = {}
    for _ in range(draws):
        draw = draw_pair(candidates, BENCH, rng, weights=weights, earlier=earlier, mix=MIX)
        assert draw is not None
        assert (draw.kind == DrawKind.SAME_POLICY) == (draw.version_a == draw.version_b)
        counts[draw.version_a, draw.version_b] += 1
        kinds[draw.kind] += 1
        stored[draw.version_a, draw.version_b] = draw.probability
    assert len(stored) == 16
    assert sum(stored.values()) == pytest.approx(1)
    assert all(abs(counts[pair] - draws * share) < 5 * (draws * share) ** 0.5 for pair, share in stored.items())
    assert all(stored[a, b] == stored[b, a] for a, b in stored)
    for kind, share in ((DrawKind.NORMAL, 0.7), (DrawKind.REPEAT, 0.2), (DrawKind.SAME_POLICY, 0.1)):
        assert abs(kinds[kind] - draws * share) < 5 * (draws * share) ** 0.5


pools = st.sets(st.integers(0, 30), min_size=2, max_size=8).map(sorted)
mixes = st.builds(Mix, repeat=st.floats(0, MOST_REPEATS), same_policy=st.floats(0, 0.25))


def pairs_of(pool: list[int]) -> st.SearchStrategy[tuple[int, int]]:
    return st.sampled_from(list(combinations([*pool, 99], 2)))


@given(st.data(), pools, mixes)
def test_whatever_is_drawn_from(data: st.DataObject, pool: list[int], mix: Mix) -> None:
    """Probabilities add up to 1, every pair keeps its floor, and the measuring kinds keep to their shares."""
    weights = data.draw(st.dictionaries(pairs_of(pool), st.floats(0, 1), max_size=10))
    earlier = data.draw(st.lists(pairs_of(pool), max_size=6))
    ways = ways_to_draw(pool, weights, earlier, mix)
    assert math.fsum(ways.values()) == pytest.approx(1)
    shares = {kind: math.fsum(chance for (way, _), chance in ways.items() if way == kind) for kind in DrawKind}
    met = any(pair in set(combinations(pool, 2)) for pair in earlier)
    assert shares[DrawKind.REPEAT] == pytest.approx(mix.repeat if met else 0)
    assert shares[DrawKind.SAME_POLICY] == pytest.approx(mix.same_policy)
    floor = FLOOR * shares[DrawKind.NORMAL] / math.comb(len(pool), 2)
    assert all(ways[DrawKind.NORMAL, pair] >= floor * (1 - 1e-9) for pair in combinations(pool, 2))
    assert {version for _, pair in ways for version in pair} <= set(pool)


@given(st.data(), pools, st.integers())
def test_no_draw_holds_a_policy_of_a_lab_with_a_stake(data: st.DataObject, pool: list[int], seed: int) -> None:
    """However often it met on the task, and however it is weighed; also where it would meet itself."""
    barred = set(data.draw(st.lists(st.sampled_from(pool), max_size=len(pool))))
    candidates = [replace(FITTING, version_id=one, lab_id=1 if one in barred else 2) for one in pool]
    pairs = list(combinations(pool, 2))
    draw = draw_pair(
        candidates, BENCH, Random(seed), weights=dict.fromkeys(pairs, 1.0), earlier=pairs, mix=Mix(0.25, 0.75)
    )
    if len(set(pool) - barred) < 2:
        assert draw is None
    else:
        assert draw is not None
        assert not {draw.version_a, draw.version_b} & barred


@pytest.mark.parametrize("allowed", [1.0, 0.5, 0.2])
def test_repeats_keep_their_share_in_the_long_run(allowed: float) -> None:
    """However few of the tasks allow one, as long as MOST_REPEATS of those are enough."""
    rng, draws, repeated = Random(3), 4000, 0
    for drawn in range(draws):
        chance = repeat_chance(share=0.05, drawn=drawn, repeated=repeated)
        repeated += rng.random() < allowed and rng.random() < chance
        assert repeated <= 0.05 * (drawn + 1) + 1
    assert repeated / draws == pytest.approx(0.05, abs=0.005)


def test_where_few_tasks_allow_a_repeat_most_of_their_draws_are_none() -> None:
    assert repeat_chance(share=0.05, drawn=1000, repeated=0) == MOST_REPEATS
    assert repeat_chance(share=0.05, drawn=0, repeated=0) == 0.05
    assert repeat_chance(share=0.05, drawn=19, repeated=1) == 0
    assert repeat_chance(share=0, drawn=1000, repeated=0) == 0


@given(st.floats(0, 1), st.integers(0, 10**6), st.data())
def test_the_chance_of_a_repeat_is_capped(share: float, drawn: int, data: st.DataObject) -> None:
    repeated = data.draw(st.integers(0, drawn))
    assert 0 <= repeat_chance(share=share, drawn=drawn, repeated=repeated) <= MOST_REPEATS


def test_weights_of_versions_that_do_not_fit_change_nothing() -> None:
    candidates = [replace(FITTING, version_id=number) for number in range(3)]
    barred = replace(FITTING, version_id=3, lab_id=1)
    weights = {(0, 3): 1.0, (1, 3): 1.0, (2, 3): 1.0, (0, 1): 0.5, (0, 2): 0.5, (1, 2): 0.5}
    draw = draw_pair([*candidates, barred], BENCH, Random(2), weights=weights, earlier=[(0, 3)])
    assert draw is not None
    assert draw.probability == pytest.approx(1 / 6)
    assert draw.pool_size == 3
