import re
import uuid

import pytest
from django.test import override_settings

from arena import keys, labs
from arena.models import Endpoint, Role
from evaluations.models import Session, Side
from tests.evaluations.roboarena.client import RoboArenaClient
from tests.factories import make_arena, make_person, make_station, make_version


def test_two_sides_that_lead_to_the_relay(client15: RoboArenaClient) -> None:
    with override_settings(RELAY_PUBLIC_URL="ws://relay.example:8300"):
        answer = client15.pair().json()
    uuid.UUID(answer["session_id"])
    assert [policy["label"] for policy in answer["policies"]] == ["A", "B"]
    for policy in answer["policies"]:
        assert policy["ip"] == "relay.example"
        assert re.fullmatch(r"8300/relay/[A-Za-z0-9_-]{43}", policy["port"])


def test_the_answer_names_neither_policy_nor_lab_nor_endpoint(client15: RoboArenaClient) -> None:
    answer = client15.pair().content.decode()
    for version in client15.arena.versions:
        assert version.policy.slug not in answer
        assert "policy.example" not in answer
    assert client15.arena.owners.slug not in answer


def test_the_session_keeps_the_task_and_the_probability_of_its_pair(client15: RoboArenaClient) -> None:
    session = Session.objects.get(pk=client15.pair().json()["session_id"])
    assert session.instruction == "put the cup on the plate"
    assert session.intended_category == "pick-place"
    assert session.pair_probability == pytest.approx(1 / 6)
    assert session.pool_size == 3
    assert len(set(session.sides.values_list("version", flat=True))) == 2


def test_a_repeat_before_anything_ran_is_told_the_same_session(client15: RoboArenaClient) -> None:
    first, second = client15.pair().json(), client15.pair().json()
    assert first == second
    assert Session.objects.count() == 1


def test_another_task_opens_another_session(client15: RoboArenaClient) -> None:
    first = client15.pair().json()["session_id"]
    assert client15.pair(language_instruction="close the drawer").json()["session_id"] != first


def test_after_an_upload_the_same_task_opens_another_session(client15: RoboArenaClient) -> None:
    first = client15.pair().json()["session_id"]
    client15.upload(first, "A")
    assert client15.pair().json()["session_id"] != first


def test_the_get_form_of_client_14_is_served(client15: RoboArenaClient) -> None:
    assert client15.http.get("/get_policies_to_compare", client15.pair_fields()).status_code == 200


def test_older_clients_are_told_to_upgrade(client15: RoboArenaClient) -> None:
    asked = {"eval_location": "Berkeley", "evaluator_name": client15.email, "robot_name": "DROID"}
    answer = client15.http.get("/get_policies_to_compare", asked)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "client_version")
    assert not Session.objects.exists()


@pytest.mark.parametrize("instruction", ["", "   ", "\u202e reversed", "x" * 2001, None, ["a"]])
def test_an_instruction_must_be_readable_text(client15: RoboArenaClient, instruction: object) -> None:
    answer = client15.pair(language_instruction=instruction)
    assert answer.status_code == 400
    assert not Session.objects.exists()


def test_a_wrong_code_opens_nothing(client15: RoboArenaClient) -> None:
    assert client15.pair(evaluator_code="wrong").status_code == 401
    assert not Session.objects.exists()


def test_a_code_for_another_robot_is_refused(client15: RoboArenaClient) -> None:
    answer = client15.pair(robot_name="UR5")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "wrong_robot")


def test_a_lab_is_never_dealt_its_own_policies(client15: RoboArenaClient) -> None:
    arena = client15.arena
    make_version(lab=arena.lab)
    dealt = _deal(client15, times=20)
    assert dealt == {version.pk for version in arena.versions}


def test_a_two_camera_policy_is_never_dealt_to_a_one_camera_station(db: None) -> None:
    arena = make_arena(cameras=("left", "wrist"))
    greedy = arena.versions[0]
    Endpoint.objects.filter(version=greedy).update(metadata={"n_external_cameras": 2})
    assert greedy.pk not in _deal(RoboArenaClient(arena), times=20)


def test_a_policy_that_needs_a_wrist_camera_is_not_dealt_to_a_station_without(db: None) -> None:
    arena = make_arena(cameras=("left",))
    for version in arena.versions[1:]:
        Endpoint.objects.filter(version=version).update(metadata={"needs_wrist_camera": False})
    assert _deal(RoboArenaClient(arena), times=20) == {version.pk for version in arena.versions[1:]}


def test_a_server_that_is_down_is_not_dealt(client15: RoboArenaClient) -> None:
    down = client15.arena.versions[0]
    Endpoint.objects.filter(version=down).update(health=Endpoint.Health.DOWN)
    assert down.pk not in _deal(client15, times=20)


def test_a_server_that_could_not_be_checked_is_still_dealt(client15: RoboArenaClient) -> None:
    unsure = client15.arena.versions[0]
    Endpoint.objects.filter(version=unsure).update(failures=2)
    assert unsure.pk in _deal(client15, times=40)


def test_simulated_and_real_never_meet(client15: RoboArenaClient) -> None:
    simulated = labs.create_lab(name="Simulated owners", simulated=True)
    version = make_version(lab=simulated)
    assert version.pk not in _deal(client15, times=20)


def test_without_two_policies_there_is_no_pair(db: None) -> None:
    arena = make_arena(policies_in_pool=1)
    answer = RoboArenaClient(arena).pair()
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "no_pair")
    assert not Session.objects.exists()


@override_settings(MAX_OPEN_SESSIONS=2)
def test_one_code_cannot_open_sessions_without_end(client15: RoboArenaClient) -> None:
    for task in ("one", "two"):
        assert client15.pair(language_instruction=task).status_code == 200
    answer = client15.pair(language_instruction="three")
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "too_many_open_sessions")


def test_the_token_is_stored_nowhere_and_differs_by_side(client15: RoboArenaClient) -> None:
    tokens = [policy["port"].rpartition("/")[2] for policy in client15.pair().json()["policies"]]
    assert len(set(tokens)) == 2
    stored = str(list(Side.objects.values())) + str(list(Session.objects.values()))
    assert not any(token in stored for token in tokens)


def test_the_policy_is_told_neither_the_session_nor_the_side(client15: RoboArenaClient) -> None:
    session = Session.objects.get(pk=client15.pair().json()["session_id"])
    for side in session.sides.all():
        assert str(session.pk) not in side.wire_session_id
        assert re.fullmatch(r"[0-9a-f]{32}", side.wire_session_id)


def test_two_evaluators_of_a_lab_have_sessions_of_their_own(client15: RoboArenaClient) -> None:
    arena = client15.arena
    bob = make_person("bob@example.org", lab=arena.lab, role=Role.EVALUATOR)
    _, code = keys.create_client_key(person=bob, station=make_station(lab=arena.lab))
    mine = client15.pair().json()["session_id"]
    his = client15.pair(evaluator_name="bob@example.org", evaluator_code=code).json()["session_id"]
    assert mine != his


def _deal(client: RoboArenaClient, *, times: int) -> set[int]:
    with override_settings(MAX_OPEN_SESSIONS=1000):
        for number in range(times):
            assert client.pair(language_instruction=f"task {number}").status_code == 200
    return set(Side.objects.values_list("version", flat=True))


def test_a_look_opens_no_session(client15: RoboArenaClient) -> None:
    assert client15.http.head("/get_policies_to_compare", client15.pair_fields()).status_code == 405
    assert not Session.objects.exists()


def test_no_cache_keeps_the_tokens(client15: RoboArenaClient) -> None:
    assert client15.http.get("/get_policies_to_compare", client15.pair_fields())["Cache-Control"] == "no-store"
