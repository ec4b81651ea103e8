from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from evaluations.pairing import Bench, Candidate, draw_pair, fits

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
