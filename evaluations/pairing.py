"""Who meets whom: which versions fit a station, and the draw. Pure; the randomness is passed in.

A draw is of one of four kinds. A *normal* one has two parts: FLOOR of it falls on all pairs alike, so that every pair
keeps a chance and the comparisons stay connected; the rest goes by weights, which say where a comparison tells most. A
*requested* one serves an order of an owner's: each owner with orders that fit has the same chance, whatever they
ordered, then each of their orders; its opponent is drawn as in a normal draw, among those allowed. A *repeat* puts the
same question again: a pair that met on this task before. A *same policy* draw has one version on both sides. The last
two measure how far two answers to one question differ, and what evaluators do where there is no difference. Which
version is side A is always even.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from random import Random
from typing import NamedTuple
from uuid import UUID

Pair = tuple[int, int]
"""Two versions, the smaller id first; twice the same one where it meets itself."""

FLOOR = 0.2
# An evaluator may remember who met on a task: as most of its draws are no repeats, they cannot know who meets now.
MOST_REPEATS = 0.25
# Of a pair that nobody has weighed yet, as with a version that was registered a minute ago. Weights are at most 1.
UNWEIGHED = 1.0


class DrawKind(StrEnum):
    NORMAL = "normal"
    REQUESTED = "requested"
    REPEAT = "repeat"
    SAME_POLICY = "same_policy"


@dataclass(frozen=True)
class Bench:
    """What a station offers to a policy."""

    barred_labs: frozenset[int]
    """Labs with a stake: the station's own, every other one that its evaluator belongs to, and those close to them."""
    embodiment_id: int
    simulated: bool
    external_cameras: int
    wrist_camera: bool
    action_spaces: frozenset[str] = frozenset()
    """What the robot can be told; empty where nobody has said, and then it bars no policy."""


@dataclass(frozen=True)
class Candidate:
    """What a version needs. Camera needs come from its server; the client's defaults stand in until it was reached."""

    version_id: int
    lab_id: int | None
    embodiment_id: int
    simulated: bool
    external_cameras: int = 1
    wrist_camera: bool = True
    action_space: str = ""
    """Empty where its server was not reached yet."""


@dataclass(frozen=True)
class Mix:
    """The chances that a draw measures the noise, and the share of all others that serves orders where some fit.

    A repeat is drawn only where its task was evaluated before.
    """

    repeat: float = 0.0
    same_policy: float = 0.0
    requested: float = 0.0


NORMAL_ONLY = Mix()


@dataclass(frozen=True)
class Order:
    """An owner's wish for a comparison of a version, with one of `opponents`, or with whom it may be where empty."""

    order_id: UUID
    owner_id: int
    version_id: int
    opponents: frozenset[int] = frozenset()


class Way(NamedTuple):
    """How a pair may come to be drawn."""

    kind: DrawKind
    pair: Pair
    order_id: UUID | None = None


@dataclass(frozen=True)
class Draw:
    """An ordered pair, with the probability with which exactly this order of exactly this pair was drawn, in any way.

    One version on both sides has only one order.
    """

    version_a: int
    version_b: int
    probability: float
    pool_size: int
    kind: DrawKind = DrawKind.NORMAL
    order_id: UUID | None = None


def fits(candidate: Candidate, bench: Bench) -> bool:
    return (
        candidate.embodiment_id == bench.embodiment_id
        and candidate.simulated == bench.simulated
        and candidate.lab_id not in bench.barred_labs
        and candidate.external_cameras <= bench.external_cameras
        and (bench.wrist_camera or not candidate.wrist_camera)
        and (not bench.action_spaces or not candidate.action_space or candidate.action_space in bench.action_spaces)
    )


def draw_pair(
    candidates: Sequence[Candidate],
    bench: Bench,
    rng: Random,
    *,
    weights: Mapping[Pair, float] | None = None,
    earlier: Collection[Pair] = (),
    orders: Collection[Order] = (),
    mix: Mix = NORMAL_ONLY,
) -> Draw | None:
    """Two fitting versions; None where fewer than two fit.

    weights: from 0 to 1; without any, every ordered pair of two has the same probability in a normal draw. earlier: the
    pairs that met on this task; each is as likely to be repeated, lest those that were be so again and again. orders:
    those that this session may serve.
    """
    pool = sorted(candidate.version_id for candidate in candidates if fits(candidate, bench))
    if len(pool) < 2:
        return None
    ways = ways_to_draw(pool, weights or {}, earlier, mix, orders)
    way = rng.choices(list(ways), list(ways.values()))[0]
    version_a, version_b = way.pair if rng.random() < 0.5 else way.pair[::-1]
    either_order = sum(chance for other, chance in ways.items() if other.pair == way.pair)
    return Draw(
        version_a,
        version_b,
        probability=either_order if version_a == version_b else either_order / 2,
        pool_size=len(pool),
        kind=way.kind,
        order_id=way.order_id,
    )


def ways_to_draw(
    pool: Sequence[int],
    weights: Mapping[Pair, float],
    earlier: Collection[Pair],
    mix: Mix,
    orders: Collection[Order] = (),
) -> dict[Way, float]:
    """The probability of each way to draw each pair, whatever the order of its sides. They add up to 1."""
    pairs = list(combinations(pool, 2))
    met = sorted(set(pairs) & set(earlier))
    served = chances_of_orders(pool, weights, orders)
    repeat = mix.repeat if met else 0.0
    rest = 1 - repeat - mix.same_policy
    requested = rest * mix.requested if served else 0.0
    ways = {
        Way(DrawKind.NORMAL, pair): (rest - requested) * chance
        for pair, chance in zip(pairs, pair_chances(pairs, weights), strict=True)
    }
    if requested:
        ways |= {way: requested * chance for way, chance in served.items()}
    if repeat:
        ways |= {Way(DrawKind.REPEAT, pair): repeat / len(met) for pair in met}
    if mix.same_policy:
        ways |= {Way(DrawKind.SAME_POLICY, (one, one)): mix.same_policy / len(pool) for one in pool}
    return ways


def chances_of_orders(
    pool: Collection[int], weights: Mapping[Pair, float], orders: Collection[Order]
) -> dict[Way, float]:
    """The probability of each order and opponent, given that one is served: they add up to 1. Empty without any."""
    there = set(pool)
    fitting = [
        (order, opponents) for order in orders if order.version_id in there and (opponents := _opponents(order, there))
    ]
    orders_of = Counter(order.owner_id for order, _ in fitting)
    chances: dict[Way, float] = {}
    for order, opponents in fitting:
        chance = 1 / len(orders_of) / orders_of[order.owner_id]
        pairs = [(min(order.version_id, other), max(order.version_id, other)) for other in opponents]
        for pair, share in zip(pairs, pair_chances(pairs, weights), strict=True):
            chances[Way(DrawKind.REQUESTED, pair, order.order_id)] = chance * share
    return chances


def _opponents(order: Order, pool: set[int]) -> list[int]:
    return sorted((order.opponents & pool if order.opponents else pool) - {order.version_id})


def pair_chances(pairs: Sequence[Pair], weights: Mapping[Pair, float]) -> list[float]:
    """The probability of each pair in a normal draw, whatever the order of its sides. They add up to 1."""
    weighed = [max(weights.get(pair, UNWEIGHED), 0.0) for pair in pairs]
    total = sum(weighed)
    floor = FLOOR if total else 1.0
    return [floor / len(pairs) + (1 - floor) * (weight / total if total else 0.0) for weight in weighed]


def repeat_chance(*, share: float, drawn: int, repeated: int) -> float:
    """The chance of a repeat on a task that allows one, so that `share` of all draws become repeats in the long run.

    drawn, repeated: how many draws there were, and how many of them were repeats. Most tasks are new, and allow none:
    what is missing is made up for on those that do, but for no more than MOST_REPEATS of their draws.
    """
    return min(max(share * (drawn + 1) - repeated, 0.0), MOST_REPEATS) if share else 0.0
