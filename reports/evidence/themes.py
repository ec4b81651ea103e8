"""What evaluators' notes speak of, sorted into themes by plain words, each remark given to the side that it is about.

Pure. It reads English as evaluators write it; what it cannot give to one side it gives to none.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Theme:
    """good: whether the remark speaks for the policy, against it, or neither (None)."""

    key: str
    words: str
    good: bool | None
    pattern: re.Pattern[str]


def _theme(key: str, words: str, good: bool | None, *patterns: str) -> Theme:
    return Theme(key, words, good, re.compile("|".join(rf"\b(?:{one})" for one in patterns), re.IGNORECASE))


_NOT = r"(?:n'?t|\s+not|\s+never)"
THEMES = (
    _theme(
        "unsafe", "had to be stopped or was unsafe", False,
        r"unsafe", r"danger", r"e-?stop", r"emergency", r"had to (?:stop|be stopped|intervene)",
    ),
    _theme(
        "no-motion", "did not move, or froze", False,
        rf"(?:did|does|do|would|could|was|is)s?{_NOT}\s+(?:\w+\s+){{0,2}}(?:mov|react|respond|start|attempt|do\b)",
        r"(?:did|does|doing) (?:absolutely |basically )?nothing", r"remain(?:ed|s)? (?:still|stationary|idle)",
        r"stationary", r"stood still", r"froze", r"frozen", r"(?:got|gets|was|is|were) stuck", r"stalled",
        r"no (?:motion|movement)", r"never moved",
    ),
    _theme("dropped", "dropped what it held", False, r"drop(?:s|ped|ping)?\b", r"let go of", r"slipped"),
    _theme(
        "grasp-failed", "did not get hold of the object", False,
        r"(?:fail|unable|not able|struggl|couldn't|didn't|(?:did|could) ?not|missed?|hard time)"
        r"(?:\w|\s|'){0,30}?(?:grasp|grab|grip|pick|lift|hold)",
        r"miss(?:ed|es|ing)? (?:the |its |a )?(?:grasp|object|cup|handle)", r"(?:bad|poor|wrong|failed|unstable) grasp",
    ),
    _theme(
        "wrong-object", "went for the wrong object", False,
        r"wrong (?:object|item|one|thing|block|cup|duck|color|colour|target)", r"instead of", r"distract",
        r"(?:different|another|other) (?:object|item)", r"not the (?:target|right|correct)",
    ),
    _theme(
        "wrong-place", "put it in the wrong place", False,
        r"wrong (?:place|spot|location|bowl|side|position|direction)",
        r"miss(?:ed|es) the (?:bowl|box|plate|target|cup|basket)",
        r"next to (?:it|the)", r"outside", r"fell off", r"not (?:in|inside|on|onto) the",
    ),
    _theme(
        "collided", "knocked or pushed what it should not", False,
        r"knock", r"collid", r"collision", r"bump", r"crash", r"hit (?:the|its)", r"pushed? .{0,20}away", r"tipped",
    ),
    _theme(
        "not-done", "did not do the task", False,
        rf"(?:did|could|does|was){_NOT}\s+(?:\w+\s+){{0,3}}(?:complete|finish|succe|accomplish|solve|able|perform|place|put)",
        r"fail(?:ed|s|ure)?", r"unable", r"unsuccessful", r"no progress", r"did poorly",
    ),
    _theme(
        "aimless", "moved without purpose", False,
        r"random", r"aimless", r"wander", r"confus", r"without (?:any )?(?:purpose|reason|actual)", r"lost\b",
        r"(?:off|out|away) (?:in)?to the (?:distance|air|side)", r"unintelligent", r"meaningless", r"all over",
    ),
    _theme(
        "nearly", "came close to doing it", None,
        r"almost", r"nearly", r"close to", r"partial", r"half", r"somewhat", r"marginal", r"just short",
    ),
    _theme(
        "recovered", "tried again until it worked", True,
        r"recover", r"(?:second|third|2nd|3rd|another) (?:try|attempt|time)", r"eventually", r"tried again",
        r"retr(?:y|ied)",
        r"after (?:\w+ ){0,2}(?:attempts|tries|retries)", r"kept trying", r"corrected itself", r"regrasp",
    ),
    _theme(
        "hesitant", "was slow, hesitant or jittery", False,
        r"slow", r"hesita", r"jitter", r"jerk", r"shak", r"oscillat", r"back and forth", r"repetitive",
        r"took (?:a )?long",
    ),
    _theme(
        "smooth", "was quick, smooth or sure", True,
        r"confiden", r"smooth", r"decisive", r"direct(?:ly)?\b", r"quick", r"fast", r"precise", r"stead", r"neat",
        r"first (?:try|attempt)", r"efficient", r"without (?:any )?(?:issue|problem|hesitation)", r"accurate",
    ),
    _theme(
        "done", "did the task", True,
        r"complet", r"succe(?:ed|ss)", r"finish", r"solve", r"accomplish", r"perfect", r"able to", r"did it",
        r"correctly", r"managed to",
    ),
)  # fmt: skip
_GENERAL = ("not-done", "aimless")
_BESIDE_FAILURE = ("recovered", "nearly")

_WITH_NOUN = r"(?:polic(?:y|ies)|polcy|robot|model|rollout|video|side|arm)\s+['\"]?"
# `A` is also an article: alone it is the side only where a verb or the end of a list of sides follows.
_VERB_FOLLOWS = (
    r"(?=\s+(?:\w+ly\s+)?(?:was|is|had|has|did|does|got|gets|could|can|went|goes|seem\w*|just|also|then|only|never"
    r"|almost|actually|[a-z]{2,}ed|[a-z]{3,}s|put|took|made|kept|ran|hit|fell|stuck|froze|began|came|moves?)\b)"
)
_LABEL = {
    "A": re.compile(
        rf"\b{_WITH_NOUN}[aA]\b|(?<![\w'])A(?:'s)?{_VERB_FOLLOWS}|\bA (?=and B\b)|(?<=than )A\b|(?<=and )A\b(?=[,.;]|$)"
    ),
    "B": re.compile(rf"\b{_WITH_NOUN}[bB]\b|(?<![\w'])B\b"),
}
_BOTH = re.compile(r"\bboth\b|\bneither\b|\beach\b|\bthey\b", re.IGNORECASE)
_CLAUSE_END = re.compile(
    r"[.;!?\n]+|,?\s+\b(?:while|whereas|meanwhile|however|but|although|though|yet)\b|,\s+(?=(?:policy\s+)?[AB]\b)"
)
_THAN = re.compile(r"\bthan\b|\binstead of\b|\bprefer\b|\bcompared to\b", re.IGNORECASE)


@dataclass(frozen=True)
class Remark:
    """A clause of a note, the sides that it is about, and its theme."""

    text: str
    labels: frozenset[str]
    theme: Theme


def remarks(notes: str) -> Iterator[Remark]:
    """Each clause with each theme that it has. A clause that names no side goes on about the one before it."""
    subject: frozenset[str] = frozenset()
    for clause in filter(None, (part.strip(" ,") for part in _CLAUSE_END.split(notes))):
        subject = _subject(clause) or subject
        for theme in _themes_of(clause) if subject else ():
            yield Remark(clause, subject, theme)


def _themes_of(clause: str) -> list[Theme]:
    """What went wrong says more than that something did, and what did not work was not done."""
    found = [theme for theme in THEMES if theme.pattern.search(clause)]
    bad = [theme for theme in found if theme.good is False]
    if not bad:
        return found
    precise = [theme for theme in bad if theme.key not in _GENERAL] or bad
    return [theme for theme in found if theme in precise or theme.key in _BESIDE_FAILURE]


def _subject(clause: str) -> frozenset[str]:
    if _BOTH.search(clause):
        return frozenset("AB")
    first = {label: found.start() for label, pattern in _LABEL.items() if (found := pattern.search(clause))}
    if len(first) == 2 and _THAN.search(clause):
        return frozenset({min(first, key=lambda label: first[label])})
    return frozenset(first)
