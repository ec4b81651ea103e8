"""What the page of a report shows: rows of its tables with their drawings, and claims with what they rest on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports import words
from reports.evidence.items import Group
from reports.told import Told
from reports.writing.claims import TITLES, Section

SESSIONS_A_ROW = 4
NAMES = (Group.OPPONENT.value, Group.LAB.value)
"""Groups whose rows are called by names, which are written as they are."""


@dataclass(frozen=True)
class Figure:
    """A share with its interval, in percent: as text, and as places in a drawing of 0 to 100."""

    value: int
    low: int
    high: int
    x: float
    x_low: float
    x_high: float


@dataclass(frozen=True)
class Row:
    """One item of evidence. x_won, x_lost: where its bar is cut, in percent. share: of those in which it could be."""

    id: str
    words: str
    n: int
    of: int
    share: int | None
    won: int
    tied: int
    lost: int
    x_won: float
    x_lost: float
    win_share: Figure
    progress: Figure | None
    verdict: str
    is_certain: bool
    quotes: list[Mapping[str, Any]]
    sessions: Sequence[str]


@dataclass(frozen=True)
class Table:
    key: str
    title: str
    rows: list[Row]

    @property
    def is_told(self) -> bool:
        """Whether its rows are what was seen, beside what else went well or wrong."""
        return self.key in words.TOLD


@dataclass(frozen=True)
class Citation:
    """place: within the whole report. start_s: the moment that it is about, where it has one."""

    place: str
    session: str
    shows: str
    instruction: str
    opponent: str
    start_s: float | None
    excluded: bool


@dataclass(frozen=True)
class ShownClaim:
    text: str
    mark: str
    evidence: list[str]
    citations: list[Citation]


@dataclass(frozen=True)
class Change:
    """In percent. before is None for a group that is new."""

    words: str
    figure: str
    before: int | None
    now: int
    sessions_before: int
    sessions_now: int


def tables(found: Told) -> list[Table]:
    by_group: dict[str, list[Row]] = {group.value: [] for group in Group}
    for item in found.evidence["items"]:
        by_group[item["group"]].append(_row(item))
    return [Table(group.value, words.GROUPS[group], by_group[group.value]) for group in Group if by_group[group.value]]


def sections(found: Told) -> list[tuple[str, str, list[ShownClaim]]]:
    """Key, title and claims, in the order of a report; without those of which there is nothing to say."""
    claims = list(enumerate(found.claims, start=1))
    told = [
        (one.value, TITLES[one], [_claim(n, claim, found) for n, claim in claims if claim["section"] == one.value])
        for one in Section
    ]
    return [part for part in told if part[2]]


def changes(found: Told) -> list[Change]:
    return [
        Change(
            one["words"],
            one["figure"],
            None if one["before"] is None else round(100 * one["before"]),
            round(100 * one["now"]),
            one["sessions_before"],
            one["sessions_now"],
        )
        for one in found.changes
        if one["now"] is not None
    ]


def _row(item: Mapping[str, Any]) -> Row:
    n = len(item["sessions"])
    said = words.verdict(item)
    return Row(
        id=item["id"],
        words=item["words"] if item["group"] in NAMES else _begun(item["words"]),
        n=n,
        of=item["of"],
        share=round(100 * n / item["of"]) if item["group"] in words.TOLD else None,
        won=item["won"],
        tied=item["tied"],
        lost=item["lost"],
        x_won=_percent(item["won"] / n),
        x_lost=_percent(1 - item["lost"] / n),
        win_share=_figure(item["win_share"]),
        progress=_figure(item["progress"]) if item["progress"] else None,
        verdict=said,
        is_certain=item["group"] not in words.TOLD and said != "not certain",
        quotes=item["quotes"],
        sessions=item["cited"][:SESSIONS_A_ROW],
    )


def _begun(words: str) -> str:
    return words[:1].upper() + words[1:]


def _figure(stored: Mapping[str, float]) -> Figure:
    value, low, high = stored["value"], stored["low"], stored["high"]
    return Figure(
        round(100 * value), round(100 * low), round(100 * high), _percent(value), _percent(low), _percent(high)
    )


def _percent(share: float) -> float:
    return round(100 * share, 2)


def _claim(number: int, claim: Mapping[str, Any], found: Told) -> ShownClaim:
    return ShownClaim(claim["text"], words.mark(claim), claim["evidence"], list(_citations(number, claim, found)))


def _citations(number: int, claim: Mapping[str, Any], found: Told) -> Iterator[Citation]:
    for place, one in enumerate(claim["citations"], start=1):
        record = found.evidence["records"].get(one["session"], {})
        yield Citation(
            place=f"{number}-{place}",
            session=one["session"],
            shows=words.shown_by(one),
            instruction=record.get("instruction", ""),
            opponent=record.get("opponent", ""),
            start_s=record.get("moments", {}).get(one["detail"]),
            excluded=one["session"] in found.excluded,
        )
