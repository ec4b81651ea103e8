import pytest

from tests.evaluations.roboarena.client import RoboArenaClient


@pytest.mark.parametrize("version", ["1.4", "1.5"])
def test_it_accepts_clients_that_ask_for_a_pair_after_the_task(client15: RoboArenaClient, version: str) -> None:
    answer = client15.version_check(version)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("version", ["1.2", "1.3", "2.0", ""])
def test_it_refuses_others_in_one_sentence(client15: RoboArenaClient, version: str) -> None:
    answer = client15.version_check(version)
    assert answer.status_code == 400
    assert "\n" not in answer.json()["error"]["message"]


def test_a_body_that_is_no_json_is_an_error_of_the_client(client15: RoboArenaClient) -> None:
    answer = client15.http.post("/version_check", "{", content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")


def test_a_body_that_is_no_object_is_an_error_of_the_client(client15: RoboArenaClient) -> None:
    answer = client15.http.post("/version_check", "[1]", content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_field")


def test_a_trailing_slash_is_not_redirected(client15: RoboArenaClient) -> None:
    assert client15.http.post("/version_check/", {}, content_type="application/json").status_code == 404
