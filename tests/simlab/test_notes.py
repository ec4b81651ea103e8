from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from simlab import notes
from simlab.judging import Outcome
from simlab.labs import NoteStyle
from simlab.policies import POLICIES
from simlab.tasks import TASKS
from tests.simlab.makers import outcome

PUCK = TASKS["pick-place-v3"]


def write(a: Outcome, b: Outcome, **changes: Any) -> str:
    settings: dict[str, Any] = {
        "task": PUCK,
        "instruction": PUCK.instructions[0],
        "preference": "A",
        "style": "plain",
        "rng": np.random.default_rng(0),
    }
    return notes.write(a, b, **settings | changes)


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ({"success": True, "steps": 16}, "finished (1.0 s)"),
        ({"success": True, "steps": 80}, "finished, but took its time (5.0 s)"),
        ({"dropped": True, "lifted": True}, "grasped the puck but dropped it"),
        ({"moved": 0.9, "kept": 0.1}, "got the puck most of the way and then lost it"),
        ({"moved": 0.4, "kept": 0.0}, "got the puck some of the way and then lost it"),
        ({"moved": 0.9, "kept": 0.9}, "came close with the puck but did not finish"),
        ({"lifted": True}, "lifted the puck but did not get it where it belongs"),
        ({"moved": 0.2, "kept": 0.2}, "moved the puck part of the way"),
        ({"reached": True, "approach": 1.0}, "reached the puck but hardly moved it"),
        ({"approach": 0.6}, "went for the puck but stopped short of it"),
        ({}, "never got near the puck"),
    ],
)
def test_a_side_is_described_by_what_it_did(seen: dict[str, Any], words: str) -> None:
    assert notes.describe(outcome(**seen), PUCK) == words


def test_each_lab_writes_in_its_own_manner() -> None:
    done, failed = outcome(success=True, progress=1.0, steps=16), outcome()
    assert write(done, failed) == "A finished (1.0 s); B never got near the puck."
    assert write(done, failed, style="curt") == "A finished (1.0 s). B never got near the puck."
    assert write(done, failed, style="wordy").endswith(
        f"{PUCK.instructions[0]}: policy A finished (1.0 s), while policy B never got near the puck. A got further."
    )


@pytest.mark.parametrize(
    ("a", "b", "preference", "verdict"),
    [
        (outcome(success=True, steps=10), outcome(success=True, steps=90), "A", "A was quicker."),
        (outcome(success=True, steps=10), outcome(success=True, steps=90), "B", "B looked surer."),
        (outcome(progress=0.1), outcome(progress=0.4), "B", "B got further."),
        (outcome(progress=0.1), outcome(progress=0.4), "A", "A moved more sensibly."),
        (outcome(), outcome(), "TIE", "Nothing to choose between them."),
    ],
)
def test_the_verdict_does_not_contradict_what_was_seen(a: Outcome, b: Outcome, preference: str, verdict: str) -> None:
    assert write(a, b, preference=preference, style="wordy").endswith(verdict)


def test_notes_are_one_line_and_name_no_policy() -> None:
    sides = [outcome(), outcome(success=True), outcome(dropped=True), outcome(moved=0.9), outcome(approach=0.7)]
    styles: tuple[NoteStyle, ...] = ("plain", "wordy", "curt")
    texts = [
        write(a, b, task=task, instruction=task.instructions[0], style=style, preference=preference)
        for a, b, task, style, preference in product(sides, sides, TASKS.values(), styles, ("A", "B", "TIE"))
    ]
    for text in {*texts, *notes.MISHAPS}:
        assert len(text.splitlines()) == 1
        assert not any(name in text.lower() for name in POLICIES)
