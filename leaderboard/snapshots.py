"""Snapshots: a board computed once from a stored input, and never changed afterwards."""

import functools
import hashlib
import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q

from arena.errors import ArenaError, NotFound
from arena.jobs import Job, enqueue
from leaderboard import boards, inputs, questions, ranking, seasons
from leaderboard.boards import OVERALL, Board
from leaderboard.comparison_csv import read_table
from leaderboard.models import BoardRun, Freeze, Snapshot, SnapshotInput
from leaderboard.questions import EVERYTHING, Question, Selection
from leaderboard.ranking import JointSettings, ModelSettings, RankingError
from leaderboard.ranking.joint_settings import SPREADS, warmed
from leaderboard.seasons import Mix, Season

logger = logging.getLogger(__name__)

MODEL = ranking.DEFAULT_MODEL
# Why a board failed where nothing foresaw it; the log has the rest.
UNEXPECTED = "unexpected"
# Any numbers will do, as long as they are ours.
_ADVISORY_LOCK = 7_041_776
_STORING_LOCK = 7_041_777


def recompute_all(*, now: datetime) -> list[Snapshot]:
    """A new snapshot for each overall board whose input, settings or code changed; a repeat makes none.

    The boards that are kept up to date beside them are asked for, and those for whom somebody waits: each is computed
    by a job of its own, behind the overall ones.
    """
    made = [snapshot for board in OVERALL if (snapshot := recompute(board=board, now=now)) is not None]
    for board in waiting(now=now):
        enqueue(Job.RECOMPUTE_BOARD, board=board)
    return made


def waiting(*, now: datetime) -> list[str]:
    """The slugs of the boards beside the overall ones that are not up to date, or that somebody waits for."""
    asked = BoardRun.objects.filter(Q(ended_at=None) | Q(ended_at__lt=F("asked_at"))).values_list("board", flat=True)
    slugs = [board.slug for overall in OVERALL for board in _kept_beside(overall, now) if not is_current(board)]
    overall_slugs = {board.slug for board in OVERALL}
    return list(dict.fromkeys([*slugs, *(slug for slug in asked if slug not in overall_slugs)]))


def ask(*, board: Board, now: datetime) -> BoardRun:
    """Have a board computed that is not kept up to date, and say since when it is waited for. A repeat asks once."""
    run, is_new = BoardRun.objects.get_or_create(board=board.slug, defaults={"asked_at": now})
    if not is_new and not run.is_waiting:
        BoardRun.objects.filter(board=board.slug, asked_at=run.asked_at).update(asked_at=now)
        run.refresh_from_db()
    enqueue(Job.RECOMPUTE_BOARD, board=board.slug)
    return run


def recompute(*, board: Board, now: datetime) -> Snapshot | None:
    """The board's snapshot as of now, or None where the latest one still stands or there is nothing to rank yet.

    Where another process computes this board already, a later turn is asked for instead. A board that cannot be
    computed keeps its last snapshot, and its run says why. A frozen one keeps it, too, and nobody waits for it.
    """
    with _only_one(board) as mine:
        if not mine:
            enqueue(Job.RECOMPUTE_BOARDS)
            return None
        BoardRun.objects.filter(board=board.slug).update(started_at=now)
        overall = latest(board.scope.slug)
        try:
            snapshot, failure = _recompute(board, overall, now), ""
        except Exception as error:  # whatever it is: the other boards are computed all the same, and nobody waits on
            logger.exception("the board %s could not be computed", board.slug)
            snapshot, failure = None, error.code if isinstance(error, RankingError | ArenaError) else UNEXPECTED
        _end_run(board, overall, failure=failure, now=now)
        return snapshot


def _end_run(board: Board, overall: Snapshot | None, *, failure: str, now: datetime) -> None:
    ended = {"started_at": now, "ended_at": now, "failure": failure, "answers": overall}
    BoardRun.objects.update_or_create(board=board.slug, defaults=ended, create_defaults=ended | {"asked_at": now})


@contextmanager
def _only_one(board: Board) -> Iterator[bool]:
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_lock(%s, hashtext(%s))", [_ADVISORY_LOCK, board.slug])
        mine = cursor.fetchone() == (True,)
        try:
            yield mine
        finally:
            if mine:
                cursor.execute("select pg_advisory_unlock(%s, hashtext(%s))", [_ADVISORY_LOCK, board.slug])


def _recompute(board: Board, overall: Snapshot | None, now: datetime) -> Snapshot | None:
    """Overall boards read the sessions; the others answer from the input of the overall one, and so from one moment.

    overall: the last snapshot of the scope's overall board.
    """
    if _is_frozen(board):
        return None
    if board.is_overall:
        content, stored = inputs.canonical(board.scope), None
    elif overall is not None:
        content, stored = inputs.content_of(overall.input), overall.input
    else:
        return None
    selection = questions.select(content, board.question)
    if not selection.total:
        return None
    season = seasons.season_at(now, months=settings.SEASON_MONTHS)
    mix = _mix(content, season, overall)
    before = latest(board.slug)
    cold = model_settings(mix, selection)
    if before is not None and _still_stands(before, selection, cold):
        return None
    chosen = _warmed(cold, before)
    result = compute(selection, model=MODEL, chosen=chosen)
    return _store(board, now, stored or inputs.keep(content), content, selection, mix, season, chosen, result)


def _is_frozen(board: Board) -> bool:
    return Freeze.objects.living().filter(board=board.slug).exists()


def hold(board: Board) -> None:
    """Until this transaction ends the board is frozen, or a snapshot of it stored, by nobody else."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s, hashtext(%s))", [_STORING_LOCK, board.slug])


def _mix(content: bytes, season: Season, overall: Snapshot | None) -> Mix:
    """Once a season's mix is frozen it is handed on: a session corrected or excluded later does not move it."""
    shares = overall.settings.get("task_mix") if overall is not None and overall.season == season.name else None
    return Mix(shares, frozen=True) if isinstance(shares, dict) else seasons.mix_of(content, season)


@transaction.atomic
def _store(
    board: Board,
    now: datetime,
    stored: SnapshotInput,
    content: bytes,
    selection: Selection,
    mix: Mix,
    season: Season,
    chosen: ModelSettings,
    result: dict[str, Any],
) -> Snapshot | None:
    """Not where the board was frozen meanwhile: computing takes its time."""
    hold(board)
    if _is_frozen(board):
        return None
    return Snapshot.objects.create(
        board=board.slug,
        created_at=now,
        input=stored,
        selection_sha256=selection.sha256,
        model=MODEL,
        settings=chosen.as_json(),
        code_version=code_version(),
        season=season.name if mix.frozen else "",
        total=selection.total,
        counted=selection.counted,
        excluded=selection.excluded,
        facets=questions.facets(content) if board.is_overall else {},
        result=result,
    )


def compute(selection: Selection, *, model: str, chosen: ModelSettings) -> dict[str, Any]:
    """The numbers of a snapshot, from the counted rows and the settings alone. Raises RankingError, ArenaError."""
    if not selection.counted:
        return {"policies": [], "warnings": []}
    table = read_table(lambda: io.BytesIO(selection.content), file="input")
    return ranking.fit(table.comparisons(), model=model, settings=chosen).as_json()


def latest(slug: str) -> Snapshot | None:
    return Snapshot.objects.filter(board=slug).select_related("input").defer("input__content").first()


def numbered(snapshot_id: int) -> Snapshot:
    """Raises NotFound."""
    snapshot = Snapshot.objects.filter(pk=snapshot_id).select_related("input").first()
    if snapshot is None:
        raise NotFound("snapshot_unknown", "There is no such snapshot.")
    return snapshot


def question_of(slug: str) -> Question:
    """The question of a stored snapshot's board."""
    return questions.parse(slug.partition(".")[2]) or EVERYTHING


def model_settings(mix: Mix, selection: Selection) -> ModelSettings:
    """What a board is computed with, cold. The mix is declared where there are several tasks, some of them in it."""
    default = ranking.default_settings(MODEL)
    if not isinstance(default, JointSettings) or not mix.shares:
        return default
    here = questions.categories(selection)
    declared = len(here) > 1 and bool(here & mix.shares.keys())
    return replace(default, task_mix=mix.shares) if declared else default


def _warmed(cold: ModelSettings, before: Snapshot | None) -> ModelSettings:
    """Estimation starts at the spreads of the last snapshot. That leaves a trace, and is stored with the settings."""
    if not isinstance(cold, JointSettings) or before is None or before.model != MODEL:
        return cold
    return warmed(cold, before.result.get("parameters", {}))


@functools.cache
def code_version() -> str:
    """A hash of the sources that the numbers come from: equal sources, equal numbers."""
    digest = hashlib.sha256()
    folder = Path(ranking.__file__).parent
    for path in [*sorted(folder.glob("*.py")), folder.parent / "questions.py", folder.parent / "comparison_csv.py"]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _kept_beside(overall: Board, now: datetime) -> list[Board]:
    snapshot = latest(overall.slug)
    if snapshot is None:
        return []
    return boards.kept(overall.scope, snapshot.facets, quarter=questions.quarter(now.isoformat()))


def is_current(board: Board) -> bool:
    """Whether it was looked at, with or without success, since the overall board has the snapshot that it has."""
    overall = latest(board.scope.slug)
    return overall is not None and BoardRun.objects.filter(board=board.slug, answers=overall).exists()


def _still_stands(before: Snapshot, selection: Selection, cold: ModelSettings) -> bool:
    return (
        (before.selection_sha256, before.total, before.excluded)
        == (selection.sha256, selection.total, selection.excluded)
        and before.model == MODEL
        and _without_starts(before.settings) == _without_starts(cold.as_json())
        and before.code_version == code_version()
    )


def _without_starts(stored: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in stored.items() if name not in SPREADS}
