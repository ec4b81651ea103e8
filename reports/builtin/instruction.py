"""What an instruction tells of its task, besides the category (`evaluations.categories`). Rules that can be read."""

import re
from enum import StrEnum

from evaluations.categories import Reading
from evaluations.category_words import ARTICULATE
from evaluations.models import TaskCategory
from reports.builtin.findings import Finding


class Kind(StrEnum):
    DEXTERITY = "dexterity"
    EVERYDAY = "everyday"
    GENERALIZATION = "generalization"


class Difficulty(StrEnum):
    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"


FEWEST_WORDS = 2
LONG_WORDS = 15
MEDIUM_FROM, HARD_FROM = 1, 2

_EXCEPTION = r"\b(?:nothing else|nothing but|except|other than|not|without|instead of|rather than|only|don't)\b"
_COMPARISON = (
    r"\b(?:different|odd one|which|whichever|largest|biggest|smallest|tallest|shortest|heaviest|lightest|closest"
    r"|nearest|farthest|most|least|rightmost|leftmost|same|matching|separate|thick|thin|\w+er than)\b"
)
_SHAPED = r"(?:round|square|squared|rectangular|soft|hard|sharp|tall) (?:object|item|thing)"
_KIND_OF_THING = (
    rf"\b(?:vegetable|fruit|food|drink|snack|utensil|{_SHAPED})s?\b"
    r"|(?<!in the )(?<!into the )(?<!in )\b(?:trash|garbage|rubbish)\b(?! (?:can|bin|bag))"
)
_FIGURE = r"\b(?:pyramid|square|circle|triangle|tower)\b"
_REASONING = (
    (_EXCEPTION, "an exception"),
    (_COMPARISON, "a comparison"),
    (_KIND_OF_THING, "a kind of thing in place of a thing"),
    (_FIGURE, "a figure to be built"),
)
_PRECISE = (
    r"\b(?:slot|hole|peg|insert|plug|socket|port|needle|thread|balance|hang|hook|stack|tower|pyramid|upright|pour|fold"
    r"|button|switch|degrees|uncap|unscrew|between|align)\b"
)
_DEXTROUS = frozenset(
    {TaskCategory.OPEN_CLOSE, TaskCategory.COVER_FOLD, TaskCategory.MANIPULATION, TaskCategory.TOOL_USE}
)
_OPEN_ENDED = frozenset({TaskCategory.FIND_SEARCH, TaskCategory.SORTING})
_HARDER = _DEXTROUS | _OPEN_ENDED | {TaskCategory.GROUP_STACK}


def clear_instruction(reading: Reading) -> Finding[bool]:
    """No where the rules find nothing to do in it; yes says no more than that they find something."""
    if not reading.in_english:
        return Finding(None, reading.why)
    if len(reading.instruction.split()) < FEWEST_WORDS:
        return Finding(False, f"it has fewer than {FEWEST_WORDS} words")
    if not reading.steps:
        return Finding(False, reading.why)
    return Finding(True, f"it says what to do: “{reading.steps[0].verb}”")


def needs_reasoning(reading: Reading) -> Finding[bool]:
    if not reading.in_english:
        return Finding(None, reading.why)
    for pattern, reason in _REASONING:
        if found := re.search(pattern, reading.instruction.lower()):
            return Finding(True, f"“{found.group()}” is {reason}")
    return Finding(False, "it names no exception, comparison, kind of thing or figure")


def kind(reading: Reading) -> Finding[Kind]:
    """Generalization where the task must be understood, dexterity where contact decides, else everyday."""
    label = str(reading.category.label)
    if reading.category is TaskCategory.UNKNOWN:
        return Finding(None, reading.why)
    if reading.category is TaskCategory.NO_ACTION:
        return Finding(None, f"its category is {label}")
    if reading.category in _OPEN_ENDED:
        return Finding(Kind.GENERALIZATION, f"its category is {label}")
    if reading.category in _DEXTROUS:
        return Finding(Kind.DEXTERITY, f"its category is {label}")
    reasoning = needs_reasoning(reading)
    if reasoning.answer:
        return Finding(Kind.GENERALIZATION, reasoning.why)
    if found := re.search(_PRECISE, reading.instruction.lower()):
        return Finding(Kind.DEXTERITY, f"“{found.group()}” asks for precision")
    return Finding(Kind.EVERYDAY, f"its category is {label}, with nothing that asks for precision or reasoning")


def difficulty(reading: Reading) -> Finding[Difficulty]:
    """One point for each thing that makes a task harder; none is easy, one medium, more hard."""
    if reading.category is TaskCategory.UNKNOWN:
        return Finding(None, reading.why)
    points = _points(reading)
    level = _level(len(points))
    return Finding(level, "; ".join(points) or "a single step of an ordinary kind")


def _level(points: int) -> Difficulty:
    if points >= HARD_FROM:
        return Difficulty.HARD
    return Difficulty.MEDIUM if points >= MEDIUM_FROM else Difficulty.EASY


def _points(reading: Reading) -> list[str]:
    points = []
    if reading.category in _HARDER:
        points.append(f"its category is {reading.category.label}")
    elif found := re.search(_PRECISE, reading.instruction.lower()):
        points.append(f"“{found.group()}” asks for precision")
    steps = sum(vote.weight >= ARTICULATE for vote in reading.votes)
    if steps > 1:
        points.append(f"{steps} steps")
    if len(reading.instruction.split()) > LONG_WORDS:
        points.append(f"more than {LONG_WORDS} words")
    if (reasoning := needs_reasoning(reading)).answer:
        points.append(reasoning.why)
    return points
