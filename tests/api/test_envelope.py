"""What every operation has in common: errors, limits, strange bodies, methods."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client, override_settings
from redis.exceptions import ConnectionError as ServerAway

from tests.api.conftest import Api, code, in_browser, with_key
from tests.factories import Arena


def test_an_error_has_its_form(anyone: Api) -> None:
    answer = anyone.get("me")
    assert answer["Content-Type"] == "application/json"
    assert answer["Cache-Control"] == "no-store"
    assert answer.json() == {
        "error": {
            "code": "not_signed_in",
            "message": "Sign in first.",
            "hint": "Programs send an API key: Authorization: Bearer arena_…",
        }
    }


@pytest.mark.parametrize("path", ["nothing", "sessions/", "sessions/1/live", "labs/ü", "../api/v1/nothing"])
def test_an_address_without_anything(dana: Api, path: str) -> None:
    assert code(dana.get(path)) == (404, "not_found")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "NONSENSE"])
def test_a_method_that_is_not_taken(dana: Api, method: str) -> None:
    answer = dana.call(method, "sessions")
    assert code(answer) == (405, "method_not_allowed")
    assert {"GET", "POST"} <= set(answer["Allow"].split(", "))


def test_head_is_a_get_without_its_body(dana: Api) -> None:
    answer = dana.call("HEAD", "sessions")
    assert (answer.status_code, answer.content) == (200, b"")


def post_raw(api: Api, body: bytes, content_type: str = "application/json", **headers: str) -> Any:
    headers["Authorization"] = f"Bearer {api.secret}"
    return api.http.generic("POST", "/api/v1/sessions", body, content_type=content_type, headers=headers)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe",
        b'{"instruction": "a\\u0000b", "station": 1}',
        b'{"instruction": "\\ud800", "station": 1}',
        b'{"a\\u0000": 1}',
        b"[" * 20 + b"]" * 20,
        b'{"rubric":' * 5000 + b"1" + b"}" * 5000,
        b"[" * 100_000,
        b'{"station": NaN, "instruction": "x"}',
        b'{"station": Infinity, "instruction": "x"}',
        b'{"station": ' + b"9" * 5000 + b', "instruction": "x"}',
    ],
)
def test_a_body_that_cannot_be_kept_is_a_bad_request(dana: Api, body: bytes) -> None:
    assert code(post_raw(dana, body)) == (400, "bad_request")


def test_numbers_beyond_the_database_are_no_fault_of_ours(dana: Api) -> None:
    assert code(dana.post("sessions", {"station": 2**63, "instruction": "x"})) == (400, "invalid_input")
    assert code(dana.get(f"stations/{10**30}")) == (404, "station_unknown")
    assert code(dana.get("sessions?page=" + "9" * 400)) == (400, "invalid_input")


def test_a_body_of_another_kind(dana: Api) -> None:
    assert code(post_raw(dana, b"station=1", "application/x-www-form-urlencoded")) == (415, "unsupported_media_type")


def test_a_body_beyond_the_limit(dana: Api) -> None:
    assert code(post_raw(dana, b'{"instruction": "' + b"x" * 256 * 1024 + b'"}')) == (413, "request_too_large")


def test_what_is_not_known_is_not_passed_over(dana: Api) -> None:
    answer = dana.get("sessions?stat=submitted")
    assert answer.json()["error"]["fields"] == {"stat": ["There is no such field here."]}
    assert code(dana.get("me?anything=1")) == (400, "invalid_input")


def test_answers_are_json_whatever_is_asked_for(dana: Api) -> None:
    assert dana.get("me", Accept="text/html")["Content-Type"] == "application/json"


@override_settings(API_READS_PER_MINUTE=2, API_WRITES_PER_MINUTE=1, API_ANONYMOUS_PER_MINUTE=1)
def test_too_much_in_a_minute(arena: Arena, anyone: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arena.api.throttling.time.time", lambda: 1_000_000_000.0 - 1_000_000_000 % 60 + 50.5)
    dana, other, browser = with_key(arena.dana, arena.lab), with_key(arena.dana, arena.lab), in_browser(arena.dana)
    assert [dana.get("me").status_code for _ in range(3)] == [200, 200, 429]
    answer = dana.get("me")
    assert (code(answer), answer["Retry-After"]) == ((429, "too_many_requests"), "10")
    assert dana.post("sessions", {}).status_code == 400
    assert code(dana.post("sessions", {})) == (429, "too_many_requests")
    assert other.get("me").status_code == 200  # each key has its own
    assert browser.get("me").status_code == 200
    assert [anyone.get("vocabulary").status_code for _ in range(2)] == [200, 429]
    monkeypatch.setattr("arena.api.throttling.time.time", lambda: 1_000_000_000.0 - 1_000_000_000 % 60 + 60.5)
    assert dana.get("me").status_code == 200


@override_settings(API_READS_PER_MINUTE=1)
def test_without_the_cache_nobody_is_held_up(dana: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise ServerAway

    monkeypatch.setattr(cache, "add", away, raising=False)
    monkeypatch.setattr("arena.api.throttling.cache", _Away())
    assert [dana.get("me").status_code for _ in range(3)] == [200, 200, 200]


class _Away:
    def add(self, *_: Any, **__: Any) -> bool:
        raise ServerAway


def test_the_platforms_pages_keep_their_own_errors(db: None) -> None:
    assert b"<html" in Client().get("/nothing").content
