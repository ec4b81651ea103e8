import gzip
import json
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import ProgrammingError, connection
from django.test import Client, override_settings
from django.utils import timezone

from arena.jobs import Job
from evaluations import sessions
from evaluations.models import Label, Preference, Side
from evaluations.scopes import REAL
from leaderboard import boards, snapshots
from leaderboard.boards import board_input
from leaderboard.models import Snapshot, SnapshotInput
from leaderboard.ranking import InvalidComparisons
from tests.factories import Arena, finish_session, make_arena, make_steward, open_session


def play(arena: Arena, times: int, *, valid: bool = True) -> None:
    for number in range(times):
        session = open_session(arena, f"task {number}")
        finish_session(session, preference=list(Preference)[number % 3], valid=valid)


def recompute() -> list[Snapshot]:
    return snapshots.recompute_all(now=timezone.now())


def test_a_snapshot_counts_every_session_that_ended_or_says_why_not(arena: Arena) -> None:
    play(arena, 6)
    play(arena, 1, valid=False)
    sessions.abandon(session=open_session(arena), now=timezone.now(), by=arena.dana)
    excluded = finish_session(open_session(arena))
    sessions.exclude(session=excluded, reason="stake", comment="c", by=make_steward())
    open_session(arena, "still open")
    (snapshot,) = recompute()
    assert (snapshot.board, snapshot.counted, snapshot.total) == ("overall", 6, 9)
    assert snapshot.excluded == {"evaluator_left": 1, "excluded_by_steward": 1, "marked_invalid": 1}
    assert snapshot.counted + sum(snapshot.excluded.values()) == snapshot.total
    assert sum(policy["n"] for policy in snapshot.result["policies"]) == 12


def test_a_policy_against_itself_is_on_no_board(arena: Arena) -> None:
    play(arena, 3)
    with override_settings(SAME_POLICY_SHARE=1.0):
        play(arena, 2)
        play(arena, 1, valid=False)
    (snapshot,) = recompute()
    assert (snapshot.counted, snapshot.excluded) == (3, {"marked_invalid": 1, "same_policy": 2})


def test_nothing_new_makes_no_new_snapshot(arena: Arena) -> None:
    play(arena, 3)
    assert len(recompute()) == 1
    assert recompute() == []


def test_a_new_result_makes_a_new_snapshot_and_keeps_the_old(arena: Arena) -> None:
    play(arena, 3)
    (first,) = recompute()
    play(arena, 1)
    (second,) = recompute()
    assert second.input_id != first.input_id
    assert list(Snapshot.objects.all()) == [second, first]


def test_a_session_that_ended_without_counting_is_told_too(arena: Arena) -> None:
    play(arena, 3)
    recompute()
    sessions.abandon(session=open_session(arena), now=timezone.now(), by=arena.dana)
    (snapshot,) = recompute()
    assert (snapshot.counted, snapshot.total) == (3, 4)


def test_other_code_makes_a_new_snapshot(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    play(arena, 3)
    recompute()
    monkeypatch.setattr(snapshots, "code_version", lambda: "other")
    assert len(recompute()) == 1


@pytest.mark.parametrize("model", [Snapshot, SnapshotInput])
def test_snapshots_and_their_inputs_never_change(arena: Arena, model: type[Snapshot] | type[SnapshotInput]) -> None:
    play(arena, 3)
    recompute()
    unchanged = "counted" if model is Snapshot else "rows"
    with pytest.raises(ProgrammingError, match="Cannot update or delete"):
        model.objects.update(**{unchanged: 1})


def test_the_stored_input_gives_the_same_numbers_again(arena: Arena) -> None:
    play(arena, 8)
    (snapshot,) = recompute()
    content = gzip.decompress(bytes(snapshot.input.content))
    found = boards.BoardInput(content=content, rows=snapshot.input.rows, excluded={})
    assert found.sha256 == snapshot.input_id
    assert snapshots.compute(found) == snapshot.result


def test_the_input_does_not_depend_on_the_order_of_events(arena: Arena) -> None:
    play(arena, 4)
    rows = board_input(boards.Board(REAL)).records()
    assert [row["session"] for row in rows] == sorted(row["session"] for row in rows)


def test_the_input_holds_pseudonyms_and_no_email(arena: Arena) -> None:
    play(arena, 1)
    content = board_input(boards.Board(REAL)).content.decode()
    assert arena.dana.pseudonym in content
    assert arena.dana.email not in content


def test_the_input_tells_a_session_as_it_was(arena: Arena) -> None:
    session = finish_session(open_session(arena, "open the drawer"), preference=Preference.TIE, progress=(0.25, 1.0))
    (row,) = board_input(boards.Board(REAL)).records()
    labels = dict(Side.objects.values_list("label", "version__policy__slug"))
    assert row == {
        "session": str(session.pk),
        "policy_a": f"{labels[Label.A]}@1",
        "policy_b": f"{labels[Label.B]}@1",
        "preference": "TIE",
        "progress_a": "0.25",
        "progress_b": "1.0",
        "task_category": "open-close",
        "lab": arena.lab.slug,
        "evaluator": arena.dana.pseudonym,
    }


@pytest.mark.parametrize(
    ("tagged", "corrected", "last"),
    [("", "", "open-close"), ("tool-use", "", "tool-use"), ("tool-use", "sorting", "sorting")],
)
def test_the_last_word_on_a_category_counts(arena: Arena, tagged: str, corrected: str, last: str) -> None:
    session = finish_session(open_session(arena, "open the drawer"))
    type(session).objects.filter(pk=session.pk).update(tagged_category=tagged, corrected_category=corrected)
    session.refresh_from_db()
    assert [row["task_category"] for row in board_input(boards.Board(REAL)).records()] == [last]
    assert session.category == last


def test_the_input_is_read_in_one_statement(arena: Arena, django_assert_num_queries: Any) -> None:
    play(arena, 3)
    with django_assert_num_queries(1):
        board_input(boards.Board(REAL))


def test_a_board_that_cannot_be_computed_holds_up_no_other(
    db: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    play(make_arena(), 2)
    play(make_arena(simulated=True), 3)
    compute = snapshots.compute

    def fails_once(found: boards.BoardInput) -> Any:
        if found.rows == 2:
            raise InvalidComparisons("invalid", "a policy is compared with itself")
        return compute(found)

    monkeypatch.setattr(snapshots, "compute", fails_once)
    assert [snapshot.board for snapshot in recompute()] == ["simulation"]
    assert "the board overall could not be computed" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_while_another_process_computes_a_later_turn_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Job] = []
    monkeypatch.setattr(snapshots, "enqueue", asked.append)
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as other:
        other.execute("select pg_advisory_lock(%s)", [snapshots._ADVISORY_LOCK])
        assert recompute() == []
    assert asked == [Job.RECOMPUTE_BOARDS]


def test_simulation_has_a_board_of_its_own(db: None) -> None:
    play(make_arena(), 2)
    play(make_arena(simulated=True), 3)
    counted = {snapshot.board: snapshot.counted for snapshot in recompute()}
    assert counted == {"overall": 2, "simulation": 3}


def test_a_board_without_valid_sessions_says_so(arena: Arena) -> None:
    sessions.abandon(session=open_session(arena), now=timezone.now(), by=arena.dana)
    (snapshot,) = recompute()
    assert (snapshot.counted, snapshot.total, snapshot.result["policies"]) == (0, 1, [])


def test_the_command_reports_what_it_made(arena: Arena) -> None:
    play(arena, 2)
    out = StringIO()
    call_command("recompute", "--json", stdout=out)
    (made,) = json.loads(out.getvalue())["snapshots"]
    assert (made["board"], made["counted"], made["total"]) == ("overall", 2, 2)


def test_the_input_can_be_downloaded(client: Client, arena: Arena) -> None:
    play(arena, 2)
    (snapshot,) = recompute()
    answer = client.get(f"/snapshots/{snapshot.pk}/input.csv")
    assert answer.content == gzip.decompress(bytes(snapshot.input.content))
    assert client.get(f"/snapshots/{snapshot.pk + 1}/input.csv").status_code == 404
