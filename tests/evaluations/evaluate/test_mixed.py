"""A session of which one half is driven by the robot's client and the other in the browser."""

import pytest
from django.test import Client

from evaluations.models import Session
from tests.evaluations.evaluate.forms import address, scored
from tests.evaluations.roboarena.client import RoboArenaClient
from tests.factories import Arena

TASK = "put the cup on the plate"


@pytest.fixture
def robot(arena: Arena) -> RoboArenaClient:
    return RoboArenaClient(arena, Client())


def test_what_was_started_in_the_browser_is_taken_up_by_the_client(
    dana: Client, arena: Arena, robot: RoboArenaClient
) -> None:
    dana.post("/evaluate", {"station": arena.station.pk, "instruction": TASK})
    session = Session.objects.get()
    dana.post(address(session, "/submit"), {"judge_shown": "yes", "notes": "begun", "revision": "0", "keep": "yes"})
    assert robot.pair(language_instruction=TASK).json()["session_id"] == str(session.pk)
    robot.upload(str(session.pk), "A", partial_success="0.750")
    page = dana.get(address(session))
    assert page.context["current"] == "restore"
    assert "75 %" in page.content.decode()
    form = {name: value for name, value in scored(revision="1").items() if not name.startswith("a_")}
    assert dana.post(address(session, "/submit"), form).status_code == 302
    session.refresh_from_db()
    assert session.valid
    assert [side.episode.progress for side in session.sides.all()] == [0.75, 1.0]


def test_what_the_client_opened_is_finished_in_the_browser(dana: Client, robot: RoboArenaClient) -> None:
    session_id = robot.pair().json()["session_id"]
    for label in "AB":
        robot.upload(session_id, label)
    session = Session.objects.get(pk=session_id)
    waiting = dana.get("/evaluate").context["unfinished"]
    assert [(one.session, one.next) for one in waiting] == [(session, "Say which was better")]
    form = {"judge_shown": "yes", "preference": "TIE", "valid": "yes", "revision": "0"}
    assert dana.post(address(session, "/submit"), form).status_code == 302
    session.refresh_from_db()
    assert (session.valid, session.is_blind) == (True, True)


def test_what_the_client_ended_is_seen_in_the_browser(dana: Client, robot: RoboArenaClient) -> None:
    session_id = robot.pair().json()["session_id"]
    robot.terminate(session_id)
    page = dana.get(f"/evaluate/{session_id}").content.decode()
    assert "The policies were" in page
    assert "It counts on no board: an episode was never uploaded" in page
