"""What the codes of a report are called, on its page, in Markdown and for programs. Pure."""

from collections.abc import Mapping
from typing import Any

from evaluations.models import FailureMode
from reports.evidence import themes
from reports.evidence.items import Group
from reports.writing.claims import Shows

GROUPS = {
    Group.OVERALL: "All sessions",
    Group.CATEGORY: "By kind of task",
    Group.OPPONENT: "By opponent",
    Group.LAB: "By lab",
    Group.SCENE: "By scene",
    Group.FAILURE: "What went wrong, and recovery",
    Group.THEME: "What the notes speak of",
    Group.OBSERVATION: "What a model read in the notes",
}
TOLD = (Group.FAILURE.value, Group.THEME.value, Group.OBSERVATION.value)
"""Groups of what was seen: they are a share of the sessions in which it could have been."""
SHOWS = {
    Shows.WON: "won",
    Shows.TIED: "tied",
    Shows.LOST: "lost",
    Shows.GOT_FURTHER: "got further",
    Shows.FELL_BEHIND: "got less far",
    Shows.FAR: "got far",
    Shows.NOT_FAR: "did not get far",
    Shows.SUCCEEDED: "succeeded",
    Shows.DID_NOT_SUCCEED: "did not succeed",
    Shows.FAILURE: "went wrong",
    Shows.RECOVERED: "recovered",
    Shows.NOTED: "noted",
}
DROPPED = {
    "unknown-evidence": "named evidence that does not exist",
    "unknown-session": "cited a session that is not this policy’s, or does not exist",
    "outside-evidence": "cited a session outside the evidence that it named",
    "contradicted": "said of a session what its record does not show",
    "wrong-section": "stood under the wrong heading",
    "direction": "said the opposite of what the figures say",
    "words-against-figures": "called somebody better or worse against the outcomes",
    "too-strong": "said always, never or all of what has exceptions",
    "form": "held more than plain words",
    "number": "held a number that stands in none of the evidence",
    "names-another": "spoke of a policy on which it gave no evidence",
    "not-supported": "went beyond what it cited, as a second reading found",
}
_FAILURES = {one.value: str(one.label) for one in FailureMode}
_THEMES = {one.key: one.words for one in themes.THEMES}


def shown_by(citation: Mapping[str, Any]) -> str:
    """What a session is cited for."""
    shows, detail = Shows(citation["shows"]), str(citation["detail"])
    if shows is Shows.FAILURE:
        return _FAILURES.get(detail, detail)
    if shows is Shows.NOTED:
        return f"noted: {_THEMES.get(detail, detail)}"
    return SHOWS[shows]


def verdict(item: Mapping[str, Any]) -> str:
    """What an item certifies, in words."""
    if item["group"] in TOLD:
        return "neither" if item["good"] is None else "for it" if item["good"] else "against it"
    if item["verdict"]:
        return str(item["verdict"])
    if item["leads"] > 0:
        return "wins more than it loses"
    if item["leads"] < 0:
        return "loses more than it wins"
    return "not certain"


def written_by(provider: str, model: str, prompt_version: str) -> str:
    if not model:
        return f"written from templates ({prompt_version}), no model"
    return f"written by {model} ({provider}, prompt {prompt_version})"


def mark(claim: Mapping[str, Any]) -> str:
    """How sure a claim is; nothing where it tells figures and judges nothing."""
    if claim["direction"] == "neutral":
        return ""
    return "certain" if claim["certain"] else "a hint"
