from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from arena.models import Role
from evaluations import drafts, sessions
from evaluations.models import Label, Result, Session
from tests.evaluations.evaluate.forms import address, scored
from tests.factories import Arena, make_person, open_session, upload_episode


def test_the_whole_form_at_once_is_a_result(dana: Client, arena: Arena) -> None:
    session = open_session(arena)
    assert dana.post(address(session, "/submit"), scored()).headers["Location"] == address(session)
    session.refresh_from_db()
    assert (session.state, session.valid, session.is_blind) == ("submitted", True, True)
    result = session.results.get()
    assert (result.preference, result.notes) == ("B", "A dropped it.\nB did not.")
    a, b = (side.episode for side in session.sides.all())
    assert (a.progress, a.success, a.failure_modes, a.recovered) == (0.4, False, ["dropped"], None)
    assert (b.progress, b.success, b.failure_modes, b.recovered) == (1.0, True, [], True)


def test_a_second_press_changes_nothing(dana: Client, arena: Arena) -> None:
    session = open_session(arena)
    for preference in ("A", "B"):
        assert dana.post(address(session, "/submit"), scored(preference=preference)).status_code == 302
    assert Result.objects.get().preference == "A"


def test_what_is_missing_is_said_and_the_rest_is_kept(dana: Client, arena: Arena) -> None:
    session = open_session(arena)
    form = scored(preference="", b_progress="")
    answer = dana.post(address(session, "/submit"), form)
    content = answer.content.decode()
    assert answer.status_code == 400
    assert answer.context["current"] == "check"
    assert "How far did B get?" in content
    assert 'href="?step=judge"' in content
    values = drafts.read(session).values
    assert (values["a_progress"], values["notes"]) == (40, "A dropped it.\nB did not.")
    assert "preference" not in values


def test_keeping_submits_nothing(dana: Client, arena: Arena) -> None:
    session = open_session(arena)
    dana.post(address(session, "/submit"), scored(keep="yes"))
    session.refresh_from_db()
    assert session.is_open
    assert drafts.read(session).values["preference"] == "B"


def test_an_empty_form_enters_nothing(dana: Client, arena: Arena) -> None:
    session = open_session(arena)
    shown = {"a_shown": "yes", "b_shown": "yes", "judge_shown": "yes", "valid": "yes", "revision": "0"}
    dana.post(address(session, "/submit"), shown | {"keep": "yes", "a_progress": "", "notes": ""})
    assert drafts.read(session) == drafts.DraftView(0, {})


def test_unsaid_success_and_a_no_are_told_apart(dana: Client, arena: Arena) -> None:
    session = open_session(arena)
    dana.post(address(session, "/submit"), {"a_shown": "yes", "a_success": "no", "revision": "0", "keep": "yes"})
    assert drafts.read(session).values == {"a_success": False}


def test_what_was_entered_can_be_taken_back(dana: Client, arena: Arena) -> None:
    session = open_session(arena)
    dana.post(address(session, "/submit"), scored(keep="yes"))
    dana.post(address(session, "/submit"), {"a_shown": "yes", "revision": "1", "keep": "yes"})
    values = drafts.read(session).values
    assert (values["a_progress"], values["a_failure_modes"], values["preference"]) == (None, [], "B")


@pytest.mark.parametrize(
    "wrong",
    [
        {"a_progress": "101"},
        {"a_progress": "-1"},
        {"a_progress": "1" * 5000},
        {"a_progress": "forty"},
        {"a_progress": "٤٠"},
        {"a_failure_modes": ["boredom"]},
        {"preference": "C"},
        {"notes": "x" * 20_001},
        {"notes": "a\x00b"},
        {"valid": "no", "invalid_reason": "lease_expired"},
    ],
)
def test_what_is_no_value_is_refused_and_the_session_stays_open(
    dana: Client, arena: Arena, wrong: dict[str, str]
) -> None:
    session = open_session(arena)
    assert dana.post(address(session, "/submit"), scored(**wrong)).status_code == 400
    session.refresh_from_db()
    assert session.is_open


def test_one_that_is_not_to_count_needs_a_reason_and_no_score(dana: Client, arena: Arena) -> None:
    session = open_session(arena)
    form = {"judge_shown": "yes", "valid": "no", "invalid_comment": "the arm stopped", "revision": "0"}
    answer = dana.post(address(session, "/submit"), form)
    assert "Say why it is not to count" in answer.content.decode()
    dana.post(address(session, "/submit"), form | {"invalid_reason": "robot_fault", "revision": "1"})
    session.refresh_from_db()
    assert (session.valid, session.reason, session.reason_comment) == (False, "robot_fault", "the arm stopped")


def test_what_was_changed_elsewhere_is_not_overwritten(dana: Client, arena: Arena) -> None:
    session = open_session(arena)
    drafts.save(session=session, revision=0, changes={"preference": "A", "a_progress": 70}, now=timezone.now())
    answer = dana.post(address(session, "/submit"), scored())
    assert answer.status_code == 409
    assert "changed in another tab" in answer.content.decode()
    session.refresh_from_db()
    assert session.is_open
    assert drafts.read(session).values == {"preference": "A", "a_progress": 70}


def test_what_the_client_told_stands(dana: Client, arena: Arena) -> None:
    session = open_session(arena)
    upload_episode(session, Label.A, progress=0.7)
    form = {name: value for name, value in scored().items() if not name.startswith("a_")}
    assert dana.post(address(session, "/submit"), form).status_code == 302
    session.refresh_from_db()
    assert session.valid
    assert session.sides.get(label="A").episode.progress == 0.7


@pytest.mark.parametrize("how", ["abandoned", "expired"])
def test_one_that_has_ended_takes_nothing_more(dana: Client, arena: Arena, how: str) -> None:
    session = open_session(arena)
    if how == "abandoned":
        sessions.abandon(session=session, now=timezone.now(), by=arena.dana)
    else:
        past = timezone.now() - timedelta(seconds=1)
        Session.objects.filter(pk=session.pk).update(lease_expires_at=past)
    for form in (scored(), scored(a_progress="forty")):
        assert dana.post(address(session, "/submit"), form).headers["Location"] == address(session)
    assert not Result.objects.exists()


def test_it_is_nobody_elses(client: Client, arena: Arena) -> None:
    session = open_session(arena)
    client.force_login(make_person("bob@example.org", lab=arena.lab, role=Role.ADMIN))
    assert client.post(address(session, "/submit"), scored()).status_code == 404
    assert client.get(address(session, "/submit")).status_code == 405


def test_whether_the_task_was_done_is_asked_and_not_made_up(dana: Client, arena: Arena) -> None:
    session = open_session(arena)
    form = scored()
    del form["b_success"]
    answer = dana.post(address(session, "/submit"), form)
    assert answer.status_code == 400
    assert "Did B do the task?" in answer.content.decode()
    session.refresh_from_db()
    assert session.is_open
