"""What is decided between two versions, for whoever stops when it is. Written by `leaderboard.pair_evidence`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from evaluations.models import PairEvidence

Verdict = Literal["better", "worse", "undecided"]


@dataclass(frozen=True)
class Decision:
    """Of one version against another; `better` means that the first is better.

    in_family: whether it also holds among all pairs of the board together. more_sessions: about how many further
    sessions would separate the two; None where nobody can say, or nobody would run so many.
    """

    verdict: Verdict
    decided_after: int | None
    in_family: bool
    more_sessions: int | None
    as_of: datetime


def decision(version_id: int, other_id: int) -> Decision | None:
    """None where the two have not met. Valid whenever one looks: a verdict once reached stands."""
    low, high = sorted((version_id, other_id))
    found = PairEvidence.objects.filter(version_low=low, version_high=high).first()
    if found is None:
        return None
    verdict: Verdict = "undecided"
    if found.verdict != PairEvidence.Verdict.UNDECIDED:
        verdict = "better" if (found.verdict == PairEvidence.Verdict.BETTER) == (version_id == low) else "worse"
    return Decision(verdict, found.decided_after, found.in_family, found.more_sessions, found.updated_at)
