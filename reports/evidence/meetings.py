"""One session as a version met it. Pure: made of the records by `reports.evidence.reading`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Outcome(StrEnum):
    """By the evaluator's preference, from the version's side."""

    WON = "won"
    TIED = "tied"
    LOST = "lost"


SCORE = {Outcome.WON: 1.0, Outcome.TIED: 0.5, Outcome.LOST: 0.0}


@dataclass(frozen=True)
class Meeting:
    """progress, theirs: 0 to 1, of the version's side and of the other. failures: modes, by the evaluator or by tags.

    scene: answers to the questions of the session by their keys. label: the side on which the version ran.
    """

    session: str
    lab: str
    evaluator: str
    opponent: str
    outcome: Outcome
    label: str
    instruction: str
    category: str
    at: datetime
    progress: float | None = None
    theirs: float | None = None
    success: bool | None = None
    scene: Mapping[str, str] = field(default_factory=dict)
    failures: frozenset[str] = frozenset()
    moments: Mapping[str, float] = field(default_factory=dict)
    recovered: bool | None = None
    notes: str = ""

    @property
    def score(self) -> float:
        return SCORE[self.outcome]
