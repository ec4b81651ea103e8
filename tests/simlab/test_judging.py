from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from simlab.judging import CEILING, Habits, Judge, Outcome, compare, prefer
from simlab.scene import Reading
from simlab.tasks import TASKS
from tests.simlab.makers import outcome, reading

PICK = TASKS["pick-place-v3"]


def judged(*readings: Reading, start: Reading | None = None) -> Outcome:
    judge = Judge(PICK, start or reading())
    for one in readings:
        judge.watch(one)
    return judge.outcome()


@pytest.mark.parametrize(
    ("readings", "progress"),
    [
        pytest.param([reading()], 0.0, id="nothing happened"),
        pytest.param([reading(reach=0.135)], 0.1, id="half way to the object"),
        pytest.param([reading(reach=0.07)], 0.2, id="at the object"),
        pytest.param([reading(reach=0.07), reading()], 0.2, id="the best counts, not the last"),
        pytest.param([reading(reach=0.07, gap=0.185)], 0.57, id="half of the object's way"),
        pytest.param([reading(reach=0.01, gap=0.0)], CEILING, id="there, but not held there"),
        pytest.param([reading(gap=0.5)], 0.0, id="moved away from the goal"),
        pytest.param([reading(reach=0.07, gap=0.07, done=True)], 1.0, id="done"),
    ],
)
def test_progress(readings: list[Reading], progress: float) -> None:
    result = judged(*readings)
    assert result.progress == progress
    assert result.success == (progress == 1.0)
    assert result.steps == len(readings)


def test_a_lifted_object_that_lies_on_the_table_again_was_dropped() -> None:
    lifted, down = reading(height=0.1, gripper_closed=True), reading(height=0.0, gripper_closed=True)
    assert judged(lifted, down).dropped
    assert not judged(lifted).dropped
    assert not judged(down).lifted


def test_an_object_that_is_put_down_where_it_belongs_was_not_dropped() -> None:
    assert not judged(reading(height=0.1, gripper_closed=True), reading(gap=0.0, done=True)).dropped


def test_a_start_at_the_object_needs_no_approach() -> None:
    assert judged(reading(reach=0.01), start=reading(reach=0.05)).reached


def test_sooner_is_better_only_when_it_succeeds() -> None:
    fast, slow = (outcome(success=True, progress=1.0, steps=steps) for steps in (20, 90))
    assert fast.merit > slow.merit > 1.0
    assert outcome(progress=0.5, steps=20).merit == outcome(progress=0.5, steps=90).merit


@pytest.mark.parametrize(
    ("difference", "preferred"), [(0.06, "A"), (-0.06, "B"), (0.05, "TIE"), (-0.05, "TIE"), (0.0, "TIE")]
)
def test_small_differences_are_a_tie(difference: float, preferred: str) -> None:
    assert compare(difference, tie_band=0.05) == preferred


def preferences(habits: Habits, **better: Any) -> dict[str, int]:
    rng = np.random.default_rng(1)
    told = [prefer(outcome(**better), outcome(), habits=habits, rng=rng) for _ in range(2000)]
    return {letter: told.count(letter) for letter in ("A", "B", "TIE")}


def test_an_evaluator_without_failings_never_errs() -> None:
    assert preferences(Habits(), progress=0.2) == {"A": 2000, "B": 0, "TIE": 0}


def test_noise_errs_in_small_differences_more_than_in_large_ones() -> None:
    habits = Habits(noise=0.2)
    small, large = preferences(habits, progress=0.1), preferences(habits, progress=0.8)
    assert small["A"] > small["B"] > 100
    assert large["B"] == 0


def test_lapses_have_nothing_to_do_with_what_was_seen() -> None:
    assert all(550 < count < 790 for count in preferences(Habits(lapses=1.0), progress=0.9).values())
