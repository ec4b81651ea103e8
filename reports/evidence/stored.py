"""Evidence as it is kept with a report and handed out, and what changed between two of them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leaderboard.estimates import Estimate
from reports.evidence.items import Evidence, Item
from reports.evidence.meetings import Meeting

SCHEMA = 1
CHANGES_TOLD = 12
# A change of a share smaller than this is not worth a reader's time, whatever the interval.
LEAST_CHANGE = 0.05


def as_json(evidence: Evidence) -> dict[str, Any]:
    """All sessions stand once, in `sessions`; an item names those of it by their places in that list."""
    sessions = list(evidence.meetings)
    place = {session: index for index, session in enumerate(sessions)}
    named = {session for item in evidence.items for session in item.cited}
    return {
        "schema": SCHEMA,
        "subject": evidence.subject,
        "other": evidence.other,
        "sessions": sessions,
        "items": [_item(item, place) for item in evidence.items],
        "records": {session: _record(evidence.meetings[session]) for session in sessions if session in named},
    }


def _item(item: Item, place: Mapping[str, int]) -> dict[str, Any]:
    return {
        "id": item.id,
        "group": item.group.value,
        "key": item.key,
        "words": item.words,
        "sessions": [place[session] for session in item.sessions],
        "of": item.of,
        "won": item.won,
        "tied": item.tied,
        "lost": item.lost,
        "win_share": _figure(item.win_share),
        "progress": _figure(item.progress),
        "success": _figure(item.success),
        "good": item.good,
        "p": round(item.p, 4),
        "verdict": item.verdict.value,
        "leads": item.leads,
        "cited": list(item.cited),
        "quotes": [{"session": quote.session, "text": quote.text} for quote in item.quotes],
    }


def _figure(figure: Estimate | None) -> dict[str, float] | None:
    if figure is None:
        return None
    return {"value": round(figure.value, 4), "low": round(figure.low, 4), "high": round(figure.high, 4), "n": figure.n}


def _record(meeting: Meeting) -> dict[str, Any]:
    return {
        "label": meeting.label,
        "opponent": meeting.opponent,
        "lab": meeting.lab,
        "category": meeting.category,
        "instruction": meeting.instruction,
        "outcome": meeting.outcome.value,
        "progress": meeting.progress,
        "theirs": meeting.theirs,
        "success": meeting.success,
        "failures": sorted(meeting.failures),
        "moments": dict(meeting.moments),
        "recovered": meeting.recovered,
        "at": meeting.at.isoformat(),
    }


@dataclass(frozen=True)
class Change:
    """Of one group of sessions: what was known before and what is known now; None where there was none."""

    words: str
    figure: str
    before: float | None
    now: float | None
    sessions_before: int
    sessions_now: int

    def as_json(self) -> dict[str, Any]:
        return vars(self).copy()


def changes(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> list[Change]:
    """The largest changes between two pieces of stored evidence, new groups among them; the first has none."""
    if before is None:
        return []
    old = {(item["group"], item["key"]): item for item in before["items"]}
    found = [change for item in now["items"] if (change := _change(old.get((item["group"], item["key"])), item))]
    found.sort(key=lambda one: (one.before is not None, -abs((one.now or 0) - (one.before or 0)) * one.sessions_now))
    whole = [one for one in found if one.words == "all sessions"]
    return [*whole, *(one for one in found if one not in whole)][:CHANGES_TOLD]


def _change(old: Mapping[str, Any] | None, item: Mapping[str, Any]) -> Change | None:
    is_told = item["group"] in ("failure", "theme", "observation")
    figure = "share of sessions" if is_told else "win share"

    def value(one: Mapping[str, Any]) -> float:
        return len(one["sessions"]) / one["of"] if is_told else float(one["win_share"]["value"])

    n_before, n_now = len(old["sessions"]) if old else 0, len(item["sessions"])
    if old is not None and abs(value(item) - value(old)) < LEAST_CHANGE and item["group"] != "overall":
        return None
    return Change(item["words"], figure, value(old) if old else None, value(item), n_before, n_now)


def sessions_of(stored: Mapping[str, Any], item: Mapping[str, Any]) -> Sequence[str]:
    return [stored["sessions"][place] for place in item["sessions"]]
