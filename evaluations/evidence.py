"""What is decided between two versions, for whoever stops when it is. Written by `leaderboard.pair_evidence`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from evaluations.models import PairEvidence

Verdict = Literal["better", "worse", "undecided"]


@dataclass(frozen=True)
class Decision:
    """Of one version against another by preference, and by progress; `better` means that the first is better.

    in_family: whether it also holds among all `watched` pairs of the board together, as of now. more_sessions: about
    how many further sessions would separate the two; None where nobody can say, or nobody would run so many.
    """

    verdict: Verdict
    decided_after: int | None
    decided_at: datetime | None
    progress_verdict: Verdict
    progress_decided_after: int | None
    in_family: bool
    watched: int
    more_sessions: int | None
    as_of: datetime


def decision(version_id: int, other_id: int) -> Decision | None:
    """None where the two have not met. Valid whenever one looks: a verdict once reached stands."""
    low, high = sorted((version_id, other_id))
    found = PairEvidence.objects.filter(version_low=low, version_high=high).first()
    if found is None:
        return None
    return Decision(
        verdict=_seen_from(found.verdict, first=version_id == low),
        decided_after=found.decided_after,
        decided_at=found.decided_at,
        progress_verdict=_seen_from(found.progress_verdict, first=version_id == low),
        progress_decided_after=found.progress_decided_after,
        in_family=found.in_family,
        watched=found.watched,
        more_sessions=found.more_sessions,
        as_of=found.updated_at,
    )


def _seen_from(verdict: str, *, first: bool) -> Verdict:
    if verdict == PairEvidence.Verdict.UNDECIDED:
        return "undecided"
    return "better" if (verdict == PairEvidence.Verdict.BETTER) == first else "worse"
