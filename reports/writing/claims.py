"""The form of a report's words: claims, each with the evidence that it rests on and sessions that show it."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from reports.providers import Strict

MOST_CLAIMS = 40
LONGEST_CLAIM = 600


class Section(StrEnum):
    """In the order of a report."""

    OVERVIEW = "overview"
    COMPARISON = "comparison"
    STRENGTHS = "strengths"
    WEAKNESSES = "weaknesses"
    INSTRUCTION = "instruction"
    MANIPULATION = "manipulation"
    SCENE = "scene"
    FAILURES = "failures"
    FIX_FIRST = "fix-first"


TITLES = {
    Section.OVERVIEW: "Overview",
    Section.COMPARISON: "Performance by task category",
    Section.STRENGTHS: "Strengths",
    Section.WEAKNESSES: "Weaknesses",
    Section.INSTRUCTION: "Instruction following",
    Section.MANIPULATION: "Manipulation skill",
    Section.SCENE: "Robustness to the scene",
    Section.FAILURES: "Failure modes and recovery",
    Section.FIX_FIRST: "What to fix first",
}


class Shows(StrEnum):
    """What a cited session shows of the policy, each a fact that its record holds or does not hold."""

    WON = "won"
    TIED = "tied"
    LOST = "lost"
    GOT_FURTHER = "got-further"
    FELL_BEHIND = "fell-behind"
    FAR = "far"
    NOT_FAR = "not-far"
    SUCCEEDED = "succeeded"
    DID_NOT_SUCCEED = "did-not-succeed"
    FAILURE = "failure"
    RECOVERED = "recovered"
    NOTED = "noted"


FAR_FROM, NOT_FAR_BELOW = 0.7, 0.3
"""Progress from which a rollout got far, and below which it did not."""
Direction = Literal["good", "bad", "neutral"]


class Citation(Strict):
    """session: its id, or its reference in what the model was shown. detail: the failure mode, or the note's theme."""

    session: Annotated[str, Field(max_length=60)]
    shows: Shows
    detail: Annotated[str, Field(max_length=40)] = ""


class Claim(Strict):
    section: Section
    text: Annotated[str, Field(min_length=10, max_length=LONGEST_CLAIM)]
    direction: Direction
    evidence: Annotated[list[str], Field(min_length=1, max_length=8)]
    citations: Annotated[list[Citation], Field(max_length=8)]


class Draft(Strict):
    claims: Annotated[list[Claim], Field(max_length=MOST_CLAIMS)]


class Support(Strict):
    """A second reading of one claim."""

    claim: int
    supported: bool
    why: Annotated[str, Field(max_length=240)]


class Supports(Strict):
    readings: Annotated[list[Support], Field(max_length=MOST_CLAIMS)]
