"""Snapshots: a board computed once from a stored input, and never changed afterwards."""

import functools
import gzip
import hashlib
import logging
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from arena.jobs import Job, enqueue
from leaderboard import ranking
from leaderboard.boards import BOARDS, Board, BoardInput, board_input
from leaderboard.models import Snapshot, SnapshotInput

logger = logging.getLogger(__name__)

MODEL = "davidson"
# Any number will do, as long as it is ours.
_ADVISORY_LOCK = 7_041_776


def recompute_all(*, now: datetime) -> list[Snapshot]:
    """A new snapshot for each board whose input, settings or code changed; a repeat makes none.

    Where another process computes already, this asks for a later turn instead of waiting for it. A board that cannot
    be computed keeps its last snapshot, and holds up no other.
    """
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_lock(%s)", [_ADVISORY_LOCK])
        if cursor.fetchone() != (True,):
            enqueue(Job.RECOMPUTE_BOARDS)
            return []
        try:
            made = [_recompute_or_log(board, now) for board in BOARDS]
        finally:
            cursor.execute("select pg_advisory_unlock(%s)", [_ADVISORY_LOCK])
    return [snapshot for snapshot in made if snapshot is not None]


def _recompute_or_log(board: Board, now: datetime) -> Snapshot | None:
    try:
        return recompute(board=board, now=now)
    except ranking.RankingError:
        logger.exception("the board %s could not be computed", board.slug)
        return None


def recompute(*, board: Board, now: datetime) -> Snapshot | None:
    """The board's snapshot as of now, or None where the latest one still stands or there is nothing to rank yet."""
    found = board_input(board)
    if not found.total or _still_stands(latest(board.slug), found):
        return None
    result = compute(found)
    with transaction.atomic():
        stored, _ = SnapshotInput.objects.get_or_create(
            sha256=found.sha256, defaults={"content": gzip.compress(found.content, mtime=0), "rows": found.rows}
        )
        return Snapshot.objects.create(
            board=board.slug,
            created_at=now,
            input=stored,
            model=MODEL,
            settings=model_settings(),
            code_version=code_version(),
            total=found.total,
            counted=found.rows,
            excluded=found.excluded,
            result=result,
        )


def compute(found: BoardInput) -> dict[str, Any]:
    """The numbers of a snapshot, from its input alone."""
    records = found.records()
    if not records:
        return {"policies": [], "warnings": []}
    comparisons = ranking.encode(
        policy_a=[record["policy_a"] for record in records],
        policy_b=[record["policy_b"] for record in records],
        preference=[record["preference"] for record in records],
        lab=[record["lab"] for record in records],
        progress_a=[_progress(record["progress_a"]) for record in records],
        progress_b=[_progress(record["progress_b"]) for record in records],
    )
    return ranking.fit(comparisons, model=MODEL).as_json()


def latest(board: str) -> Snapshot | None:
    return Snapshot.objects.filter(board=board).select_related("input").defer("input__content").first()


def model_settings() -> dict[str, Any]:
    return ranking.default_settings(MODEL).as_json()


@functools.cache
def code_version() -> str:
    """A hash of the sources that the numbers come from: equal sources, equal numbers."""
    digest = hashlib.sha256()
    for path in sorted(Path(ranking.__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _still_stands(snapshot: Snapshot | None, found: BoardInput) -> bool:
    return (
        snapshot is not None
        and snapshot.input_id == found.sha256
        and (snapshot.total, snapshot.excluded) == (found.total, found.excluded)
        and snapshot.model == MODEL
        and snapshot.settings == model_settings()
        and snapshot.code_version == code_version()
    )


def _progress(text: str) -> float:
    return float(text) if text else float("nan")
