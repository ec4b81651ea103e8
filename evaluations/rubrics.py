"""How progress is read: for each kind of task a few stages, so that 40 means the same in two labs. Pure.

A rubric is fixed with the task, before the pair is drawn. Its wording may be fitted to the task at hand.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from arena.errors import ArenaError
from evaluations.models import TaskCategory

MAX_STAGES = 8
STAGE_MAX_LENGTH = 160


@dataclass(frozen=True)
class Stage:
    """A point of the scale: what has been reached when progress is `percent`."""

    percent: int
    text: str

    def as_json(self) -> dict[str, Any]:
        return {"percent": self.percent, "text": self.text}


def _stages(*texts: tuple[int, str]) -> tuple[Stage, ...]:
    return tuple(Stage(percent, text) for percent, text in texts)


_DONE = "Done, and the robot rests or moves away"
_ALMOST = "Done, but not as asked: inexact, untidy, or undone again"

_TEMPLATES: dict[TaskCategory, tuple[Stage, ...]] = {
    TaskCategory.PICK_PLACE: _stages(
        (20, "The hand is at the right object"),
        (40, "The object is grasped"),
        (60, "The object is carried towards the goal"),
        (80, "The object is at the goal, not yet let go or not quite in place"),
        (100, _DONE),
    ),
    TaskCategory.OPEN_CLOSE: _stages(
        (20, "The hand is at the right handle or lid"),
        (40, "It is grasped or touched so that it can move"),
        (60, "It has moved visibly"),
        (80, "It is open or closed for the most part"),
        (100, _DONE),
    ),
    TaskCategory.MOVE_SLIDE: _stages(
        (25, "The hand is at the right object"),
        (50, "The object moves in the right direction"),
        (75, "Most of the way is done"),
        (100, _DONE),
    ),
    TaskCategory.KNOCK_OVER: _stages(
        (30, "The hand is at the right object"),
        (60, "The object is touched or tilted"),
        (80, _ALMOST),
        (100, _DONE),
    ),
    TaskCategory.COVER_FOLD: _stages(
        (20, "The cloth or cover is grasped at a useful place"),
        (40, "It is lifted or drawn"),
        (60, "Half is folded, covered or uncovered"),
        (80, _ALMOST),
        (100, _DONE),
    ),
    TaskCategory.GROUP_STACK: _stages(
        (20, "The first object is grasped"),
        (40, "The first object is where it belongs"),
        (70, "Half or more of the objects are where they belong"),
        (90, "All are, but untidily or not standing firmly"),
        (100, _DONE),
    ),
    TaskCategory.FIND_SEARCH: _stages(
        (30, "The robot searches where the object may be"),
        (60, "The hand is at the right object"),
        (80, "It is shown or touched, not as asked"),
        (100, _DONE),
    ),
    TaskCategory.MANIPULATION: _stages(
        (20, "The hand is at the right part"),
        (40, "It is grasped or touched so that it can be worked"),
        (60, "It is turned, pressed or poured in part"),
        (80, _ALMOST),
        (100, _DONE),
    ),
    TaskCategory.SORTING: _stages(
        (20, "The first object is grasped"),
        (40, "The first object is where it belongs"),
        (70, "Half or more are where they belong"),
        (90, "All are but one, or one is in the wrong place"),
        (100, _DONE),
    ),
    TaskCategory.TOOL_USE: _stages(
        (20, "The hand is at the tool"),
        (40, "The tool is grasped so that it can be used"),
        (60, "The tool is where it is needed"),
        (80, "The tool does some of its work"),
        (100, _DONE),
    ),
    TaskCategory.NO_ACTION: _stages(
        (0, "The robot does what it was not asked to do"),
        (50, "It moves a little, and changes nothing"),
        (100, "It does what was asked, or rests as asked"),
    ),
}
_GENERAL = _stages(
    (20, "The robot goes for the right thing"),
    (40, "The first step of the task is done"),
    (60, "More than half of the task is done"),
    (80, _ALMOST),
    (100, _DONE),
)


def rubric_for(category: TaskCategory) -> tuple[Stage, ...]:
    return _TEMPLATES.get(category, _GENERAL)


def clean_rubric(stages: Iterable[Mapping[str, Any]]) -> tuple[Stage, ...]:
    """The stages as given, from low to high. Raises ArenaError where they are no scale."""
    cleaned = sorted((_clean_stage(stage) for stage in stages), key=lambda stage: stage.percent)
    if not 1 <= len(cleaned) <= MAX_STAGES:
        raise ArenaError("bad_rubric", f"A rubric has one to {MAX_STAGES} stages.")
    if len({stage.percent for stage in cleaned}) < len(cleaned):
        raise ArenaError("bad_rubric", "Two stages of the rubric stand at the same progress.")
    return tuple(cleaned)


def _clean_stage(stage: Mapping[str, Any]) -> Stage:
    percent, text = stage.get("percent"), stage.get("text")
    if type(percent) is not int or not 0 <= percent <= 100:
        raise ArenaError("bad_rubric", "Each stage of a rubric stands at a whole progress from 0 to 100.")
    text = " ".join(text.split()) if isinstance(text, str) else ""
    if not text or len(text) > STAGE_MAX_LENGTH or not text.isprintable():
        raise ArenaError(
            "bad_rubric", f"Each stage of a rubric says in 1 to {STAGE_MAX_LENGTH} characters what is reached."
        )
    return Stage(percent, text)
