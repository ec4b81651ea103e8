import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, combinations_with_replacement
from random import Random
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluations.pairing import (
    FLOOR,
    MOST_REPEATS,
    RETURNED_SHARE,
    UNWEIGHED,
    Bench,
    Candidate,
    Chances,
    DrawKind,
    Mix,
    Order,
    Pair,
    Way,
    Weights,
    draw_pair,
    fits,
    pair_chances,
    repeat_chance,
)

BENCH = Bench(barred_labs=frozenset({1, 7}), embodiment_id=1, simulated=False, external_cameras=2, wrist_camera=True)
FITTING = Candidate(version_id=1, lab_id=2, embodiment_id=1, simulated=False)


def ways_to_draw(
    pool: Sequence[int],
    weights: Mapping[Pair, float],
    earlier: Collection[Pair],
    mix: Mix,
    orders: Collection[Order] = (),
    owed: Collection[Pair] = (),
) -> dict[Way, float]:
    """The probability of each way to draw each pair: what is stored of one, asked for all."""
    chances = Chances(Weights.of(weights).among(tuple(sorted(pool))), earlier, mix, orders, owed)
    ways: dict[Way, float] = {}
    for pair in combinations_with_replacement(sorted(pool), 2):
        ways |= chances.ways_of(pair)
    return ways


def chances_of_orders(
    pool: Sequence[int], weights: Mapping[Pair, float], orders: Collection[Order]
) -> dict[Way, float]:
    """The probability of each order and opponent, given that one is served."""
    ways = ways_to_draw(pool, weights, [], Mix(requested=1.0), orders)
    return {way: chance for way, chance in ways.items() if way.kind == DrawKind.REQUESTED}


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
    repeats = {way.pair: chance for way, chance in ways.items() if way.kind == DrawKind.REPEAT}
    assert repeats == pytest.approx({(0, 1): 0.1, (1, 2): 0.1})


def test_a_task_without_earlier_pairs_is_not_repeated() -> None:
    unmet = ways_to_draw(range(3), {}, [(7, 8)], MIX)
    assert unmet == ways_to_draw(range(3), {}, [], Mix(same_policy=0.1))
    assert {way.kind for way in unmet} == {DrawKind.NORMAL, DrawKind.SAME_POLICY}


def test_shares_of_0_switch_off() -> None:
    ways = ways_to_draw(range(3), {}, [(0, 1)], Mix())
    assert {way.kind for way in ways} == {DrawKind.NORMAL}


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
        draw = draw_pair(candidates, BENCH, rng, weights=Weights.of(weights), earlier=earlier, mix=MIX)
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
mixes = st.builds(Mix, repeat=st.floats(0, MOST_REPEATS), same_policy=st.floats(0, 0.25), requested=st.floats(0, 1))


def pairs_of(pool: list[int]) -> st.SearchStrategy[tuple[int, int]]:
    return st.sampled_from(list(combinations([*pool, 99], 2)))


@given(st.data(), pools, mixes)
def test_whatever_is_drawn_from(data: st.DataObject, pool: list[int], mix: Mix) -> None:
    """Probabilities add up to 1, every pair keeps its floor, and the measuring kinds keep to their shares."""
    weights = data.draw(st.dictionaries(pairs_of(pool), st.floats(0, 1), max_size=10))
    earlier = data.draw(st.lists(pairs_of(pool), max_size=6))
    orders = data.draw(st.lists(orders_for(pool), max_size=4, unique_by=lambda order: order.order_id))
    owed = data.draw(st.lists(pairs_of(pool), max_size=4))
    ways = ways_to_draw(pool, weights, earlier, mix, orders, owed)
    assert math.fsum(ways.values()) == pytest.approx(1)
    shares = {kind: math.fsum(chance for way, chance in ways.items() if way.kind == kind) for kind in DrawKind}
    met = any(pair in set(combinations(pool, 2)) for pair in earlier)
    assert shares[DrawKind.REPEAT] == pytest.approx(mix.repeat if met else 0)
    assert shares[DrawKind.SAME_POLICY] == pytest.approx(mix.same_policy)
    served = {order.order_id: order for order in orders if _can_be_served(order, pool)}
    others = 1 - shares[DrawKind.REPEAT] - shares[DrawKind.SAME_POLICY]
    due = {pair for pair in owed if set(pair) <= set(pool)}
    assert shares[DrawKind.RETURNED] == pytest.approx(others * RETURNED_SHARE if due else 0)
    assert {way.pair for way in ways if way.kind == DrawKind.RETURNED} == (due if shares[DrawKind.RETURNED] else set())
    others -= shares[DrawKind.RETURNED]
    assert shares[DrawKind.REQUESTED] == pytest.approx(others * mix.requested if served else 0)
    floor = FLOOR * shares[DrawKind.NORMAL] / math.comb(len(pool), 2)
    assert all(ways[Way(DrawKind.NORMAL, pair)] >= floor * (1 - 1e-9) for pair in combinations(pool, 2))
    assert {version for way in ways for version in way.pair} <= set(pool)
    for way in ways:
        if way.kind == DrawKind.REQUESTED:
            assert way.order_id is not None
            order = served[way.order_id]
            (other,) = set(way.pair) - {order.version_id}
            assert not order.opponents or other in order.opponents


@given(st.data(), pools, mixes)
def test_the_chances_are_those_of_the_pairs_one_by_one(data: st.DataObject, pool: list[int], mix: Mix) -> None:
    """Of normal draws by their definition over all pairs, and of what an order asks for by that over its opponents."""
    weights = data.draw(st.dictionaries(pairs_of(pool), st.floats(0, 1), max_size=30))
    order = data.draw(orders_for(pool))
    ways = ways_to_draw(pool, weights, [], mix, [order])
    pairs = list(combinations(pool, 2))
    normal = math.fsum(chance for way, chance in ways.items() if way.kind == DrawKind.NORMAL)
    for pair, chance in zip(pairs, pair_chances(pairs, weights), strict=True):
        assert ways[Way(DrawKind.NORMAL, pair)] == pytest.approx(normal * chance, abs=1e-12)
    asked = [
        pair
        for pair in pairs
        if order.version_id in pair and (not order.opponents or set(pair) - {order.version_id} <= order.opponents)
    ]
    requested = math.fsum(chance for way, chance in ways.items() if way.kind == DrawKind.REQUESTED)
    if requested:
        for pair, chance in zip(asked, pair_chances(asked, weights), strict=True):
            found = ways[Way(DrawKind.REQUESTED, pair, order.order_id)]
            assert found == pytest.approx(requested * chance, abs=1e-12)


@given(st.data(), pools, st.integers())
def test_what_weighs_nothing_is_drawn_by_the_floor_alone(data: st.DataObject, pool: list[int], seed: int) -> None:
    pairs = list(combinations(pool, 2))
    weights = data.draw(st.fixed_dictionaries(dict.fromkeys(pairs, st.sampled_from([0.0, 5e-324, 1e-9, 0.5, 1.0]))))
    chances = Chances(Weights.of(weights).among(tuple(pool)), [], Mix())
    rng = Random(seed)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("evaluations.pairing.FLOOR", 0.0)
        for _ in range(20):
            way = chances.draw(rng)
            assert way.pair in pairs
            assert weights[way.pair] > 0 or not any(weights.values())


def test_many_versions_with_and_without_weights_are_drawn_as_often_as_is_stored() -> None:
    """By the share of draws that hold each version, among 60 with 1,000 weights."""
    numbers = np.random.default_rng(4)
    candidates = [replace(FITTING, version_id=number) for number in range(10, 70)]
    every = list(combinations(range(5, 65), 2))
    places = numbers.choice(len(every), 1000, replace=False)
    weights = {every[place]: float(weight) for place, weight in zip(places, numbers.random(1000) ** 4, strict=True)}
    pool = list(range(10, 70))
    expected = dict.fromkeys(pool, 0.0)
    pairs = list(combinations(pool, 2))
    for pair, chance in zip(pairs, pair_chances(pairs, weights), strict=True):
        for version in pair:
            expected[version] += chance
    table, rng, draws = Weights.of(weights), Random(9), 20_000
    counts: Counter[int] = Counter()
    for _ in range(draws):
        draw = draw_pair(candidates, BENCH, rng, weights=table)
        assert draw is not None
        counts.update((draw.version_a, draw.version_b))
    assert all(abs(counts[one] - draws * share) < 5 * (draws * share) ** 0.5 for one, share in expected.items())


def test_a_pair_without_a_weight_is_unweighed() -> None:
    pool = Weights.of({(1, 3): 0.25}).among((1, 2, 3, 4))
    assert pool.weights_of(1, [2, 3, 4]).tolist() == [UNWEIGHED, 0.25, UNWEIGHED]
    assert pool.total == pytest.approx(5 * UNWEIGHED + 0.25)


def orders_for(pool: list[int]) -> st.SearchStrategy[Order]:
    version = st.sampled_from([*pool, 99])
    return st.builds(Order, st.uuids(), st.integers(1, 3), version, st.frozensets(version, max_size=3))


def _can_be_served(order: Order, pool: list[int]) -> bool:
    return order.version_id in pool and bool((order.opponents or set(pool)) & set(pool) - {order.version_id})


def test_each_owner_is_served_alike_whatever_they_order() -> None:
    """Owner 1 with five orders, owner 2 with one: half of what is served each."""
    orders = [Order(UUID(int=one), 1, 0) for one in range(5)] + [Order(UUID(int=9), 2, 1)]
    chances = chances_of_orders(range(4), {}, orders)
    assert math.fsum(chances.values()) == pytest.approx(1)
    of_second = math.fsum(chance for way, chance in chances.items() if way.order_id == UUID(int=9))
    assert of_second == pytest.approx(0.5)


def test_an_order_that_nobody_could_serve_takes_no_share() -> None:
    orders = [Order(UUID(int=1), 1, 0, frozenset({7})), Order(UUID(int=2), 2, 8), Order(UUID(int=3), 3, 0)]
    chances = chances_of_orders(range(3), {(0, 1): 1.0, (0, 2): 0.25}, orders)
    assert {way.order_id for way in chances} == {UUID(int=3)}
    assert chances[Way(DrawKind.REQUESTED, (0, 1), UUID(int=3))] == pytest.approx(FLOOR / 2 + (1 - FLOOR) * 0.8)


def test_the_stored_probability_takes_in_every_way() -> None:
    """A pair that an order asks for can also come by itself."""
    candidates = [replace(FITTING, version_id=one) for one in range(3)]
    order = Order(UUID(int=1), 1, 0, frozenset({1}))
    rng = Random(5)
    draws = [draw_pair(candidates, BENCH, rng, orders=[order], mix=Mix(requested=0.5)) for _ in range(4000)]
    asked = [draw for draw in draws if draw and {draw.version_a, draw.version_b} == {0, 1}]
    assert all(draw.probability == pytest.approx((0.5 / 3 + 0.5) / 2) for draw in asked)
    assert len(asked) / len(draws) == pytest.approx(0.5 / 3 + 0.5, abs=0.04)
    by_request = [draw for draw in asked if draw.order_id == order.order_id]
    assert all(draw.kind == DrawKind.REQUESTED for draw in by_request)
    assert len(by_request) / len(draws) == pytest.approx(0.5, abs=0.04)


@given(st.data(), pools, st.integers())
def test_no_draw_holds_a_policy_of_a_lab_with_a_stake(data: st.DataObject, pool: list[int], seed: int) -> None:
    """However often it met on the task, and however it is weighed; also where it would meet itself."""
    barred = set(data.draw(st.lists(st.sampled_from(pool), max_size=len(pool))))
    candidates = [replace(FITTING, version_id=one, lab_id=1 if one in barred else 2) for one in pool]
    pairs = list(combinations(pool, 2))
    orders = [Order(UUID(int=9), 1, pool[0]), Order(UUID(int=8), 2, pool[1], frozenset(barred))]
    every = Weights.of(dict.fromkeys(pairs, 1.0))
    mix = Mix(0.25, 0.75, 0.5)
    draw = draw_pair(candidates, BENCH, Random(seed), weights=every, earlier=pairs, owed=pairs, orders=orders, mix=mix)
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
    draw = draw_pair([*candidates, barred], BENCH, Random(2), weights=Weights.of(weights), earlier=[(0, 3)])
    assert draw is not None
    assert draw.probability == pytest.approx(1 / 6)
    assert draw.pool_size == 3
