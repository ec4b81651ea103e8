"""A session from its task to its reveal."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from arena import members
from arena.models import Person, Role
from evaluations import sessions as domain
from evaluations.models import Label, MediaFile, Session, State
from tests.api.conftest import Api, code, in_browser, with_key
from tests.evaluations.roboarena.client import RoboArenaClient
from tests.factories import Arena, finish_session, make_arena, make_person, make_station, open_session, upload_episode

TASK = "put the cup on the plate"


def opened(api: Api, arena: Arena, instruction: str = TASK, **more: Any) -> Any:
    return api.post("sessions", {"station": arena.station.pk, "instruction": instruction, **more})


def test_a_session_from_its_task_to_its_reveal(arena: Arena, dana: Api) -> None:
    answer = opened(dana, arena)
    assert answer.status_code == 201
    session = answer.json()
    assert (session["state"], session["instruction"], session["category"]) == ("assigned", TASK, "pick-place")
    assert session["sides"]["A"]["relay_url"].startswith(settings.RELAY_PUBLIC_URL + "/relay/")
    assert {one["field"] for one in session["missing"]} == {
        *("a_progress", "a_success", "b_progress", "b_success", "preference")
    }
    at = f"sessions/{session['id']}"
    for label in "AB":
        scored = dana.post(f"{at}/episodes/{label}", {"progress": 0.5, "success": False, "failure_modes": ["froze"]})
        assert (scored.status_code, scored.json()["failure_modes"]) == (201, ["froze"])
    saved = dana.patch(f"{at}/draft", {"revision": 0, "changes": {"preference": "B"}})
    assert (saved.json()["revision"], saved.json()["missing"]) == (1, [])
    ended = dana.post(f"{at}/submit", {"notes": "B was steadier.", "ask_guess": True}).json()
    assert (ended["state"], ended["valid"], ended["revealed_at"]) == ("submitted", True, None)
    assert ended["result"] == {"preference": "B", "notes": "B was steadier.", "submitted_at": ended["closed_at"]}
    assert [side["policy"] for side in ended["sides"].values()] == [None, None]
    choices = dana.get(f"{at}/guess").json()["choices"]
    assert len(choices) == len(arena.versions)
    revealed = dana.post(f"{at}/guess", {"policy_a": choices[0]["slug"]}).json()
    ran = {side.label: side.version.policy.slug for side in Session.objects.get().sides.all()}
    assert {label: side["policy"]["slug"] for label, side in revealed["sides"].items()} == ran
    assert revealed["sides"]["A"]["relay_url"] is None


def test_the_same_task_again_is_the_same_session(arena: Arena, dana: Api) -> None:
    first, again = opened(dana, arena), opened(dana, arena)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]


def test_a_rubric_is_kept_as_it_was_given(arena: Arena, dana: Api) -> None:
    rubric = [{"percent": 100, "text": "Done"}, {"percent": 30, "text": "At the cup"}]
    assert opened(dana, arena, rubric=rubric).json()["rubric"] == rubric[::-1]
    assert opened(dana, arena, "another task", rubric=[]).json()["rubric"] == []
    assert len(opened(dana, arena, "pick up a third cup").json()["rubric"]) > 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"instruction": TASK}, "station"),
        ({"station": 1}, "instruction"),
        ({"station": "1", "instruction": TASK}, "station"),
        ({"station": True, "instruction": TASK}, "station"),
        ({"station": 1, "instruction": 7}, "instruction"),
        ({"station": 1, "instruction": TASK, "trainign": True}, "trainign"),
        ({"station": 1, "instruction": TASK, "training": "yes"}, "training"),
        ({"station": 1, "instruction": TASK, "rubric": [{"percent": 101, "text": "x"}]}, "rubric.0.percent"),
        ([], "non_field_errors"),
    ],
)
def test_what_a_field_cannot_hold_is_said_by_name(dana: Api, body: Any, field: str) -> None:
    answer = dana.post("sessions", body)
    assert code(answer) == (400, "invalid_input")
    assert list(answer.json()["error"]["fields"]) == [field]


def test_a_station_of_another_lab_is_not_there(arena: Arena, dana: Api) -> None:
    other = make_arena()
    body = {"station": other.station.pk, "instruction": TASK}
    assert code(dana.post("sessions", body)) == (404, "station_unknown")


def test_others_do_not_see_it(arena: Arena, alice: Person, bob: Person, charlie: Person, eve: Person) -> None:
    session = open_session(arena)
    for person in (alice, bob, charlie, eve):
        api = in_browser(person)
        for path in ("", "/live", "/guess"):
            assert code(api.get(f"sessions/{session.pk}{path}")) == (404, "session_unknown")
        for path, body in (("extend", {}), ("submit", {}), ("guess", {}), ("abandon", {"reason": "no_time"})):
            assert code(api.post(f"sessions/{session.pk}/{path}", body)) == (404, "session_unknown")
        assert api.get("sessions").json()["count"] == 0
    assert Session.objects.get().state == State.ASSIGNED


def test_a_key_sees_the_sessions_of_its_lab_only(arena: Arena, dana: Api) -> None:
    other = make_arena()
    other.lab.memberships.create(person=arena.dana, role="evaluator")
    station = make_station(lab=other.lab)
    made = in_browser(arena.dana).post("sessions", {"station": station.pk, "instruction": TASK}).json()
    assert code(dana.get(f"sessions/{made['id']}")) == (404, "session_unknown")
    assert code(dana.post("sessions", {"station": station.pk, "instruction": TASK})) == (404, "station_unknown")
    assert dana.get("sessions").json()["count"] == 0
    assert in_browser(arena.dana).get("sessions").json()["count"] == 1
    assert with_key(arena.dana, other.lab).get(f"sessions/{made['id']}").status_code == 200


def test_lists_are_chosen_from(arena: Arena, dana: Api) -> None:
    first = finish_session(open_session(arena, "one"))
    second = open_session(arena, "two")

    def ids(query: str) -> list[str]:
        return [one["id"] for one in dana.get(f"sessions?{query}").json()["results"]]

    assert ids("") == [str(second.pk), str(first.pk)]
    assert ids("open=true") == [str(second.pk)]
    assert ids("open=false") == [str(first.pk)]
    assert ids("state=submitted") == [str(first.pk)]
    assert ids(f"station={arena.station.pk}&lab={arena.lab.slug}&training=false") == [str(second.pk), str(first.pk)]
    assert ids("training=true") == []
    assert code(dana.get("sessions?state=nonsense")) == (400, "invalid_input")
    assert code(dana.get("sessions?lab=%00")) == (400, "invalid_input")


def test_lists_come_in_pages(arena: Arena, dana: Api) -> None:
    for number in range(5):
        open_session(arena, f"task {number}")
    first = dana.get("sessions?page_size=2&open=true").json()
    assert (first["count"], len(first["results"]), first["previous"]) == (5, 2, None)
    last = dana.get(dana.get(first["next"]).json()["next"]).json()
    assert (len(last["results"]), last["next"]) == (1, None)
    assert code(dana.get("sessions?page=4&page_size=2")) == (404, "page_unknown")
    assert code(dana.get("sessions?page_size=201")) == (400, "invalid_input")


def test_a_list_costs_the_same_however_long(arena: Arena, dana: Api, django_assert_max_num_queries: Any) -> None:
    def fill(count: int) -> None:
        for number in range(count):
            finish_session(open_session(arena, f"finished {count} {number}"), video=b"x")
            upload_episode(open_session(arena, f"open {count} {number}"), Label.A, video=b"x")

    fill(1)
    dana.get("sessions")
    with django_assert_max_num_queries(20) as few:
        assert dana.get("sessions").json()["count"] == 2
    fill(4)
    with django_assert_max_num_queries(len(few)):
        assert dana.get("sessions").json()["count"] == 10


@pytest.mark.parametrize(
    ("method", "path", "body", "most"),
    [
        ("GET", "", None, 20),
        ("GET", "/live", None, 12),
        ("PATCH", "/draft", {"revision": 0, "changes": {"a_progress": 40}}, 25),
        ("POST", "/extend", {}, 8),
    ],
)
def test_what_is_asked_often_is_cheap(
    arena: Arena, dana: Api, django_assert_max_num_queries: DjangoAssertNumQueries,
    method: str, path: str, body: Any, most: int,
) -> None:  # fmt: skip
    session = open_session(arena)
    dana.get("me")
    with django_assert_max_num_queries(most):
        assert dana.call(method, f"sessions/{session.pk}{path}", body).status_code == 200


def test_two_who_write_at_once_do_not_overwrite_each_other(arena: Arena, dana: Api) -> None:
    at = f"sessions/{open_session(arena).pk}/draft"
    assert dana.patch(at, {"revision": 0, "changes": {"a_progress": 40}}).json()["revision"] == 1
    answer = dana.patch(at, {"revision": 0, "changes": {"a_progress": 60, "notes": "mine"}})
    assert code(answer) == (409, "draft_changed")
    error = answer.json()["error"]
    assert (error["fields"], error["draft"]) == (["a_progress"], {"revision": 1, "values": {"a_progress": 40}})
    assert dana.patch(at, {"revision": 0, "changes": {"b_progress": 20}}).status_code == 200
    assert code(dana.patch(at, {"revision": 2, "changes": {"a_progress": 101}})) == (400, "bad_draft")
    assert code(dana.patch(at, {"revision": 2, "changes": {"notes": None}})) == (400, "bad_draft")


def test_an_episode_is_scored_once(arena: Arena, dana: Api) -> None:
    at = f"sessions/{open_session(arena).pk}/episodes/A"
    body = {"progress": 0.25, "success": False, "duration_steps": 31, "recovered": True}
    first = dana.post(at, body)
    assert (first.status_code, dana.post(at, body).status_code) == (201, 200)
    assert code(dana.post(at, body | {"progress": 0.5})) == (409, "episode_exists")
    for wrong in ({"progress": 1.01}, {"progress": "0.5"}, {"success": 1}, {"failure_modes": ["sat down"]}):
        assert code(dana.post(at, body | wrong)) == (400, "invalid_input")
    assert code(dana.post(at[:-1] + "C", body)) == (404, "not_found")


def test_a_photo_is_kept_and_can_be_looked_at(arena: Arena, dana: Api, anyone: Api) -> None:
    session = open_session(arena)
    answer = dana.upload(f"sessions/{session.pk}/photos", {"moment": "start", "photo": picture()})
    assert answer.status_code == 201
    photo = answer.json()
    assert (photo["width"], photo["height"], photo["moment"]) == (8, 6, "start")
    assert dana.get(f"sessions/{session.pk}").json()["photos"] == [photo]
    seen = in_browser(arena.dana).get(photo["url"])
    assert (seen.status_code, b"".join(seen.streaming_content)[:3]) == (200, b"\xff\xd8\xff")
    assert anyone.get(photo["url"]).status_code == 404
    broken = SimpleUploadedFile("photo.jpg", b"no picture", "image/jpeg")
    answer = dana.upload(f"sessions/{session.pk}/photos", {"moment": "start", "photo": broken})
    assert code(answer) == (400, "bad_photo")
    assert code(dana.upload(f"sessions/{session.pk}/photos", {"moment": "start"})) == (400, "invalid_input")
    assert code(dana.post(f"sessions/{session.pk}/photos", {})) == (415, "unsupported_media_type")


def picture() -> SimpleUploadedFile:
    import io

    from PIL import Image

    target = io.BytesIO()
    Image.new("RGB", (8, 6), "teal").save(target, "PNG")
    return SimpleUploadedFile("scene.png", target.getvalue(), "image/png")


def test_a_file_is_taken_away(arena: Arena, dana: Api) -> None:
    session = open_session(arena)
    upload_episode(session, Label.A, video=b"x")
    media = dana.get(f"sessions/{session.pk}").json()["sides"]["A"]["media"]
    assert [(one["kind"], one["state"], one["size"]) for one in media] == [("left", "pending", 1)]
    at = f"sessions/{session.pk}/media/{media[0]['id']}"
    assert [dana.delete(at).status_code for _ in range(2)] == [204, 204]
    assert dana.get(f"sessions/{session.pk}").json()["sides"]["A"]["media"] == []
    assert MediaFile.objects.count() == 1
    elsewhere = open_session(make_arena())
    upload_episode(elsewhere, Label.A, video=b"x")
    other = MediaFile.objects.get(side__session=elsewhere)
    assert code(dana.delete(f"sessions/{session.pk}/media/{other.pk}")) == (404, "media_unknown")


def test_submit_wants_what_a_valid_result_needs(arena: Arena, dana: Api) -> None:
    at = f"sessions/{open_session(arena).pk}"
    assert code(dana.post(f"{at}/submit", {"preference": "A"})) == (400, "incomplete")
    assert dana.get(at).json()["state"] == "assigned"
    body = {"valid": False, "invalid_reason": "robot_fault", "invalid_comment": "The gripper jammed."}
    ended = dana.post(f"{at}/submit", body).json()
    assert (ended["valid"], ended["reason"], ended["draft"]["values"]["invalid_comment"]) == (
        False, "robot_fault", "The gripper jammed.",
    )  # fmt: skip
    assert ended["revealed_at"] is not None  # nobody asked for the question


def test_submit_again_changes_nothing(arena: Arena, dana: Api) -> None:
    session = finish_session(open_session(arena))
    again = dana.post(f"sessions/{session.pk}/submit", {"preference": "B", "notes": "no, B"}).json()
    assert (again["result"]["preference"], again["result"]["notes"]) == ("A", "A was steadier.")


def test_a_judgement_that_comes_too_late_is_kept_beside_the_session(arena: Arena, dana: Api) -> None:
    session = open_session(arena)
    late = timezone.now() + settings.SESSION_LEASE + timedelta(minutes=1)
    with time_machine.travel(late, tick=False):
        ended = dana.post(f"sessions/{session.pk}/submit", {"preference": "B", "notes": "late"}).json()
    assert (ended["state"], ended["valid"]) == ("expired", None)
    assert (ended["result"]["preference"], ended["result"]["notes"]) == ("B", "late")


def test_giving_up_wants_a_reason(arena: Arena, dana: Api) -> None:
    at = f"sessions/{open_session(arena).pk}"
    assert code(dana.post(f"{at}/abandon", {})) == (400, "invalid_input")
    assert code(dana.post(f"{at}/abandon", {"reason": "bored"})) == (400, "invalid_input")
    ended = dana.post(f"{at}/abandon", {"reason": "no_time", "comment": "Lunch."}).json()
    assert (ended["state"], ended["reason"], ended["reason_text"]) == ("abandoned", "no_time", "no time left to finish")
    assert dana.post(f"{at}/abandon", {"reason": "robot_fault"}).json()["reason"] == "no_time"
    assert code(dana.patch(f"{at}/draft", {"revision": 0, "changes": {"notes": "x"}})) == (409, "session_ended")


def test_whoever_was_removed_from_the_lab_can_only_give_up(arena: Arena) -> None:
    session, browser = open_session(arena), in_browser(arena.dana)
    boss = make_person("boss@example.org", lab=arena.lab, role=Role.ADMIN)
    membership = arena.dana.memberships.get()
    members.remove_member(membership=membership, by=boss, now=timezone.now())
    at = f"sessions/{session.pk}"
    refused = (403, "not_a_member")
    assert code(browser.patch(f"{at}/draft", {"revision": 0, "changes": {"notes": "x"}})) == refused
    assert code(browser.post(f"{at}/episodes/A", {"progress": 1, "success": True})) == refused
    assert code(browser.post(f"{at}/submit", {"valid": False, "invalid_reason": "disturbed"})) == refused
    assert code(browser.upload(f"{at}/photos", {"moment": "start", "photo": picture()})) == refused
    assert browser.get(at).json()["state"] == "assigned"
    assert browser.post(f"{at}/abandon", {"reason": "evaluator_left"}).json()["state"] == "abandoned"


def test_more_time(arena: Arena, dana: Api) -> None:
    session = open_session(arena)
    with time_machine.travel(timezone.now() + timedelta(minutes=10), tick=False):
        told = dana.post(f"sessions/{session.pk}/extend").json()
        assert told["lease_expires_at"] == _iso(timezone.now() + settings.SESSION_LEASE)
    domain.abandon(session=session, now=timezone.now(), by=arena.dana)
    assert dana.post(f"sessions/{session.pk}/extend").json() == {"lease_expires_at": None}


def test_what_runs_is_told_coarsely(arena: Arena, dana: Api) -> None:
    session = open_session(arena)
    upload_episode(session, Label.A, video=b"x")
    live = dana.get(f"sessions/{session.pk}/live").json()
    assert live["sides"] == {
        "A": {"connection": "never", "steps": "none", "trouble": False, "episode": True, "media": 1},
        "B": {"connection": "never", "steps": "none", "trouble": False, "episode": False, "media": 0},
    }
    assert (live["state"], live["revision"]) == ("running", 0)


def test_half_by_the_robots_client_and_half_by_the_api(arena: Arena, dana: Api) -> None:
    session = opened(dana, arena).json()
    client = RoboArenaClient(arena)
    assert client.pair().json()["session_id"] == session["id"]
    assert client.upload(session["id"], "A").status_code == 200
    seen = dana.get(f"sessions/{session['id']}").json()
    assert seen["sides"]["A"]["episode"]["progress"] == 0.4
    assert {one["field"] for one in seen["missing"]} == {"b_progress", "b_success", "preference"}
    changes = {"b_progress": 80, "b_success": True, "preference": "B"}
    assert dana.patch(f"sessions/{session['id']}/draft", {"revision": 0, "changes": changes}).json()["missing"] == []
    ended = dana.post(f"sessions/{session['id']}/submit", {"notes": "B got there."}).json()
    assert (ended["valid"], ended["sides"]["B"]["episode"]["progress"]) == (True, 0.8)


def test_a_session_that_is_not_there(dana: Api) -> None:
    assert code(dana.get(f"sessions/{uuid.uuid4()}")) == (404, "session_unknown")
    assert code(dana.get("sessions/42")) == (404, "not_found")


def _iso(moment: Any) -> str:
    return str(moment.isoformat().replace("+00:00", "Z"))
