"""Who meets whom: which versions fit a station, and the draw. Pure; the randomness is passed in.

A pair's chance has three parts. FLOOR of the draws fall on all pairs alike, so that every pair keeps a chance and the
comparisons stay connected; the rest goes by weights, which say where a comparison tells most. Where the same task was
evaluated before, REPEATS of the draws are kept for the pairs that met then: the same question put again measures how
far two answers to it differ. Which of the two is side A is always even.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from random import Random

Pair = tuple[int, int]
"""Two versions, the smaller id first."""

FLOOR = 0.2
REPEATS = 0.2
# Of a pair that nobody has weighed yet, as with a version that was registered a minute ago. Weights are at most 1.
UNWEIGHED = 1.0


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
class Draw:
    """An ordered pair, with the probability with which exactly this order of exactly this pair was drawn."""

    version_a: int
    version_b: int
    probability: float
    pool_size: int


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
    earlier: Sequence[Pair] = (),
) -> Draw | None:
    """Two different fitting versions; None where fewer than two fit.

    weights: from 0 to 1; without any, every ordered pair has the same probability. earlier: the pairs that met on this
    task, once for each time.
    """
    pool = sorted(candidate.version_id for candidate in candidates if fits(candidate, bench))
    if len(pool) < 2:
        return None
    pairs = list(combinations(pool, 2))
    chances = pair_chances(pairs, weights or {}, earlier)
    place = rng.choices(range(len(pairs)), chances)[0]
    version_a, version_b = pairs[place] if rng.random() < 0.5 else pairs[place][::-1]
    return Draw(version_a, version_b, probability=chances[place] / 2, pool_size=len(pool))


def pair_chances(pairs: Sequence[Pair], weights: Mapping[Pair, float], earlier: Sequence[Pair] = ()) -> list[float]:
    """The probability of each pair, whatever the order of its sides. They add up to 1."""
    weighed = [max(weights.get(pair, UNWEIGHED), 0.0) for pair in pairs]
    total = sum(weighed)
    floor = FLOOR if total else 1.0
    chances = [floor / len(pairs) + (1 - floor) * (weight / total if total else 0.0) for weight in weighed]
    possible = set(pairs)
    met = Counter(pair for pair in earlier if pair in possible)
    if not met:
        return chances
    return [
        (1 - REPEATS) * chance + REPEATS * met[pair] / met.total() for pair, chance in zip(pairs, chances, strict=True)
    ]
