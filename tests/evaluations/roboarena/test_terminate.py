from datetime import timedelta

import pytest
from django.utils import timezone

from arena.models import AuditEvent
from evaluations import sessions
from evaluations.models import Preference, Result, Session, State
from evaluations.reasons import Reason
from tests.evaluations.roboarena.client import RoboArenaClient, closing_notes
from tests.factories import make_arena


@pytest.fixture
def session_id(client15: RoboArenaClient) -> str:
    """A session with both episodes uploaded."""
    session_id = str(client15.pair().json()["session_id"])
    for label in ("A", "B"):
        client15.upload(session_id, label)
    return session_id


def test_a_whole_session_counts(client15: RoboArenaClient, session_id: str) -> None:
    answer = client15.terminate(session_id)
    assert (answer.status_code, answer.json()) == (200, {"status": "terminated", "session_id": session_id})
    session, result = Session.objects.get(), Result.objects.get()
    assert (session.state, session.valid, session.reason) == (State.SUBMITTED, True, "")
    assert (result.preference, result.notes, result.raw_notes) == (Preference.A, "A was steadier.", closing_notes())
    assert session.closed_at is not None
    assert session.lease_expires_at is None


def test_a_second_terminate_is_answered_with_the_first_outcome(client15: RoboArenaClient, session_id: str) -> None:
    client15.terminate(session_id)
    before = (list(Session.objects.values()), list(Result.objects.values()), AuditEvent.objects.count())
    answer = client15.terminate(session_id, closing_notes("B", "no, B"))
    assert (answer.status_code, answer.json()["status"]) == (200, "terminated")
    assert (list(Session.objects.values()), list(Result.objects.values()), AuditEvent.objects.count()) == before


def test_a_session_marked_invalid_is_recorded_with_its_reason(client15: RoboArenaClient, session_id: str) -> None:
    client15.terminate(session_id, closing_notes(valid=False))
    session = Session.objects.get()
    assert (session.state, session.valid, session.reason) == (State.SUBMITTED, False, Reason.MARKED_INVALID)


def test_valid_without_both_episodes_is_not_valid(client15: RoboArenaClient) -> None:
    session_id = client15.pair().json()["session_id"]
    client15.upload(session_id, "A")
    assert client15.terminate(session_id).status_code == 200
    session = Session.objects.get()
    assert (session.valid, session.reason) == (False, Reason.EPISODES_MISSING)
    assert Result.objects.get().notes == "A was steadier."


def test_valid_without_a_preference_is_not_valid(client15: RoboArenaClient, session_id: str) -> None:
    client15.terminate(session_id, "VALID_SESSION:\nLONGFORM_FEEDBACK=both fell\n")
    assert Session.objects.get().reason == Reason.PREFERENCE_MISSING


@pytest.mark.parametrize("notes", ["", "VALID_SESSION", "INVALID_SESSION:\nPREFERENCE=A\nLONGFORM_FEEDBACK=x\n"])
def test_notes_that_cannot_be_read_are_kept_and_do_not_count(
    client15: RoboArenaClient, session_id: str, notes: str
) -> None:
    assert client15.terminate(session_id, notes).status_code == 200
    session = Session.objects.get()
    assert (session.valid, session.reason) == (False, Reason.NOTES_UNREADABLE)
    assert Result.objects.get().raw_notes == notes


def test_the_old_servers_json_form_is_taken_too(client15: RoboArenaClient, session_id: str) -> None:
    body = {
        "session_id": session_id,
        "evaluator_code": client15.arena.code,
        "evaluation_notes": closing_notes("TIE"),
    }
    assert client15.http.post("/terminate_session", body, content_type="application/json").status_code == 200
    assert Result.objects.get().preference == Preference.TIE


def test_a_stranger_cannot_end_a_session(client15: RoboArenaClient, session_id: str) -> None:
    stranger = RoboArenaClient(make_arena())
    answer = stranger.terminate(session_id)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "session_unknown")
    assert Session.objects.get(pk=session_id).is_open


def test_without_the_code_nothing_ends(client15: RoboArenaClient, session_id: str) -> None:
    assert client15.terminate(session_id, evaluator_code="wrong").status_code == 401
    assert Session.objects.get().is_open


def test_a_session_id_that_is_no_uuid_is_not_found(client15: RoboArenaClient) -> None:
    assert client15.terminate("1; drop table").status_code == 404


def test_a_sign_that_cannot_be_stored_loses_no_judgement(client15: RoboArenaClient, session_id: str) -> None:
    assert client15.terminate(session_id, closing_notes("A", "a\x00b")).status_code == 200
    assert Session.objects.get().valid
    assert Result.objects.get().notes == "a\ufffdb"


def test_long_notes_in_any_script_are_taken_whole(client15: RoboArenaClient, session_id: str) -> None:
    notes = closing_notes("B", "杯" * 20_000)
    assert client15.terminate(session_id, notes).status_code == 200
    assert Result.objects.get().raw_notes == notes


def test_a_judgement_after_the_end_is_kept_and_said_to_be_late(client15: RoboArenaClient, session_id: str) -> None:
    sessions.expire_overdue(now=timezone.now() + timedelta(hours=3))
    answer = client15.terminate(session_id)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "session_ended")
    assert Result.objects.get().notes == "A was steadier."
