from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from simlab.calls import Evaluator, Patience, Platform, Refused, Unanswered
from tests.simlab.stub_platform import HANG_UP, StubPlatform, stub_platform

EVALUATOR = Evaluator(" Ada@Lab.example ", "The Lab", "open-sesame")
PAIR = [{"label": "A", "ip": "h", "port": "1/relay/a"}, {"label": "B", "ip": "h", "port": "1/relay/b"}]


class Waits:
    """Counts the pauses and does not sleep."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.seconds: list[float] = []

    def __call__(self, reason: str, seconds: float) -> None:
        self.reasons.append(reason)
        self.seconds.append(seconds)


@pytest.fixture
def stub() -> Iterator[StubPlatform]:
    with stub_platform(pair=PAIR) as running:
        yield running


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def platform(stub: StubPlatform, waits: Waits) -> Platform:
    return Platform(server=stub.url + "/", evaluator=EVALUATOR, wait=waits)


def test_the_client_says_who_it_is(platform: Platform, stub: StubPlatform) -> None:
    platform.check_version()
    platform.validate_access()
    assert [(call.path, call.fields) for call in stub.calls] == [
        ("/version_check", {"client_version": "1.5"}),
        (
            "/validate_evaluator_access",
            {"evaluator_email": "ada@lab.example", "institution": "The Lab", "evaluator_code": "open-sesame"},
        ),
    ]


def test_a_pair_is_asked_for_with_the_task(platform: Platform, stub: StubPlatform) -> None:
    pair = platform.ask_for_pair(instruction="open the drawer")
    assert stub.calls[0].fields == {
        "eval_location": "The Lab",
        "evaluator_name": "ada@lab.example",
        "evaluator_code": "open-sesame",
        "language_instruction": "open the drawer",
        "robot_name": "METAWORLD",
    }
    assert pair.session_id == "session-1"
    assert [side.address for side in pair.sides] == ["ws://h:1/relay/a", "ws://h:1/relay/b"]


@pytest.mark.parametrize("dealt", [[], PAIR[::-1], [{"label": "A"}], [*PAIR, {"label": "C", "ip": "h", "port": "2"}]])
def test_a_pair_that_is_none_is_not_taken(platform: Platform, stub: StubPlatform, dealt: list[dict[str, str]]) -> None:
    stub.pair = dealt
    with pytest.raises(Refused):
        platform.ask_for_pair(instruction="open the drawer")


def test_uploads_and_endings_are_repeated_while_the_platform_is_away(
    platform: Platform, stub: StubPlatform, waits: Waits
) -> None:
    stub.refuse = {"/upload_eval_data": [503, 429], "/terminate_session": [502]}
    platform.upload(form={"session_id": "s"}, files={"npz_file": ("n.npz", b"123", "application/octet-stream")})
    platform.terminate(session_id="s", notes="PREFERENCE=A\n")
    assert stub.paths() == ["/upload_eval_data"] * 3 + ["/terminate_session"] * 2
    assert stub.calls[2].fields == {"session_id": "s", "evaluator_code": "open-sesame"}
    assert stub.calls[2].files == {"npz_file": b"123"}
    assert stub.calls[4].fields["evaluation_notes"] == "PREFERENCE=A\n"
    assert waits.reasons[0] == "upload_eval_data: answered 503"


def test_a_connection_that_breaks_is_tried_again(platform: Platform, stub: StubPlatform, waits: Waits) -> None:
    stub.refuse = {"/version_check": [HANG_UP, HANG_UP]}
    platform.check_version()
    assert waits.reasons == ["version_check: ConnectionError"] * 2
    assert stub.paths() == ["/version_check"] * 3


def test_patience_ends(platform: Platform, stub: StubPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simlab.calls.INSIST_SECONDS", -1.0)
    stub.refuse = {"/version_check": [503]}
    with pytest.raises(Unanswered, match="answered 503"):
        platform.check_version()


def test_a_refusal_is_final(platform: Platform, stub: StubPlatform, waits: Waits) -> None:
    stub.refuse = {"/validate_evaluator_access": [403]}
    with pytest.raises(Refused, match=r"403: .*not now"):
        platform.validate_access()
    assert not waits.reasons


def test_a_pair_is_asked_for_once(platform: Platform, stub: StubPlatform) -> None:
    stub.refuse = {"/get_policies_to_compare": [503]}
    with pytest.raises(Refused):
        platform.ask_for_pair(instruction="open the drawer")
    assert len(stub.calls) == 1


@pytest.mark.parametrize("status", [404, 503])
def test_a_lab_that_closes_does_not_wait_for_an_answer_it_likes(
    platform: Platform, stub: StubPlatform, waits: Waits, status: int
) -> None:
    stub.refuse = {"/terminate_session": [status]}
    platform.take_leave("s")
    assert stub.paths() == ["/terminate_session"]
    assert not waits.reasons


def test_a_lab_can_close_without_a_platform(waits: Waits) -> None:
    Platform(server="http://127.0.0.1:1", evaluator=EVALUATOR, wait=waits).take_leave("s")
    assert not waits.reasons


def test_pauses_grow_to_a_limit(waits: Waits) -> None:
    patience = Patience(waits, first=1.0, longest=5.0)
    for _ in range(5):
        patience.pause("away")
    assert waits.seconds == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_the_access_code_is_not_shown() -> None:
    assert "open-sesame" not in repr(EVALUATOR)


def test_no_proxy_of_the_environment_sees_the_access_code(
    platform: Platform, stub: StubPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with pytest.raises(requests.ConnectionError):
        requests.post(stub.url, timeout=5)
    platform.validate_access()
    assert stub.paths() == ["/validate_evaluator_access"]
