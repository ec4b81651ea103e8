"""What must stay secret stays out of logs and answers."""

import logging
from typing import Any

import pytest
from django.test import Client

from evaluations import sessions
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

    for verb in ("open_session", "find_own"):
        monkeypatch.setattr(sessions, verb, broken)
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


@pytest.mark.parametrize("view", [api.Pair, api.UploadEpisode, api.Terminate, api.ValidateAccess])
def test_no_view_reads_an_endless_body(view: type[api.ClientView]) -> None:
    assert 0 < view.max_body_bytes <= 1024**3
