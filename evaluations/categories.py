"""The task category that an instruction suggests, by rules that can name the words that decided.

An instruction is a few steps, each with a verb. The verb and what follows it speak for a category, with a weight
(`category_words.py`), and the weightiest step decides. What is forbidden says nothing, and an instruction that only
forbids asks for no action. The category is known before the pair is drawn.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from evaluations.category_words import (
    ALSO_NOUNS,
    ENGLISH,
    FOREIGN,
    NEGATIONS,
    NOT_BEFORE_VERBS,
    OBJECTS,
    VERBS,
    Sense,
)
from evaluations.models import TaskCategory

_TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|\d+|[.;:!?,\n&]")
_STOPS = frozenset(".;:!?,\n")
# Behind these a verb is sure to be one, even if it is also the name of a thing.
_SURE_BEGINS = NEGATIONS | frozenset(".;:!?\n") | frozenset({"then", "please", "just", "only", "now", "you", "to"})
_STEP_BEGINS = _SURE_BEGINS | frozenset({",", "&", "and", "but", "before", "after", "while", "by", "of", "than"})
# "Hammer and nails in the box" names things.
_BEHIND_NOUNS = frozenset({"and", "is", "are"})
_WORDS_READ = 400
_SHORTEST_TYPO, _SHORTEST_MENDED = 4, 3


@dataclass(frozen=True)
class Step:
    verb: str
    rest: str
    forbidden: bool


@dataclass(frozen=True)
class Vote:
    """What a step speaks for, and the words that made it so."""

    category: TaskCategory
    weight: float
    words: str


@dataclass(frozen=True)
class Reading:
    """What the rules made of an instruction, and why: the words that decided, or what is missing."""

    instruction: str
    category: TaskCategory
    why: str
    in_english: bool = True
    steps: tuple[Step, ...] = ()
    votes: tuple[Vote, ...] = ()


def intended_category(instruction: str) -> TaskCategory:
    return read_instruction(instruction).category


def read_instruction(instruction: str) -> Reading:
    found = _TOKEN.finditer(instruction.lower().replace("’", "'"))
    tokens = [match.group() for match in islice(found, _WORDS_READ)]
    if _is_foreign(tokens):
        return Reading(instruction, TaskCategory.UNKNOWN, "it does not seem to be in English", in_english=False)
    steps = _steps(tokens)
    votes = tuple(vote for step in steps if not step.forbidden and (vote := _vote(step)))
    category, why = _decided(steps, votes)
    return Reading(instruction, category, why, steps=steps, votes=votes)


def _decided(steps: Sequence[Step], votes: Sequence[Vote]) -> tuple[TaskCategory, str]:
    if votes:
        category = _winner(votes)
        deciding = (f"“{vote.words}”" for vote in votes if vote.category == category)
        return category, ", ".join(dict.fromkeys(deciding))
    if steps and all(step.forbidden for step in steps):
        return TaskCategory.NO_ACTION, f"it only forbids: “{steps[0].verb} {steps[0].rest}".strip() + "”"
    return TaskCategory.UNKNOWN, "it has no verb that the rules know"


def _is_foreign(tokens: Sequence[str]) -> bool:
    foreign = sum(token in FOREIGN or not token.isascii() for token in tokens)
    return foreign > sum(token in ENGLISH for token in tokens)


def _winner(votes: Sequence[Vote]) -> TaskCategory:
    """The category of the weightiest step; of equal ones that with more steps, and then the one said first."""
    weights: dict[TaskCategory, list[float]] = {}
    for vote in votes:
        weights.setdefault(vote.category, []).append(vote.weight)
    return max(weights, key=lambda category: (max(weights[category]), sum(weights[category])))


def _vote(step: Step) -> Vote | None:
    for sense in VERBS[step.verb]:
        if sense.after is None:
            return _spoken(sense, step.verb)
        if found := sense.after.search(step.rest):
            gap = "" if found.start() == 0 else "… "
            return _spoken(sense, f"{step.verb} {gap}{found.group()}")
    return None


def _spoken(sense: Sense, words: str) -> Vote | None:
    return Vote(sense.category, sense.weight, words) if sense.category else None


def _steps(tokens: Sequence[str]) -> tuple[Step, ...]:
    """A step begins where a verb does; what has no verb belongs to the step before."""
    starts: list[tuple[int, str]] = []
    for place in range(len(tokens)):
        verb = _verb(tokens, place)
        if verb and (not starts or _before(tokens, place) in _STEP_BEGINS):
            starts.append((place, verb))
    ends = [*(place for place, _ in starts[1:]), len(tokens)]
    return tuple(_step(tokens, place, verb, end) for (place, verb), end in zip(starts, ends, strict=False))


def _step(tokens: Sequence[str], place: int, verb: str, end: int) -> Step:
    rest = [token for token in tokens[place + 1 : end] if token not in _STOPS]
    denied = next((at for at, token in enumerate(rest) if token in NEGATIONS), len(rest))
    rest = rest[:denied]
    while rest and rest[-1] in _STEP_BEGINS:
        rest.pop()
    nothing = verb != "do" and rest[:1] in (["nothing"], ["no"])
    return Step(verb, " ".join(rest), nothing or _is_forbidden(tokens, place))


def _is_forbidden(tokens: Sequence[str], place: int) -> bool:
    lead = tokens[max(place - 2, 0) : place]
    for at in reversed(range(len(lead))):
        if lead[at] in _STOPS:
            return False
        if lead[at] in NEGATIONS:
            return True
    return False


def _before(tokens: Sequence[str], place: int) -> str:
    return tokens[place - 1] if place else "."


def _after(tokens: Sequence[str], place: int) -> str:
    return tokens[place + 1] if place + 1 < len(tokens) else "."


def _verb(tokens: Sequence[str], place: int) -> str:
    """The verb that stands here, in its plain form, or nothing."""
    before, after = _before(tokens, place), _after(tokens, place)
    if before in NOT_BEFORE_VERBS:
        return ""
    has_object = after in OBJECTS
    verb = _plain(tokens[place], has_object)
    if not verb and has_object and before in _STEP_BEGINS:
        return _mended(tokens[place])
    if verb == "do" and after not in ("nothing", "anything"):
        return ""
    sure = has_object or (before in _SURE_BEGINS and after not in _BEHIND_NOUNS)
    return "" if verb in ALSO_NOUNS and not sure else verb


def _plain(word: str, has_object: bool) -> str:
    if word in VERBS:
        return word
    if word.endswith("ing"):
        stem = word[:-3]
        forms = [stem, f"{stem}e", stem[:-1]]
    else:
        forms = [word[:-1], word[:-2]] if word.endswith("s") and has_object else []
    return next((form for form in forms if form in VERBS), "")


def _mended(word: str) -> str:
    """The only verb that is one slip of the keyboard away: a letter too many, missing, wrong, or two exchanged."""
    if len(word) < _SHORTEST_TYPO:
        return ""
    near = {VERBS[verb]: verb for verb in VERBS if len(verb) >= _SHORTEST_MENDED and _one_slip(word, verb)}
    return next(iter(near.values())) if len(near) == 1 else ""


def _one_slip(word: str, verb: str) -> bool:
    if abs(len(word) - len(verb)) > 1:
        return False
    same = next((at for at, (a, b) in enumerate(zip(word, verb, strict=False)) if a != b), min(len(word), len(verb)))
    w, v = word[same:], verb[same:]
    return w[1:] == v[1:] or w[1:] == v or w == v[1:] or (w[:2] == v[:2][::-1] and w[2:] == v[2:])
