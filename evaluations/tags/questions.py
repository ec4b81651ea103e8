"""The questions that taggers and people answer of a session, and of each of its rollouts. One list for all readers."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from evaluations.models import FailureMode, TaskCategory


class About(Enum):
    SESSION = "session"
    EPISODE = "episode"


YES, NO = "yes", "no"
_YES_NO = {YES: "yes", NO: "no"}


@dataclass(frozen=True)
class TagQuestion:
    """`answers` are all that may be said, each with its words; `asks` is a whole question, `short` heads a column."""

    key: str
    short: str
    asks: str
    answers: Mapping[str, str]
    about: About = About.SESSION


CATEGORY = "category"
RECOVERED = "recovered"
FAILURE_PREFIX = "failure."

_CATEGORIES = {one.value: str(one.label) for one in TaskCategory if one is not TaskCategory.UNKNOWN}
_KINDS = {"dexterity": "dexterity", "everyday": "everyday application", "generalization": "generalization"}
_DIFFICULTIES = {"easy": "easy", "medium": "medium", "hard": "hard"}
_SHOWN_IN_WORDS = {
    FailureMode.MISSED_GRASP: "Did it miss a grasp?",
    FailureMode.DROPPED: "Did it drop something?",
    FailureMode.COLLISION: "Did it collide with something?",
    FailureMode.FROZE: "Did it freeze?",
    FailureMode.WRONG_OBJECT: "Did it go for the wrong object?",
    FailureMode.WRONG_PLACE: "Did it put something in the wrong place?",
    FailureMode.DID_NOT_STOP: "Did it go on after the task was done?",
    FailureMode.UNSAFE: "Did it have to be stopped?",
    FailureMode.NO_PROGRESS: "Did it move without purpose?",
    FailureMode.OTHER: "Did something else go wrong?",
}

SESSION_QUESTIONS = (
    TagQuestion(CATEGORY, "task category", "What kind of task is it?", _CATEGORIES),
    TagQuestion("kind", "kind", "What does the task try most?", _KINDS),
    TagQuestion("difficulty", "difficulty", "How hard is the task?", _DIFFICULTIES),
    TagQuestion("clear-view", "clear view", "Can the scene be seen well?", _YES_NO),
    TagQuestion("good-light", "good light", "Is the scene lit well?", _YES_NO),
    TagQuestion("simple-scene", "simple scene", "Is the scene free of clutter?", _YES_NO),
    TagQuestion("clear-instruction", "clear instruction", "Does the instruction say plainly what to do?", _YES_NO),
    TagQuestion("needs-reasoning", "needs reasoning", "Must one reason to know what to do?", _YES_NO),
)
EPISODE_QUESTIONS = (
    *(
        TagQuestion(f"{FAILURE_PREFIX}{mode.value}", str(mode.label), _SHOWN_IN_WORDS[mode], _YES_NO, About.EPISODE)
        for mode in FailureMode
    ),
    TagQuestion(RECOVERED, "recovered after a failure", "Did it recover after a failure?", _YES_NO, About.EPISODE),
)
QUESTIONS: Mapping[str, TagQuestion] = {one.key: one for one in (*SESSION_QUESTIONS, *EPISODE_QUESTIONS)}


def failure_question(mode: FailureMode) -> TagQuestion:
    return QUESTIONS[f"{FAILURE_PREFIX}{mode.value}"]


def failure_of(key: str) -> FailureMode | None:
    """The failure mode that a question asks for, if it asks for one."""
    return FailureMode(key.removeprefix(FAILURE_PREFIX)) if key.startswith(FAILURE_PREFIX) else None
