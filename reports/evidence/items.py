"""The evidence on a version: items, each a group of its sessions with figures, numbered so that words can cite them.

Pure. What is said of a version later is said of these items only.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import groupby

from leaderboard.estimates import Estimate
from reports.evidence import figures, themes
from reports.evidence.meetings import Meeting, Outcome

SMALLEST_GROUP = 3
"""Below this many sessions a group says nothing, but on how things go wrong each one tells."""
CITED = 8
"""Sessions named with an item for a reader; the item counts all of them."""
QUOTES = 4
QUOTE_LENGTH = 240
ALPHA = 0.05


class Group(StrEnum):
    OVERALL = "overall"
    CATEGORY = "category"
    OPPONENT = "opponent"
    LAB = "lab"
    SCENE = "scene"
    FAILURE = "failure"
    THEME = "theme"
    OBSERVATION = "observation"


class Verdict(StrEnum):
    """What an item certifies after a correction for all items of its group (Holm); most certify nothing."""

    BETTER = "better than elsewhere"
    WORSE = "worse than elsewhere"
    NONE = ""


@dataclass(frozen=True)
class Quote:
    session: str
    text: str


@dataclass(frozen=True)
class Item:
    """wins, ties, losses, and the intervals of win share, progress and success over `sessions` meetings.

    of: how many meetings there were in which it could have been seen; cited: some of its sessions, the most telling
    first; leads: 1 where it won more than it lost, -1 where less, beyond chance (exact sign test, Holm in its group),
    else 0; p: adjusted p-value of the difference of progress (else of the outcome) from the policy's other sessions.
    """

    id: str
    group: Group
    key: str
    words: str
    sessions: tuple[str, ...]
    of: int
    won: int
    tied: int
    lost: int
    win_share: Estimate
    progress: Estimate | None
    success: Estimate | None
    cited: tuple[str, ...]
    good: bool | None = None
    quotes: tuple[Quote, ...] = ()
    p: float = 1.0
    verdict: Verdict = Verdict.NONE
    leads: int = 0

    @property
    def n(self) -> int:
        return len(self.sessions)

    @property
    def share_of_all(self) -> float:
        return self.n / self.of


@dataclass(frozen=True)
class Evidence:
    """subject: the version, as `slug@version`; other: the version it is compared with, where there is one."""

    subject: str
    other: str | None
    meetings: Mapping[str, Meeting]
    items: tuple[Item, ...]
    by_id: Mapping[str, Item] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_id", {item.id: item for item in self.items})

    def with_items(self, more: Sequence[Item]) -> "Evidence":
        """The same with further items, numbered on."""
        numbered = [replace(item, id=f"E{number}") for number, item in enumerate(more, start=len(self.items) + 1)]
        return Evidence(self.subject, self.other, self.meetings, (*self.items, *numbered))

    def of_group(self, group: Group) -> list[Item]:
        return [item for item in self.items if item.group is group]

    @property
    def overall(self) -> Item | None:
        return next(iter(self.of_group(Group.OVERALL)), None)

    @property
    def opponents(self) -> frozenset[str]:
        return frozenset(meeting.opponent for meeting in self.meetings.values())


@dataclass(frozen=True)
class Names:
    """How groups are called in words."""

    categories: Mapping[str, str]
    labs: Mapping[str, str]
    scene: Mapping[str, tuple[str, Mapping[str, str]]]
    """By question: its short name, and its answers' words."""
    failures: Mapping[str, str]


def gather(*, subject: str, meetings: Sequence[Meeting], names: Names, other: str | None = None) -> Evidence:
    """All items on the meetings of a version. The same meetings give the same items, in the same order."""
    meetings = sorted(meetings, key=lambda one: (one.at, one.session))
    if not meetings:
        return Evidence(subject, other, {}, ())
    whole = item_of(Group.OVERALL, "all", "all sessions", meetings, meetings)
    compared = [
        *_by(Group.CATEGORY, meetings, lambda one: one.category, lambda key: names.categories.get(key, key)),
        *(_by(Group.OPPONENT, meetings, lambda one: one.opponent, str) if other is None else []),
        *_by(Group.LAB, meetings, lambda one: one.lab, lambda key: names.labs.get(key, key)),
        *_by_scene(meetings, names),
    ]
    told = [*_by_failure(meetings, names), *_by_theme(meetings)]
    every = _with_leads([whole, *_with_verdicts(compared, meetings), *told])
    items = tuple(replace(item, id=f"E{number}") for number, item in enumerate(every, start=1))
    return Evidence(subject, other, {one.session: one for one in meetings}, items)


def _by(
    group: Group, meetings: Sequence[Meeting], key: Callable[[Meeting], str], words: Callable[[str], str]
) -> list[Item]:
    """Groups of enough sessions, the largest first."""
    parts: dict[str, list[Meeting]] = defaultdict(list)
    for one in meetings:
        parts[key(one)].append(one)
    large = [(name, part) for name, part in parts.items() if name and len(part) >= SMALLEST_GROUP]
    return [
        item_of(group, name, words(name), part, meetings)
        for name, part in sorted(large, key=lambda one: (-len(one[1]), one[0]))
    ]


def _by_scene(meetings: Sequence[Meeting], names: Names) -> list[Item]:
    found = []
    for question, (short, answers) in names.scene.items():
        asked = [one for one in meetings if question in one.scene]
        items = _by(Group.SCENE, asked, lambda one, q=question: one.scene[q], str)  # type: ignore[misc]
        for item in items if len(items) > 1 else ():  # alone it is compared with nothing
            words = f"{short}: {answers.get(item.key, item.key)}"
            found.append(replace(item, key=f"{question}={item.key}", words=words))
    return found


def _by_failure(meetings: Sequence[Meeting], names: Names) -> list[Item]:
    counts = Counter(mode for one in meetings for mode in one.failures)
    found = []
    for mode, _ in sorted(counts.items(), key=lambda one: (-one[1], one[0])):
        part = [one for one in meetings if mode in one.failures]
        found.append(item_of(Group.FAILURE, mode, names.failures.get(mode, mode), part, meetings, good=False))
    recovered = [one for one in meetings if one.recovered]
    failed = [one for one in meetings if one.failures or one.recovered]
    if recovered:
        found.append(item_of(Group.FAILURE, "recovered", "recovered after a failure", recovered, failed, good=True))
    return found


def _by_theme(meetings: Sequence[Meeting]) -> list[Item]:
    noted = [one for one in meetings if one.notes.strip()]
    said: dict[str, dict[str, str]] = defaultdict(dict)
    for one in noted:
        for remark in themes.remarks(one.notes):
            if one.label in remark.labels:
                said[remark.theme.key].setdefault(one.session, remark.text)
    items = []
    for theme in themes.THEMES:
        quoted = said.get(theme.key, {})
        part = [one for one in noted if one.session in quoted]
        if len(part) >= 2:
            item = item_of(Group.THEME, theme.key, theme.words, part, noted, good=theme.good)
            quotes = tuple(Quote(session, quoted[session][:QUOTE_LENGTH]) for session in item.cited[:QUOTES])
            items.append(replace(item, quotes=quotes))
    return sorted(items, key=lambda item: -item.n)


def item_of(
    group: Group,
    key: str,
    words: str,
    part: Sequence[Meeting],
    among: Sequence[Meeting],
    *,
    good: bool | None = None,
) -> Item:
    outcomes = Counter(one.outcome for one in part)
    win_share = figures.share([one.score for one in part])
    assert win_share is not None, "an item has sessions"
    return Item(
        id="",
        group=group,
        key=key,
        words=words,
        sessions=tuple(one.session for one in part),
        of=len(among),
        won=outcomes[Outcome.WON],
        tied=outcomes[Outcome.TIED],
        lost=outcomes[Outcome.LOST],
        win_share=win_share,
        progress=figures.mean([one.progress for one in part if one.progress is not None]),
        success=figures.share([float(one.success) for one in part if one.success is not None]),
        cited=_telling(part),
        good=good,
    )


def _telling(part: Sequence[Meeting]) -> tuple[str, ...]:
    """Some sessions of a group: in turn a clear win, a clear loss and the latest, so that no side is picked out."""

    def margin(one: Meeting) -> float:
        return one.score - 0.5 + ((one.progress or 0.0) - (one.theirs or 0.0)) / 2

    ranked = sorted(part, key=lambda one: (margin(one), one.session))
    lines = [list(reversed(ranked)), ranked, sorted(part, key=lambda one: (one.at, one.session), reverse=True)]
    chosen: dict[str, None] = {}
    while len(chosen) < min(CITED, len(part)):
        for line in lines:
            while line and line[0].session in chosen:
                line.pop(0)
            if line and len(chosen) < CITED:
                chosen[line.pop(0).session] = None
    return tuple(chosen)


def _with_leads(items: Sequence[Item]) -> Iterator[Item]:
    """Each kind of group is corrected for itself, as with verdicts."""
    for _, together in groupby(items, key=lambda item: item.group):
        mine = list(together)
        adjusted = figures.holm([figures.differs_from_even(item.won, item.lost) for item in mine])
        for item, p in zip(mine, adjusted, strict=True):
            yield replace(item, leads=(item.won > item.lost) - (item.won < item.lost) if p < ALPHA else 0)


def _with_verdicts(items: Sequence[Item], meetings: Sequence[Meeting]) -> Iterable[Item]:
    """Which groups differ from the version's other sessions, each kind of group corrected for itself."""
    for group in dict.fromkeys(item.group for item in items):
        mine = [item for item in items if item.group is group]
        adjusted = figures.holm([_difference(item, meetings)[0] for item in mine])
        for item, p in zip(mine, adjusted, strict=True):
            verdict = Verdict.NONE
            if p < ALPHA:
                verdict = Verdict.BETTER if _difference(item, meetings)[1] > 0 else Verdict.WORSE
            yield replace(item, p=p, verdict=verdict)


def _difference(item: Item, meetings: Sequence[Meeting]) -> tuple[float, float]:
    """The p-value and the size of what sets the group apart: by progress where all have it, else by outcome."""
    inside = set(item.sessions)
    by_progress = all(one.progress is not None for one in meetings)
    values = [(one.session in inside, one.progress if by_progress else one.score) for one in meetings]
    group = [value for is_inside, value in values if is_inside and value is not None]
    rest = [value for is_inside, value in values if not is_inside and value is not None]
    if not rest:
        return 1.0, 0.0
    return figures.differs_from_rest(group, rest), sum(group) / len(group) - sum(rest) / len(rest)
