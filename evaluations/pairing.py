"""Who meets whom: which versions fit a station, and the draw. Pure; the randomness is passed in.

A draw is of one of five kinds. A *normal* one has two parts: FLOOR of it falls on all pairs alike, so that every pair
keeps a chance and the comparisons stay connected; the rest goes by weights, which say where a comparison tells most. A
*requested* one serves an order of an owner's: each owner with orders that fit has the same chance, whatever they
ordered, then each of their orders; its opponent is drawn as in a normal draw, among those allowed. A *returned* one
gives a lab a pair that it was dealt and did not finish: nobody gets rid of a pair by giving it up. A *repeat* puts the
same question again: a pair that met on this task before. A *same policy* draw has one version on both sides. The last
two measure how far two answers to one question differ, and what evaluators do where there is no difference. Which
version is side A is always even.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from random import Random
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import numpy as np

IntArray: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]
FloatArray: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Pair = tuple[int, int]
"""Two versions, the smaller id first; twice the same one where it meets itself."""

FLOOR = 0.2
# An evaluator may remember who met on a task: as most of its draws are no repeats, they cannot know who meets now.
MOST_REPEATS = 0.25
# Of draws at a lab that did not finish a pair, so many give it one back: it comes soon, and nobody can tell when.
RETURNED_SHARE = 0.5
# Of a pair that nobody has weighed yet, as with a version that was registered a minute ago. Weights are at most 1.
UNWEIGHED = 1.0
# Stations differ in whom they may meet, so there are several pools at a time.
POOLS_KEPT = 32


class DrawKind(StrEnum):
    NORMAL = "normal"
    REQUESTED = "requested"
    RETURNED = "returned"
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
    barred_versions: frozenset[int] = frozenset()
    """Versions of policies in which one of those labs has a stake without owning them."""


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
        and candidate.version_id not in bench.barred_versions
        and candidate.external_cameras <= bench.external_cameras
        and (bench.wrist_camera or not candidate.wrist_camera)
        and (not bench.action_spaces or not candidate.action_space or candidate.action_space in bench.action_spaces)
    )


def draw_pair(
    candidates: Sequence[Candidate],
    bench: Bench,
    rng: Random,
    *,
    weights: "Weights | None" = None,
    earlier: Collection[Pair] = (),
    orders: Collection[Order] = (),
    owed: Collection[Pair] = (),
    mix: Mix = NORMAL_ONLY,
) -> Draw | None:
    """Two fitting versions; None where fewer than two fit.

    weights: without any, every ordered pair of two has the same probability in a normal draw. earlier: the pairs that
    met on this task; each is as likely to be repeated, lest those that were be so again and again. orders: those that
    this session may serve. owed: the pairs that the lab was dealt and did not finish.
    """
    versions = tuple(sorted(candidate.version_id for candidate in candidates if fits(candidate, bench)))
    if len(versions) < 2:
        return None
    chances = Chances((weights or NO_WEIGHTS).among(versions), earlier, mix, orders, owed)
    way = chances.draw(rng)
    version_a, version_b = way.pair if rng.random() < 0.5 else way.pair[::-1]
    either_order = sum(chances.ways_of(way.pair).values())
    return Draw(
        version_a,
        version_b,
        probability=either_order if version_a == version_b else either_order / 2,
        pool_size=len(versions),
        kind=way.kind,
        order_id=way.order_id,
    )


class Weights:
    """The weights of pairs, from 0 to 1, as a table. A pair that it does not hold is UNWEIGHED."""

    def __init__(self, low: IntArray, high: IntArray, weight: FloatArray) -> None:
        self._ids = np.unique(np.concatenate([low, high]))
        # The last row and column are of all versions that have no weight at all.
        self._table = np.full((len(self._ids) + 1, len(self._ids) + 1), UNWEIGHED)
        i, j = np.searchsorted(self._ids, low), np.searchsorted(self._ids, high)
        self._table[i, j] = self._table[j, i] = np.maximum(weight, 0.0)
        # Many draws in a row are among the same versions. Of each instance, lest the table outlive its last use.
        self.among = lru_cache(maxsize=POOLS_KEPT)(self._among)

    @classmethod
    def of(cls, weights: Mapping[Pair, float]) -> "Weights":
        low, high = np.array(list(weights), dtype=np.int64).reshape(-1, 2).T
        return cls(low, high, np.array(list(weights.values()), dtype=np.float64))

    def _among(self, versions: tuple[int, ...]) -> "Pool":
        ids = np.array(versions, dtype=np.int64)
        places = np.searchsorted(self._ids, ids)
        known = places < len(self._ids)
        known[known] = self._ids[places[known]] == ids[known]
        return Pool(versions, self._table, np.where(known, places, len(self._ids)))


class Pool:
    """The versions of a draw (sorted) and what pairs of them weigh, for normal draws."""

    def __init__(self, versions: tuple[int, ...], table: FloatArray, places: IntArray) -> None:
        self.versions = versions
        self.place = {version: number for number, version in enumerate(versions)}
        self.pairs = math.comb(len(versions), 2)
        self._table, self._places = table, places
        # What each version weighs with all others, added up, is all that is kept: the rest is a row away.
        among = table[np.ix_(places, places)]
        np.fill_diagonal(among, 0.0)
        self._cumulative = np.cumsum(among.sum(axis=1))
        self.total = float(self._cumulative[-1]) / 2

    def weights_of(self, version: int, others: Collection[int]) -> FloatArray:
        """What this version's pairs with the others weigh."""
        places = self._places[[self.place[other] for other in others]]
        row: FloatArray = self._table[self._places[self.place[version]], places]
        return row

    def chance(self, pair: Pair) -> float:
        """The probability of a pair in a normal draw, whatever the order of its sides."""
        return float(_spread(self.weights_of(pair[0], pair[1:]), total=self.total, count=self.pairs)[0])

    def draw(self, rng: Random) -> Pair:
        """One version by what it weighs with all others, the other by what it weighs with the first one."""
        if not self.total or rng.random() < FLOOR:
            first, second = rng.sample(range(len(self.versions)), 2)
        else:
            first = _draw_place(self._cumulative, rng)
            row = self._table[self._places[first], self._places]
            row[first] = 0.0
            second = _draw_place(np.cumsum(row), rng)
        return self.versions[min(first, second)], self.versions[max(first, second)]


class Chances:
    """All ways to draw a pair from a pool. What is drawn and the probability that is stored both come from here."""

    def __init__(
        self,
        pool: Pool,
        earlier: Collection[Pair],
        mix: Mix,
        orders: Collection[Order] = (),
        owed: Collection[Pair] = (),
    ) -> None:
        self._pool = pool
        there = pool.place.keys()
        self._met = _within(there, earlier)
        self._owed = _within(there, owed)
        self._orders = _chances_of_orders(there, orders)
        repeat = mix.repeat if self._met else 0.0
        rest = 1 - repeat - mix.same_policy
        returned = rest * RETURNED_SHARE if self._owed else 0.0
        requested = (rest - returned) * mix.requested if self._orders else 0.0
        self._shares = {
            DrawKind.NORMAL: rest - returned - requested,
            DrawKind.REQUESTED: requested,
            DrawKind.RETURNED: returned,
            DrawKind.REPEAT: repeat,
            DrawKind.SAME_POLICY: mix.same_policy,
        }

    def draw(self, rng: Random) -> Way:
        kind = rng.choices(list(self._shares), list(self._shares.values()))[0]
        if kind is DrawKind.REQUESTED:
            return self._draw_order(rng)
        if kind is DrawKind.RETURNED:
            return Way(kind, rng.choice(self._owed))
        if kind is DrawKind.REPEAT:
            return Way(kind, rng.choice(self._met))
        if kind is DrawKind.SAME_POLICY:
            one = rng.choice(self._pool.versions)
            return Way(kind, (one, one))
        return Way(kind, self._pool.draw(rng))

    def ways_of(self, pair: Pair) -> dict[Way, float]:
        """How this pair can come to be drawn, each way with its probability, whatever the order of its sides."""
        shares, n = self._shares, len(self._pool.versions)
        if pair[0] == pair[1]:
            same = shares[DrawKind.SAME_POLICY]
            return {Way(DrawKind.SAME_POLICY, pair): same / n} if same else {}
        ways = {Way(DrawKind.NORMAL, pair): shares[DrawKind.NORMAL] * self._pool.chance(pair)}
        if requested := shares[DrawKind.REQUESTED]:
            ways |= {way: requested * chance for way, chance in self._requested(pair)}
        for kind, pairs in ((DrawKind.RETURNED, self._owed), (DrawKind.REPEAT, self._met)):
            if shares[kind] and pair in pairs:
                ways[Way(kind, pair)] = shares[kind] / len(pairs)
        return ways

    def _draw_order(self, rng: Random) -> Way:
        order = rng.choices(list(self._orders), list(self._orders.values()))[0]
        opponents = _opponents(order, self._pool.place.keys())
        (other,) = rng.choices(opponents, self._shares_of(order, opponents).tolist())
        pair = (min(order.version_id, other), max(order.version_id, other))
        return Way(DrawKind.REQUESTED, pair, order.order_id)

    def _requested(self, pair: Pair) -> Iterator[tuple[Way, float]]:
        for order, chance in self._orders.items():
            if order.version_id in pair:
                other = pair[0] if order.version_id == pair[1] else pair[1]
                opponents = _opponents(order, self._pool.place.keys())
                if other in opponents:
                    share = float(self._shares_of(order, opponents)[opponents.index(other)])
                    yield Way(DrawKind.REQUESTED, pair, order.order_id), chance * share

    def _shares_of(self, order: Order, opponents: Sequence[int]) -> FloatArray:
        """The probability of each opponent, given the order."""
        return _normal_chances(self._pool.weights_of(order.version_id, opponents))


def _within(pool: Set[int], pairs: Collection[Pair]) -> list[Pair]:
    return sorted(pair for pair in set(pairs) if pool >= set(pair) and pair[0] < pair[1])


def _chances_of_orders(pool: Set[int], orders: Collection[Order]) -> dict[Order, float]:
    """The probability of each order that could be served, given that one is. They add up to 1."""
    fitting = [order for order in orders if order.version_id in pool and _opponents(order, pool)]
    orders_of = Counter(order.owner_id for order in fitting)
    return {order: 1 / len(orders_of) / orders_of[order.owner_id] for order in fitting}


def _opponents(order: Order, pool: Set[int]) -> list[int]:
    return sorted((order.opponents & pool if order.opponents else pool) - {order.version_id})


def pair_chances(pairs: Sequence[Pair], weights: Mapping[Pair, float]) -> list[float]:
    """The probability of each pair in a normal draw, whatever the order of its sides. They add up to 1."""
    weighed = [max(weights.get(pair, UNWEIGHED), 0.0) for pair in pairs]
    chances: list[float] = _normal_chances(np.array(weighed)).tolist()
    return chances


def _normal_chances(weights: FloatArray) -> FloatArray:
    return _spread(weights, total=float(weights.sum()), count=len(weights))


def _spread(weights: FloatArray, *, total: float, count: int) -> FloatArray:
    """The chances of some of `count` pairs that weigh `total` together: a floor for all alike, the rest by weight."""
    if not total:
        return np.full(len(weights), 1 / count)
    return FLOOR / count + (1 - FLOOR) * (weights / total)


def _draw_place(cumulative: FloatArray, rng: Random) -> int:
    """A place, by weights whose cumulative sums are given; never one that weighs nothing."""
    reached = min(rng.random() * cumulative[-1], np.nextafter(cumulative[-1], 0.0))
    return int(np.searchsorted(cumulative, reached, side="right"))


NO_WEIGHTS = Weights.of({})


def repeat_chance(*, share: float, drawn: int, repeated: int) -> float:
    """The chance of a repeat on a task that allows one, so that `share` of all draws become repeats in the long run.

    drawn, repeated: how many draws there were, and how many of them were repeats. Most tasks are new, and allow none:
    what is missing is made up for on those that do, but for no more than MOST_REPEATS of their draws.
    """
    return min(max(share * (drawn + 1) - repeated, 0.0), MOST_REPEATS) if share else 0.0
