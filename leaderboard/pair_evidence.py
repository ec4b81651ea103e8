"""What each pair of versions has shown, at any time: from the sessions of a board's last input, in their order."""

import csv
import hashlib
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from io import BytesIO, StringIO
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from arena.models import PolicyVersion
from evaluations.models import PairEvidence
from evaluations.scopes import SCOPES, Scope
from leaderboard import inputs, questions, snapshots
from leaderboard.comparison_csv import read_table
from leaderboard.ranking import Comparisons
from leaderboard.ranking.anytime import SCORE, AnytimeSettings, Evidence, e_bh, evidence
from leaderboard.ranking.anytime_plan import sessions_enough
from leaderboard.ranking.comparisons import FloatArray, IntArray

# A certificate of one pair, named beforehand, is false with at most this probability, however often one looks; of all
# that are told of a board's pairs together at most this share is false, in expectation.
ALPHA = 0.05
SETTINGS = AnytimeSettings(alpha=ALPHA)
# More sessions of one pair nobody would run.
MOST_SESSIONS = 5000
POWER = 0.8
WRITTEN = [
    *("wins", "ties", "losses", "reading", "alpha", "preference", "progress", "verdict", "decided_after", "decided_at"),
    *("progress_verdict", "progress_decided_after", "more_sessions", "updated_at"),
]
_ADVISORY_LOCK = 715_302_419


@dataclass(frozen=True, eq=False)
class Meeting:
    """The sessions of two versions in their order: what they say of the one with the smaller id. (n,) each.

    row: the place of each session among all of the board.
    """

    low: int
    high: int
    score: FloatArray
    difference: FloatArray
    row: IntArray

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
    def reading(self) -> str:
        """What the evidence follows from: alike as long as no session is new, left out, or corrected."""
        return hashlib.sha256(self.score.tobytes() + self.difference.tobytes()).hexdigest()


def write(*, now: datetime) -> int:
    """Bring the evidence of every pair that has met anew up to date. Returns how many were written."""
    return sum(_write(scope, now) for scope in SCOPES)


@transaction.atomic
def _write(scope: Scope, now: datetime) -> int:
    """One worker at a time, and each from the last snapshot, so that no older evidence replaces a newer one."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s, hashtext(%s))", [_ADVISORY_LOCK, scope.slug])
    snapshot = snapshots.latest(scope.slug)
    if snapshot is None or not snapshot.counted:
        return 0
    selection = questions.select(inputs.content_of(snapshot.input), questions.EVERYTHING)
    comparisons = read_table(lambda: BytesIO(selection.content), file=scope.slug).comparisons()
    ended = [row["closed_at"] for row in csv.DictReader(StringIO(selection.content.decode(), newline=""))]
    labels = {version.pk: version.input_label for version in PolicyVersion.objects.select_related("policy")}
    found = list(meetings(comparisons, labels))
    stored = {
        (row.version_low_id, row.version_high_id): row for row in _of_scope(scope).defer("preference", "progress")
    }
    chances = Chances(snapshot.result)
    changed = []
    for meeting in found:
        row = stored.get((meeting.low, meeting.high))
        if row is None or row.reading != meeting.reading:
            chance = chances.of(labels[meeting.low], labels[meeting.high])
            changed.append(_evident(row, meeting, ended=ended, chance=chance, now=now))
    PairEvidence.objects.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["version_low", "version_high"],
        update_fields=WRITTEN,
        batch_size=500,
    )
    _mark_family(scope, watched=math.comb(comparisons.n_policies, 2))
    return len(changed)


def meetings(comparisons: Comparisons, labels: dict[int, str]) -> Iterator[Meeting]:
    """Each pair of versions (labels by id) that met, once."""
    ids = {label: version_id for version_id, label in labels.items()}
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
            yield Meeting(int(low[part[0]]), int(high[part[0]]), score[part], difference[part], rows[part])


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


def _evident(
    row: PairEvidence | None,
    meeting: Meeting,
    *,
    ended: list[str],
    chance: tuple[float, float] | None,
    now: datetime,
) -> PairEvidence:
    """The row of a pair that has met anew. A verdict that was reached stands, whatever came after it."""
    row = row or PairEvidence(version_low_id=meeting.low, version_high_id=meeting.high)
    row.wins, row.ties, row.losses = meeting.counts
    row.reading, row.alpha, row.updated_at = meeting.reading, ALPHA, now
    preference, progress = meeting.preference, meeting.progress
    row.preference, row.progress = asdict(preference), asdict(progress)
    if row.verdict == PairEvidence.Verdict.UNDECIDED and preference.decided_after:
        row.verdict, row.decided_after = PairEvidence.Verdict(preference.verdict), preference.decided_after
        row.decided_at = datetime.fromisoformat(ended[meeting.row[preference.decided_after - 1]])
    if row.progress_verdict == PairEvidence.Verdict.UNDECIDED and progress.decided_after:
        row.progress_verdict = PairEvidence.Verdict(progress.verdict)
        row.progress_decided_after = progress.decided_after
    row.more_sessions = None if row.decided_after or chance is None else more_sessions(*chance, met=meeting.score.size)
    return row


def more_sessions(p_win: float, p_tie: float, *, met: int) -> int | None:
    """How many after those that were held; None: more than MOST_SESSIONS altogether."""
    needed = sessions_needed(p_win, p_tie)
    return None if needed is None else max(needed - met, 1)


def sessions_needed(p_win: float, p_tie: float) -> int | None:
    """About how many sessions separate two policies; None: more than MOST_SESSIONS."""
    return _planned(round(p_win, 2), round(min(p_tie, 1 - round(p_win, 2)), 2))


@lru_cache(maxsize=4096)
def _planned(p_win: float, p_tie: float) -> int | None:
    return sessions_enough(p_win, p_tie, settings=SETTINGS, power=POWER, limit=MOST_SESSIONS)


def _of_scope(scope: Scope) -> QuerySet[PairEvidence]:
    return PairEvidence.objects.filter(
        version_low__policy__simulated=scope.simulated, version_low__policy__source=scope.source
    )


def _mark_family(scope: Scope, *, watched: int) -> None:
    """Which hold among all pairs of the board together, by e-BH over both directions of each.

    Pairs that never met are among them: how many there are must not depend on what was found.
    """
    logs = _of_scope(scope).values_list("pk", "preference__log_e_better", "preference__log_e_worse")
    rows = list(logs)
    log_e = np.zeros((max(watched, len(rows)), 2))
    log_e[: len(rows)] = [row[1:] for row in rows]
    holds = np.any(e_bh(log_e.ravel(), alpha=ALPHA).reshape(-1, 2), axis=1)[: len(rows)]
    for in_family in (True, False):
        of_these = [row[0] for row, held in zip(rows, holds, strict=True) if held == in_family]
        stale = ~Q(in_family=in_family) | ~Q(watched=len(log_e))
        PairEvidence.objects.filter(stale, pk__in=of_these).update(in_family=in_family, watched=len(log_e))
