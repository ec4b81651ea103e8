"""What each pair of versions has shown, at any time: from the sessions of a board's last input, in their order."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from io import BytesIO
from typing import Any

import numpy as np
from django.db import transaction

from arena.models import PolicyVersion
from evaluations.models import PairEvidence
from evaluations.scopes import REAL, SIMULATION, Scope
from leaderboard import inputs, questions, snapshots
from leaderboard.comparison_csv import read_table
from leaderboard.ranking import Comparisons
from leaderboard.ranking.anytime import SCORE, AnytimeSettings, Evidence, e_bh, evidence, evidence_mean
from leaderboard.ranking.anytime_plan import sessions_to_separate
from leaderboard.ranking.comparisons import FloatArray

# A certificate of one pair, named beforehand, is false with at most this probability, however often one looks; of all
# that are told of a board's pairs together at most this share is false, in expectation.
ALPHA = 0.05
SETTINGS = AnytimeSettings(alpha=ALPHA)
# More sessions of one pair nobody would run.
MOST_SESSIONS = 2000
POWER = 0.8
LIVE = (REAL, SIMULATION)

Told = tuple[int, int, int, int, float | None]
"""Wins, ties, losses, differences of progress and their mean."""


@dataclass(frozen=True, eq=False)
class Meeting:
    """The sessions of two versions in their order: what they say of the one with the smaller id. (n,) each."""

    low: int
    high: int
    score: FloatArray
    difference: FloatArray

    @property
    def preference(self) -> Evidence:
        return evidence(self.score, low=0.0, high=1.0, settings=SETTINGS)

    @property
    def progress(self) -> Evidence:
        return evidence(self.difference[~np.isnan(self.difference)], low=-1.0, high=1.0, settings=SETTINGS)

    @property
    def counts(self) -> tuple[int, int, int]:
        """Wins, ties, losses."""
        wins, ties, losses = (int(np.count_nonzero(self.score == value)) for value in SCORE)
        return wins, ties, losses

    @property
    def told(self) -> Told:
        """What tells whether the two have met anew: cheap, where the evidence is not."""
        known = self.difference[~np.isnan(self.difference)]
        return *self.counts, known.size, evidence_mean(known, low=-1.0, high=1.0)


def write(*, now: datetime) -> int:
    """Bring the evidence of every pair that has met anew up to date. Returns how many were written."""
    return sum(_write(scope, now) for scope in LIVE)


def _write(scope: Scope, now: datetime) -> int:
    snapshot = snapshots.latest(scope.slug)
    if snapshot is None or not snapshot.counted:
        return 0
    selection = questions.select(inputs.content_of(snapshot.input), questions.EVERYTHING)
    comparisons = read_table(lambda: BytesIO(selection.content), file=scope.slug).comparisons()
    ids = {version.label: version.pk for version in PolicyVersion.objects.select_related("policy")}
    labels = {pk: label for label, pk in ids.items()}
    chances = Chances(snapshot.result)
    told = _told()
    written = 0
    for meeting in meetings(comparisons, ids):
        if told.get((meeting.low, meeting.high)) != meeting.told:
            _keep(meeting, chances.of(labels[meeting.low], labels[meeting.high]), now)
            written += 1
    _mark_family(scope)
    return written


def _told() -> dict[tuple[int, int], Told]:
    """What is stored of each pair, as `Meeting.told` has it."""
    rows = PairEvidence.objects.values_list(
        "version_low", "version_high", "wins", "ties", "losses", "progress__n", "progress__mean"
    )
    return {(row[0], row[1]): row[2:] for row in rows.iterator()}


def meetings(comparisons: Comparisons, ids: dict[str, int]) -> Iterator[Meeting]:
    """Each pair of versions that met and are known (ids by label), once."""
    known = np.array([ids.get(label, -1) for label in comparisons.policies], dtype=np.int64)
    a, b = known[comparisons.policy_a], known[comparisons.policy_b]
    rows = np.flatnonzero((a >= 0) & (b >= 0))
    swapped = a[rows] > b[rows]
    low, high = np.minimum(a, b)[rows], np.maximum(a, b)[rows]
    score = SCORE[comparisons.outcome[rows]]
    score = np.where(swapped, 1 - score, score)
    difference = (comparisons.progress_a - comparisons.progress_b)[rows]
    difference = np.where(swapped, -difference, difference)
    order = np.lexsort((np.arange(rows.size), high, low))
    firsts = np.flatnonzero(np.diff(low[order], prepend=-1) | np.diff(high[order], prepend=-1))
    for part in np.split(order, firsts[1:]):
        if part.size:
            yield Meeting(int(low[part[0]]), int(high[part[0]]), score[part], difference[part])


class Chances:
    """How likely each policy is preferred to each other, as a snapshot's model has it."""

    def __init__(self, result: dict[str, Any]) -> None:
        self._place = {row["policy"]: number for number, row in enumerate(result["policies"])}
        self._win, self._tie = result.get("win", []), result.get("tie", [])

    def of(self, policy: str, other: str) -> tuple[float, float] | None:
        """Of a win and of a tie; None where the two are not connected, or not on the board."""
        i, j = self._place.get(policy), self._place.get(other)
        if i is None or j is None or self._win[i][j] is None:
            return None
        return self._win[i][j], self._tie[i][j]


@transaction.atomic
def _keep(meeting: Meeting, chances: tuple[float, float] | None, now: datetime) -> None:
    """A verdict that was reached stands, whatever came after it."""
    both = PairEvidence.objects.filter(version_low=meeting.low, version_high=meeting.high)
    stored = both.select_for_update().first()
    wins, ties, losses = meeting.counts
    found = meeting.preference
    verdict, after = found.verdict, found.decided_after
    if stored and stored.verdict != PairEvidence.Verdict.UNDECIDED:
        verdict, after = stored.verdict, stored.decided_after  # type: ignore[assignment]
    values = {
        "wins": wins,
        "ties": ties,
        "losses": losses,
        "alpha": ALPHA,
        "preference": asdict(found),
        "progress": asdict(meeting.progress),
        "verdict": verdict,
        "decided_after": after,
        "more_sessions": None if after else _more(meeting, chances),
        "updated_at": now,
    }
    PairEvidence.objects.update_or_create(version_low_id=meeting.low, version_high_id=meeting.high, defaults=values)


def _more(meeting: Meeting, chances: tuple[float, float] | None) -> int | None:
    if chances is None:
        return None
    needed = sessions_needed(*chances)
    return None if needed is None else max(needed - meeting.score.size, 1)


def sessions_needed(p_win: float, p_tie: float) -> int | None:
    """About how many sessions separate two policies; None: more than MOST_SESSIONS."""
    return _planned(round(p_win, 2), round(min(p_tie, 1 - round(p_win, 2)), 2))


@lru_cache(maxsize=4096)
def _planned(p_win: float, p_tie: float) -> int | None:
    return sessions_to_separate(p_win, p_tie, settings=SETTINGS, power=POWER, limit=MOST_SESSIONS).sessions


def _mark_family(scope: Scope) -> None:
    """Which verdicts hold among all pairs of the scope together, by e-BH over both directions of each."""
    of_scope = PairEvidence.objects.filter(
        version_low__policy__simulated=scope.simulated, version_low__policy__source=scope.source
    )
    rows = list(of_scope.values_list("pk", "preference__log_e_better", "preference__log_e_worse", "in_family"))
    rejected = np.any(e_bh([e for row in rows for e in row[1:3]], alpha=ALPHA).reshape(-1, 2), axis=1).tolist()
    for holds in (True, False):
        changed = [row[0] for row, is_in in zip(rows, rejected, strict=True) if is_in == holds != row[3]]
        PairEvidence.objects.filter(pk__in=changed).update(in_family=holds)
