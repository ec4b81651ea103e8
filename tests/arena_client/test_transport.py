"""Patience: what is repeated, what is not, and to whom the key goes."""

from __future__ import annotations

import json
import time
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from arena_client import errors
from arena_client.answers import Me, Session
from arena_client.client import Client
from arena_client.decoding import decode
from arena_client.errors import ArenaError, BadAnswer, TooMany, Unanswered
from tests.arena_client.conftest import Wait
from tests.arena_client.stub_server import HANG_UP, Answer, StubServer, stub_server

ME = {"email": "dana@example.org", "name": "Dana", "labs": []}
SESSION: dict[str, Any] = {"id": "s", "state": "running", "instruction": "", "station": None, "sides": {}}
LEASE = {"lease_expires_at": "2026-11-21T12:00:00Z"}


def client_of(server: StubServer, wait: Wait, **more: Any) -> Client:
    return Client(server.url, "arena_key", wait=wait, **more)


def refusal(status: int, code: str = "no", **headers: str) -> Answer:
    return Answer(status, {"error": {"code": code, "message": "No.", "hint": "Try."}}, headers)


@pytest.mark.parametrize("trouble", [Answer(HANG_UP), refusal(503), refusal(502), refusal(500), Answer(504, b"<html>")])
def test_a_write_whose_answer_is_lost_is_repeated_with_the_same_key(
    trouble: Answer, no_wait: Wait, waits: list[Any]
) -> None:
    with stub_server(trouble, trouble, Answer(body=LEASE)) as server:
        lease = client_of(server, no_wait).extend("s")
    assert lease is not None
    assert len(server.asked) == 3
    assert len({asked.headers["idempotency-key"] for asked in server.asked}) == 1
    assert len({(asked.method, asked.path, asked.body) for asked in server.asked}) == 1
    assert [seconds > 0 for _, seconds in waits] == [True, True]


def test_two_writes_have_two_keys(no_wait: Wait) -> None:
    with stub_server(Answer(body=LEASE)) as server:
        client = client_of(server, no_wait)
        client.extend("s")
        client.extend("s")
    assert len({asked.headers["idempotency-key"] for asked in server.asked}) == 2


def test_reads_are_repeated_and_need_no_key(no_wait: Wait) -> None:
    with stub_server(Answer(HANG_UP), Answer(body=ME)) as server:
        assert client_of(server, no_wait).me().name == "Dana"
    assert "idempotency-key" not in server.asked[0].headers


def test_a_write_that_still_runs_is_waited_for(no_wait: Wait) -> None:
    with stub_server(refusal(409, "idempotency_in_progress"), Answer(body=LEASE)) as server:
        assert client_of(server, no_wait).extend("s")


@pytest.mark.parametrize("after", ["7", "date"])
def test_who_asks_too_often_waits_as_long_as_it_is_told(after: str, no_wait: Wait, waits: list[Any]) -> None:
    told = formatdate(time.time() + 7.9, usegmt=True) if after == "date" else after
    with stub_server(refusal(429, "rate_limited", **{"Retry-After": told}), Answer(body=ME)) as server:
        client_of(server, no_wait).me()
    [(_, seconds)] = waits
    assert 6 <= seconds < 12


def test_longer_than_patience_nobody_waits(no_wait: Wait, waits: list[Any]) -> None:
    busy = refusal(429, "rate_limited", **{"Retry-After": "3600"})
    with stub_server(busy) as server, pytest.raises(TooMany) as refused:
        client_of(server, no_wait).me()
    assert refused.value.retry_after == 3600
    assert waits == []


def test_too_many_of_something_is_not_waited_for(no_wait: Wait, waits: list[Any]) -> None:
    with stub_server(refusal(429, "too_many_open_sessions")) as server, pytest.raises(TooMany):
        client_of(server, no_wait).open_session(1, "x")
    assert waits == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.InvalidInput),
        (401, errors.NotSignedIn),
        (403, errors.AccessDenied),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (413, errors.InvalidInput),
    ],
)
def test_a_refusal_is_final_and_has_its_kind(status: int, kind: type[ArenaError], no_wait: Wait) -> None:
    with stub_server(refusal(status, "why")) as server, pytest.raises(kind) as refused:
        client_of(server, no_wait).extend("s")
    assert (refused.value.code, refused.value.status) == ("why", status)
    assert str(refused.value) == "No. Try. [why]"
    assert len(server.asked) == 1


def test_a_fault_of_the_platform_is_not_repeated_for_ever(no_wait: Wait) -> None:
    with stub_server(refusal(500)) as server, pytest.raises(ArenaError):
        client_of(server, no_wait).me()
    assert len(server.asked) == 4


def test_patience_ends(no_wait: Wait) -> None:
    with stub_server(refusal(503, "unavailable")) as server, pytest.raises(Unanswered) as error:
        client_of(server, no_wait, patience=0.0).me()
    assert error.value.status == 503


def test_nobody_at_the_address_is_said(no_wait: Wait) -> None:
    with pytest.raises(Unanswered, match=r"127\.0\.0\.1:1"):
        Client("http://127.0.0.1:1", "arena_key", patience=0.0).me()


@pytest.mark.parametrize("server", ["", "arena.example", "ftp://arena.example", "http://", "http://a:b@arena.example"])
def test_an_address_that_is_none_is_said(server: str) -> None:
    with pytest.raises(ArenaError) as error:
        Client(server or None, "arena_key")
    assert error.value.code in ("bad_server", "no_server")


def test_a_redirect_is_said_and_the_key_stays(no_wait: Wait) -> None:
    with (
        stub_server() as other,
        stub_server(Answer(301, b"", {"Location": f"{other.url}/x"})) as server,
        pytest.raises(ArenaError, match="sends us to") as error,
    ):
        client_of(server, no_wait).extend("s")
    assert error.value.code == "redirected"
    assert other.asked == []


def test_a_netrc_does_not_take_the_key_s_place(no_wait: Wait, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with stub_server(Answer(body=ME)) as server:
        client_of(server, no_wait).me()
    assert server.asked[0].headers["authorization"] == "Bearer arena_key"


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"{}", b'"x"', json.dumps({**ME, "labs": [1]}).encode()])
def test_what_is_not_of_this_api_is_said(body: bytes, no_wait: Wait) -> None:
    with stub_server(Answer(body=body)) as server, pytest.raises(BadAnswer):
        client_of(server, no_wait).me()


def test_what_a_newer_platform_adds_is_passed_over() -> None:
    assert decode(Me, {**ME, "more": 1}).name == "Dana"


def test_times_are_read_and_have_their_zone() -> None:
    session = decode(Session, {**SESSION, "opened_at": "2026-11-21T12:00:00.5Z"})
    assert session.opened_at is not None
    assert session.opened_at.utcoffset() is not None


@pytest.mark.parametrize("wrong", [{"state": 1}, {"sides": []}, {"opened_at": "soon"}, {"training": 1}, {"id": None}])
def test_a_field_of_another_kind_is_said(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadAnswer, match=next(iter(wrong))):
        decode(Session, SESSION | wrong)


def test_the_key_is_shown_nowhere(no_wait: Wait) -> None:
    with stub_server(refusal(401, "bad_api_key")) as server:
        client = client_of(server, no_wait)
        with pytest.raises(ArenaError) as refused:
            client.me()
    assert "arena_key" not in f"{client!r} {vars(client)!r} {refused.value!r} {refused.value}"
