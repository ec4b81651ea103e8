"""Who meets whom: which versions fit a station, and the draw. Pure; the randomness is passed in."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random


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


def draw_pair(candidates: Sequence[Candidate], bench: Bench, rng: Random) -> Draw | None:
    """Two different fitting versions, every ordered pair with the same probability; None where fewer than two fit."""
    pool = sorted(candidate.version_id for candidate in candidates if fits(candidate, bench))
    if len(pool) < 2:
        return None
    version_a, version_b = rng.sample(pool, 2)
    return Draw(version_a, version_b, probability=1 / (len(pool) * (len(pool) - 1)), pool_size=len(pool))
