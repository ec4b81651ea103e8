"""The evaluator's notes: what happened, in words. They can name no policy, for the lab knows none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simlab.judging import Outcome, Preference

if TYPE_CHECKING:
    import numpy as np

    from simlab.labs import NoteStyle
    from simlab.tasks import Task

SLOW_SECONDS = 3.0
CLEAR_DIFFERENCE = 0.3

MISHAPS = (
    "The scene was bumped while it was put back for B, so the two did not start alike.",
    "The outside camera slipped during A.",
    "The robot was stopped by its guard in the middle of B for a reason unrelated to the policy.",
    "The object was already touched before B began.",
)
"""Why a session was submitted as not valid."""


def describe(outcome: Outcome, task: Task) -> str:
    """What one side did, as the rest of a sentence that begins with its letter."""
    if outcome.success:
        pace = "finished, but took its time" if outcome.seconds > SLOW_SECONDS else "finished"
        return f"{pace} ({outcome.seconds:.1f} s)"
    return _shortfall(outcome, task.thing)


def _shortfall(outcome: Outcome, thing: str) -> str:
    if outcome.dropped:
        return f"grasped {thing} but dropped it"
    if outcome.moved - outcome.kept > CLEAR_DIFFERENCE:
        return f"got {thing} {'most' if outcome.moved >= 0.7 else 'some'} of the way and then lost it"
    if outcome.moved >= 0.8:
        return f"came close with {thing} but did not finish"
    if outcome.lifted:
        return f"lifted {thing} but did not get it where it belongs"
    if outcome.moved >= 0.15:
        return f"moved {thing} part of the way"
    if outcome.reached:
        return f"reached {thing} but hardly moved it"
    if outcome.approach >= 0.5:
        return f"went for {thing} but stopped short of it"
    return f"never got near {thing}"


def write(
    a: Outcome,
    b: Outcome,
    *,
    task: Task,
    instruction: str,
    preference: Preference,
    style: NoteStyle,
    rng: np.random.Generator,
) -> str:
    """Free text in a lab's manner, on one line as the client's prompt takes it."""
    first, second = describe(a, task), describe(b, task)
    match style:
        case "curt":
            return f"A {first}. B {second}."
        case "plain":
            return f"A {first}; B {second}."
        case "wordy":
            opening = str(rng.choice(["Asked to", "The task was to", "We asked it to"]))
            return f"{opening} {instruction}: policy A {first}, while policy B {second}. {_verdict(a, b, preference)}"


def _verdict(a: Outcome, b: Outcome, preference: Preference) -> str:
    if preference == "TIE":
        return "Nothing to choose between them."
    better, worse = (a, b) if preference == "A" else (b, a)
    if better.success and worse.success:
        return f"{preference} was quicker." if better.steps < worse.steps else f"{preference} looked surer."
    if better.progress > worse.progress:
        return f"{preference} got further."
    return f"{preference} moved more sensibly."
