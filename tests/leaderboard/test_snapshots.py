import csv
import gzip
import hashlib
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
from leaderboard import inputs, questions, ranking, snapshots
from leaderboard.boards import OVERALL
from leaderboard.models import BoardRun, InputChunk, Snapshot, SnapshotInput
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
    content = inputs.content_of(snapshot.input)
    assert hashlib.sha256(content).hexdigest() == snapshot.input_id
    found = questions.select(content, questions.EVERYTHING)
    settings = ranking.settings_from_json(snapshot.model, snapshot.settings)
    assert snapshots.compute(found, model=snapshot.model, chosen=settings) == snapshot.result


def rows_of(arena: Arena) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(inputs.canonical(REAL).decode())))


def test_the_input_comes_in_the_order_in_which_sessions_ended(arena: Arena) -> None:
    play(arena, 4)
    ended = [row["closed_at"] for row in rows_of(arena)]
    assert ended == sorted(ended)


def test_the_input_holds_pseudonyms_and_no_email(arena: Arena) -> None:
    play(arena, 1)
    content = inputs.canonical(REAL).decode()
    assert arena.dana.pseudonym in content
    assert arena.dana.email not in content


def test_the_input_tells_a_session_as_it_was(arena: Arena) -> None:
    session = finish_session(open_session(arena, "open the drawer"), preference=Preference.TIE, progress=(0.25, 1.0))
    (row,) = rows_of(arena)
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
        "embodiment": session.embodiment.name,
        "closed_at": session.closed_at.isoformat() if session.closed_at else "",
        "open_source_a": "0",
        "open_source_b": "0",
        "requested": "0",
        "left_out": "",
    }


@pytest.mark.parametrize(
    ("tagged", "corrected", "last"),
    [("", "", "open-close"), ("tool-use", "", "tool-use"), ("tool-use", "sorting", "sorting")],
)
def test_the_last_word_on_a_category_counts(arena: Arena, tagged: str, corrected: str, last: str) -> None:
    session = finish_session(open_session(arena, "open the drawer"))
    type(session).objects.filter(pk=session.pk).update(tagged_category=tagged, corrected_category=corrected)
    session.refresh_from_db()
    assert [row["task_category"] for row in rows_of(arena)] == [last]
    assert session.category == last


def test_the_input_is_read_in_one_statement(arena: Arena, django_assert_num_queries: Any) -> None:
    play(arena, 3)
    with django_assert_num_queries(1):
        inputs.canonical(REAL)


def test_a_board_that_cannot_be_computed_holds_up_no_other(
    db: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    play(make_arena(), 2)
    play(make_arena(simulated=True), 3)
    compute = snapshots.compute

    def fails_once(found: questions.Selection, **options: Any) -> Any:
        if found.counted == 2:
            raise InvalidComparisons("invalid", "a policy is compared with itself")
        return compute(found, **options)

    monkeypatch.setattr(snapshots, "compute", fails_once)
    assert [snapshot.board for snapshot in recompute()] == ["simulation"]
    assert "the board overall could not be computed" in caplog.text
    assert BoardRun.objects.get(board="overall").failure == "invalid"
    monkeypatch.undo()
    recompute()
    assert BoardRun.objects.get(board="overall").failure == ""


@pytest.mark.django_db(transaction=True)
def test_while_another_process_computes_a_later_turn_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Job] = []
    monkeypatch.setattr(snapshots, "enqueue", asked.append)
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as other:
        for board in OVERALL:
            other.execute("select pg_advisory_lock(%s, hashtext(%s))", [snapshots._ADVISORY_LOCK, board.slug])
        assert recompute() == []
    assert set(asked) == {Job.RECOMPUTE_BOARDS}


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
    assert answer.content == inputs.content_of(snapshot.input)
    assert client.get(f"/snapshots/{snapshot.pk + 1}/input.csv").status_code == 404


def test_a_further_session_stores_little_more(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "ROWS_A_CHUNK", 3)
    play(arena, 7)
    (first,) = recompute()
    before = set(InputChunk.objects.values_list("pk", flat=True))
    play(arena, 1)
    (second,) = recompute()
    assert len(first.input.chunks) == len(second.input.chunks) == 3
    assert first.input.chunks[:2] == second.input.chunks[:2]
    assert InputChunk.objects.count() == len(before) + 1
    assert inputs.content_of(second.input).startswith(inputs.content_of(first.input))
    with pytest.raises(ProgrammingError, match="Cannot update or delete"):
        InputChunk.objects.update(content=b"")


def test_inputs_of_earlier_versions_are_read_as_they_were(arena: Arena) -> None:
    content = b"session,policy_a,policy_b\n1,p@1,q@1\n"
    stored = SnapshotInput.objects.create(sha256="1" * 64, content=gzip.compress(content), rows=1)
    assert inputs.content_of(stored) == content
