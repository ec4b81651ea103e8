"""What must stay secret stays out of logs and answers."""

import logging
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import Client

from evaluations import assignments, sessions
from evaluations.roboarena import api
from tests.evaluations.roboarena.client import RoboArenaClient


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


def test_a_whole_session_writes_no_code_and_no_token_into_the_logs(
    client15: RoboArenaClient, logged: pytest.LogCaptureFixture
) -> None:
    pair = client15.pair().json()
    client15.http.get("/get_policies_to_compare", client15.pair_fields())
    for label in ("A", "B"):
        client15.upload(pair["session_id"], label)
        client15.upload(pair["session_id"], label, partial_success="0.900")
    client15.terminate(pair["session_id"])
    client15.validate(evaluator_code="wrong-code")
    secrets = [client15.arena.code, "wrong-code"]
    secrets += [policy["port"].rpartition("/")[2] for policy in pair["policies"]]
    # SQL is only logged in debug installations, which are never public.
    lines = [record.getMessage() for record in logged.records if not record.name.startswith("django.db")]
    assert not [line for line in lines if any(secret in line for secret in secrets)]


@pytest.mark.parametrize(
    ("path", "call"),
    [
        ("/get_policies_to_compare", lambda client: client.pair()),
        ("/upload_eval_data", lambda client: client.upload("0" * 8, "A")),
        ("/terminate_session", lambda client: client.terminate("0" * 8)),
    ],
)
def test_a_fault_of_ours_is_answered_without_its_text(
    client15: RoboArenaClient, monkeypatch: pytest.MonkeyPatch, path: str, call: Any, logged: Any
) -> None:
    def broken(**_: Any) -> None:
        raise RuntimeError("/home/operator/secret.sqlite is locked")

    monkeypatch.setattr(assignments, "open_session", broken)
    monkeypatch.setattr(sessions, "find_own", broken)
    client15.http = Client(raise_request_exception=False)
    answer = call(client15)
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
    assert b"secret.sqlite" not in answer.content
    assert "secret.sqlite" in logged.text


def test_every_call_of_the_client_is_refused_to_who_has_no_code(client15: RoboArenaClient) -> None:
    answers = [
        client15.validate(evaluator_code=""),
        client15.pair(evaluator_code=""),
        client15.http.post("/upload_eval_data", client15.upload_fields("0" * 8, "A") | {"evaluator_code": ""}),
        client15.terminate("0" * 8, evaluator_code=""),
    ]
    assert [answer.status_code for answer in answers] == [400] * 4


@pytest.mark.parametrize("length", ["9" * 12, "-1", "many"])
def test_a_body_that_is_said_to_be_too_long_is_not_read(client15: RoboArenaClient, length: str) -> None:
    answer = client15.http.post("/terminate_session", {}, CONTENT_LENGTH=length)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


@pytest.mark.parametrize("path", ["/version_check", "/get_policies_to_compare"])
def test_endless_nesting_is_a_bad_request(client15: RoboArenaClient, path: str) -> None:
    answer = client15.http.post(path, "[" * 30_000, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")


def test_when_all_places_are_taken_an_upload_is_refused_and_pages_are_served(client15: RoboArenaClient) -> None:
    places = api.UploadEpisode.places
    taken = [places.acquire(blocking=False) for _ in range(settings.UPLOADS_AT_ONCE)]
    try:
        assert all(taken)
        answer = client15.upload("0" * 8, "A")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "too_many_uploads")
        assert client15.http.get("/sessions").status_code == 200
    finally:
        for _ in taken:
            places.release()
    assert client15.upload("0" * 8, "A").status_code == 404


def test_a_database_that_is_away_is_said_to_be(client15: RoboArenaClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(**_: Any) -> None:
        raise OperationalError("connection to server on socket /home/operator/db failed")

    monkeypatch.setattr(assignments, "open_session", away)
    answer = client15.pair()
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "database_away")
    assert b"operator" not in answer.content


def test_an_unknown_host_is_told_to_the_operator_in_one_sentence(client15: RoboArenaClient) -> None:
    answer = client15.http.post("/version_check", {}, content_type="application/json", headers={"host": "arena.test"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unknown_host")
