"""Boards that fail, that are late and that are looked at while others are computed."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from evaluations.models import Session
from leaderboard import history, inputs, ranking, snapshots
from leaderboard.boards import board_named
from leaderboard.models import BoardRun, Snapshot
from leaderboard.questions import EVERYTHING, select
from leaderboard.ranking import RankingError
from tests import factories
from tests.factories import Arena
from tests.leaderboard.test_boards import TASKS, asked, play, recompute

__all__ = ["asked"]

ERRORS = [
    (RankingError("no_finite_estimate", "It has none."), "no_finite_estimate"),
    (np.linalg.LinAlgError(), "unexpected"),
]


def fail(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def compute(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(snapshots, "compute", compute)


def copied(snapshot: Snapshot, **changes: Any) -> Snapshot:
    kept = {
        field.name: getattr(snapshot, field.name) for field in Snapshot._meta.concrete_fields if not field.primary_key
    }
    return Snapshot.objects.create(**(kept | changes))


@pytest.mark.parametrize(("error", "code"), ERRORS, ids=["foreseen", "unforeseen"])
def test_a_board_that_fails_says_so_and_is_tried_again_with_the_next_session(
    arena: Arena, client: Client, asked: list[str], monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    other = factories.make_arena()
    play(arena, 3)
    play(other, 3)
    recompute("overall")
    slug = f"overall.without-lab.{other.lab.slug}"
    client.get("/", {"board": slug})
    assert asked == [slug]
    asked.clear()
    with monkeypatch.context() as failing:
        fail(failing, error)
        assert snapshots.recompute(board=board_named(slug), now=timezone.now()) is None
    for _ in range(2):
        page = client.get("/", {"board": slug}).content.decode()
        assert "The last attempt to compute this board failed" in page
        assert code in page
        assert "being computed" not in page
    assert asked == []
    play(arena, 1)
    recompute("overall")
    assert "being computed" in client.get("/", {"board": slug}).content.decode()
    assert asked == [slug]
    assert recompute(slug).counted == 4
    assert "failed" not in client.get("/", {"board": slug}).content.decode()


def test_a_board_that_fails_holds_up_no_other_and_keeps_its_snapshot(
    arena: Arena, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(arena, 3)
    before = recompute("overall")
    play(arena, 1)
    tried = []

    def noted(board: Any, *rest: Any) -> Snapshot | None:
        tried.append(board.slug)
        return computed(board, *rest)

    computed = snapshots._recompute
    fail(monkeypatch, np.linalg.LinAlgError())
    monkeypatch.setattr(snapshots, "_recompute", noted)
    assert snapshots.recompute_all(now=timezone.now()) == []
    assert tried == ["overall", "imported", "simulation"]
    assert snapshots.latest("overall") == before
    assert "What you see is the snapshot before it" in client.get("/", {"board": "overall"}).content.decode()


def test_the_command_tells_what_failed(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    play(arena, 3)
    fail(monkeypatch, ERRORS[0][0])
    for arguments in ([], ["--board", "overall"]):
        with pytest.raises(CommandError, match=r"overall \(no_finite_estimate\).*\[board_failed\]"):
            call_command("recompute", *arguments)
    monkeypatch.undo()
    out = StringIO()
    call_command("recompute", stdout=out)
    assert out.getvalue().startswith("overall: counted 3 of 3")


def test_the_command_does_not_call_a_board_without_an_answer_well(arena: Arena) -> None:
    play(arena, 3)
    with pytest.raises(CommandError, match=r"\[snapshot_unknown\]"):
        call_command("recompute", "--board", "overall.unrequested")
    recompute("overall")
    with pytest.raises(CommandError, match=r"\[snapshot_unknown\]"):
        call_command("recompute", "--board", "overall.category.sorting")


def test_a_board_computed_while_the_overall_one_was_is_looked_at_again(arena: Arena) -> None:
    """The overall board began before this one, read further sessions and ended after it."""
    now = timezone.now()
    play(arena, 3)
    recompute("overall", now)
    play(arena, 2)
    board = board_named("overall.unrequested")
    assert recompute(board.slug, now + timedelta(seconds=2)).counted == 3
    assert snapshots.is_current(board)
    recompute("overall", now + timedelta(seconds=1))
    assert not snapshots.is_current(board)
    assert recompute(board.slug, now + timedelta(seconds=3)).counted == 5
    assert snapshots.is_current(board)


def test_a_frozen_mix_stays_whatever_is_corrected_later(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leaderboard.seasons.MIX_FROM", 4)
    before, now = datetime(2026, 9, 30, 12, tzinfo=UTC), datetime(2026, 10, 5, tzinfo=UTC)
    session, *_ = play(arena, 3, now=before)
    play(arena, 1, task=TASKS[1], now=before)
    mix = {"open-close": 0.25, "pick-place": 0.75}
    assert recompute("overall", now).settings["task_mix"] == mix
    Session.objects.filter(pk=session.pk).update(corrected_category="sorting")
    corrected = recompute("overall", now + timedelta(hours=1))
    beside = recompute("overall.unrequested", now + timedelta(hours=1))
    assert corrected.settings["task_mix"] == beside.settings["task_mix"] == mix
    assert corrected.season == beside.season == "2026-q4"
    next_season = recompute("overall", datetime(2027, 1, 2, tzinfo=UTC))
    assert next_season.settings["task_mix"] == {"open-close": 0.25, "pick-place": 0.5, "sorting": 0.25}
    out = StringIO()
    call_command("verify_snapshot", str(corrected.pk), stdout=out)
    assert "exactly" in out.getvalue()


@pytest.mark.parametrize("model", sorted(ranking.MODELS))
def test_pages_and_programs_bear_what_a_model_cannot_give(arena: Arena, client: Client, model: str) -> None:
    play(arena, 5)
    stored = recompute("overall")
    selection = select(inputs.content_of(stored.input), EVERYTHING)
    settings = ranking.default_settings(model)
    result = snapshots.compute(selection, model=model, chosen=settings)
    copied(stored, created_at=timezone.now(), model=model, settings=settings.as_json(), result=result)
    for address in (
        "/",
        "/api/v1/public/leaderboard",
        "/api/leaderboard",
        "/api/v1/public/boards/overall/history",
    ):
        assert client.get(address).status_code == 200, address
    row = client.get("/api/v1/public/leaderboard", {"board": "overall"}).json()["rows"][0]
    assert (row["low"], row["high"]) == (result["policies"][0]["low"], result["policies"][0]["high"])


def test_a_day_has_its_last_snapshot_and_results_are_read_for_those_alone(arena: Arena) -> None:
    play(arena, 3)
    now = datetime(2026, 11, 20, 23, tzinfo=UTC)
    first = recompute("overall", now)
    for hours in (1, 2, 30):
        copied(first, created_at=now + timedelta(hours=hours))
    with CaptureQueriesContext(connection) as queries:
        days = history.days("overall")
    assert [str(day.date) for day in days] == ["2026-11-20", "2026-11-21", "2026-11-22"]
    assert [day.created_at.hour for day in days] == [23, 1, 5]
    choosing, reading = (query["sql"] for query in queries)
    assert "result" not in choosing
    assert "DISTINCT" not in reading
    assert [str(day.date) for day in history.days("overall", limit=1)] == ["2026-11-22"]


def test_a_repeat_leaves_the_run_as_it_is(arena: Arena) -> None:
    play(arena, 3)
    recompute("overall")
    board = board_named("overall.unrequested")
    recompute(board.slug)
    assert snapshots.recompute(board=board, now=timezone.now()) is None
    run = BoardRun.objects.get(board=board.slug)
    assert (run.failure, run.is_waiting, run.answers) == ("", False, snapshots.latest("overall"))
