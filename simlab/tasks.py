"""The tasks of the simulated lab: what is asked for, in which words, and when it counts as done."""

from __future__ import annotations

import re
from dataclasses import dataclass

FAMILIES = ("pick", "push", "press", "articulated")


@dataclass(frozen=True)
class Task:
    """A Meta-World scene with the words a person would use for it."""

    name: str
    family: str
    thing: str
    """What the evaluator's notes call the object."""
    instructions: tuple[str, ...]
    done: float
    """Remaining gap at which Meta-World counts the task as done, in the unit of the gap (metres)."""
    contact: float = 0.07
    """Distance of the gripper from the object's reference point at which it has reached it, in metres."""


TASKS = {
    task.name: task
    for task in (
        Task(
            "bin-picking-v3",
            "pick",
            "the block",
            (
                "move the block from one bin to the other",
                "pick the block and put it in the other bin",
                "take the block out of its bin and drop it into the bin next to it",
            ),
            done=0.05,
        ),
        Task(
            "hammer-v3",
            "pick",
            "the hammer",
            (
                "hammer the nail into the wall",
                "pick up the hammer and hit the nail",
                "take the hammer and drive the nail in",
            ),
            done=0.01,
        ),
        Task(
            "peg-insert-side-v3",
            "pick",
            "the peg",
            (
                "insert the peg into the hole in the side of the box",
                "put the peg sideways in the hole",
                "pick up the peg and slide it into the box",
            ),
            done=0.07,
        ),
        Task(
            "pick-place-v3",
            "pick",
            "the puck",
            (
                "pick up the puck and place it at the goal",
                "lift the puck to the target point",
                "carry the puck to the marked point",
            ),
            done=0.07,
        ),
        Task(
            "pick-place-wall-v3",
            "pick",
            "the puck",
            (
                "pick the puck, go over the wall and place it",
                "carry the puck over the wall to the goal",
                "lift the puck across the wall to the marked point",
            ),
            done=0.07,
        ),
        Task(
            "stick-push-v3",
            "pick",
            "the stick",
            (
                "use the stick to push the thermos",
                "grasp the stick and push the thermos with it",
                "pick up the stick and shove the thermos to the mark",
            ),
            done=0.12,
        ),
        Task(
            "coffee-push-v3",
            "push",
            "the mug",
            (
                "push the mug under the coffee machine",
                "slide the mug to the coffee machine",
                "move the mug to its place below the coffee machine",
            ),
            done=0.07,
        ),
        Task(
            "plate-slide-v3",
            "push",
            "the plate",
            (
                "push the plate into the goal",
                "slide the plate into the net",
                "slide the plate forward until it is inside",
            ),
            done=0.07,
        ),
        Task(
            "push-v3",
            "push",
            "the puck",
            (
                "push the puck to the goal",
                "slide the puck to the target",
                "move the puck along the table to the mark",
            ),
            done=0.05,
        ),
        Task(
            "sweep-v3",
            "push",
            "the cube",
            (
                "sweep the cube to the goal",
                "sweep the cube aside to the target",
                "wipe the cube to the right side of the table",
            ),
            done=0.05,
        ),
        Task(
            "button-press-topdown-v3",
            "press",
            "the button",
            ("press the button from above", "push the button down", "press the red button on top of the box"),
            done=0.024,
        ),
        Task(
            "coffee-button-v3",
            "press",
            "the button",
            (
                "press the button of the coffee machine",
                "start the coffee machine",
                "push the coffee machine's button",
            ),
            done=0.02,
            contact=0.14,
        ),
        Task(
            "dial-turn-v3",
            "articulated",
            "the dial",
            ("turn the dial", "rotate the dial half a turn", "turn the dial with the gripper"),
            done=0.07,
            contact=0.08,
        ),
        Task(
            "door-open-v3",
            "articulated",
            "the door",
            ("open the door", "pull open the safe door", "pull the door of the safe until it stands open"),
            done=0.08,
        ),
        Task(
            "drawer-open-v3",
            "articulated",
            "the drawer",
            ("open the drawer", "pull the drawer open", "pull the drawer out by its handle"),
            done=0.03,
        ),
        Task(
            "faucet-open-v3",
            "articulated",
            "the faucet",
            ("turn on the faucet", "rotate the faucet open", "open the faucet by its handle"),
            done=0.07,
        ),
        Task(
            "lever-pull-v3",
            "articulated",
            "the lever",
            ("raise the lever", "pull the lever up", "lift the lever until it points upwards"),
            done=0.03,
            contact=0.15,
        ),
        Task(
            "window-open-v3",
            "articulated",
            "the window",
            ("slide the window open", "open the window", "push the window to the side until it is open"),
            done=0.05,
        ),
    )
}


def task_for(instruction: str) -> Task | None:
    """The task that an instruction asks for, or None when no task is known by these words."""
    return _BY_WORDS.get(_words(instruction))


def _words(instruction: str) -> str:
    return " ".join(re.findall(r"[a-z]+", instruction.casefold()))


_BY_WORDS = {_words(phrase): task for task in TASKS.values() for phrase in task.instructions}
