"""The connection to a policy, against real websockets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from arena_client.policy import Closed, PolicyConnection, PolicyError, PolicyMetadata, Unreachable
from tests.arena_client.policies import METADATA, PolicyServer, policy_server

ACTION = {"actions": np.ones((1, 8), np.float32)}


def observation(**changes: Any) -> dict[str, Any]:
    picture = np.full((90, 160, 3), 200, np.uint8)
    return {
        "observation/joint_position": np.zeros(7),
        "observation/cartesian_position": np.zeros(6),
        "observation/gripper_position": np.zeros(1),
        "observation/exterior_image_1_left": picture,
        "observation/exterior_image_2_left": picture,
        "observation/wrist_image_left": picture,
        **changes,
    }


@contextmanager
def connected(**settings: Any) -> Iterator[tuple[PolicyConnection, PolicyServer]]:
    with (
        policy_server(**settings) as server,
        PolicyConnection(server.address, prompt="open the drawer", episode="s-A") as policy,
    ):
        yield policy, server


def greeted(**metadata: Any) -> Any:
    return connected(metadata={**METADATA, **metadata})


def test_an_infer_is_what_the_public_client_sends() -> None:
    with connected(answers=[ACTION]) as (policy, server):
        policy.infer(observation())
    [request] = server.requests
    assert {name: value.shape for name, value in request.items() if isinstance(value, np.ndarray)} == {
        "observation/joint_position": (7,),
        "observation/cartesian_position": (6,),
        "observation/gripper_position": (1,),
        "observation/exterior_image_1_left": (64, 64, 3),
        "observation/wrist_image_left": (64, 64, 3),
    }
    assert request["observation/wrist_image_left"].dtype == np.uint8
    texts = {name: value for name, value in request.items() if isinstance(value, str)}
    assert texts == {"prompt": "open the drawer", "session_id": "s-A", "endpoint": "infer"}


def test_pictures_keep_their_shape_between_black_bars() -> None:
    with connected(answers=[ACTION]) as (policy, server):
        policy.infer(observation())
    picture = server.requests[0]["observation/exterior_image_1_left"]
    assert (picture[14:50] == 200).all()  # 64 wide are 36 high of 90 x 160
    assert (picture[:14] == 0).all()
    assert (picture[50:] == 0).all()


def test_a_policy_that_asks_for_no_size_gets_pictures_as_they_are() -> None:
    with greeted(image_resolution=None) as (policy, server):
        policy.infer(observation())
    assert server.requests[0]["observation/wrist_image_left"].shape == (90, 160, 3)


@pytest.mark.parametrize(
    ("asks", "gets"),
    [
        ({"n_external_cameras": 0, "needs_wrist_camera": False}, []),
        ({"n_external_cameras": 1, "needs_wrist_camera": False}, ["exterior_image_1_left"]),
        ({"n_external_cameras": 2}, ["exterior_image_1_left", "exterior_image_2_left", "wrist_image_left"]),
    ],
)
def test_a_policy_gets_the_cameras_that_it_asks_for(asks: dict[str, Any], gets: list[str]) -> None:
    with greeted(**asks) as (policy, server):
        policy.infer(observation())
    sent = [name.removeprefix("observation/") for name in server.requests[0] if "_image_" in name]
    assert sorted(sent) == sorted(gets)


def test_a_camera_that_is_missing_is_sent_as_nothing() -> None:
    with greeted(needs_stereo_camera=True) as (policy, server):
        policy.infer(observation())
    request = server.requests[0]
    assert request["observation/exterior_image_1_right"] is None
    assert "observation/wrist_image_right" not in request


@pytest.mark.parametrize("picture", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3)), np.zeros((0, 9, 3), np.uint8)])
def test_what_is_no_picture_is_said_before_it_is_sent(picture: Any) -> None:
    with (
        connected() as (policy, server),
        pytest.raises(ValueError, match="exterior_image_1_left"),
    ):
        policy.infer(observation(**{"observation/exterior_image_1_left": picture}))
    assert server.requests == []


def test_a_reset_names_the_episode_and_its_answer_is_not_read() -> None:
    with connected() as (policy, server):
        policy.reset()
    assert server.requests == [{"session_id": "s-A", "endpoint": "reset"}]


@pytest.mark.parametrize(
    ("actions", "rows"),
    [(np.ones(8, np.float32), 1), (np.ones((1, 8)), 1), (np.ones((10, 8), np.float32), 10)],
)
def test_one_action_or_a_chunk_is_taken(actions: Any, rows: int) -> None:
    with connected(answers=[{"actions": actions, "more": 1}]) as (policy, _):
        assert (policy.infer(observation()) == np.ones((rows, 8))).all()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("Traceback: ...", id="an error"),
        pytest.param(b"\xc1", id="no msgpack"),
        pytest.param([1, 2], id="no map"),
        pytest.param({}, id="no actions"),
        pytest.param({"actions": [0.0] * 8}, id="no array"),
        pytest.param({"actions": np.zeros((0, 8))}, id="an empty chunk"),
        pytest.param({"actions": np.zeros((1, 7))}, id="cartesian actions"),
        pytest.param({"actions": np.zeros((1, 1, 8))}, id="too many dimensions"),
        pytest.param({"actions": np.full((1, 8), np.nan)}, id="no numbers"),
    ],
)
def test_what_is_no_action_is_the_policy_s_error(answer: object) -> None:
    with connected(answers=[answer]) as (policy, _), pytest.raises(PolicyError):
        policy.infer(observation())


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param([1], id="no map"),
        pytest.param({**METADATA, "action_space": "thought"}, id="another way to move"),
        pytest.param({**METADATA, "n_external_cameras": 3}, id="too many cameras"),
        pytest.param({**METADATA, "image_resolution": [10**6, 10**6]}, id="huge pictures"),
        pytest.param({**METADATA, "image_resolution": "large"}, id="no size"),
        pytest.param("an error", id="text"),
    ],
)
def test_a_greeting_that_makes_no_sense_is_the_policy_s_error(metadata: Any) -> None:
    with pytest.raises(PolicyError), connected(metadata=metadata):
        pass


def test_a_greeting_may_leave_things_out() -> None:
    assert PolicyMetadata.read({"more": 1, "needs_wrist_camera": None}) == PolicyMetadata()


def test_a_connection_that_breaks_is_not_the_policy_s_error() -> None:
    with connected(breaks_after=[0]) as (policy, _), pytest.raises(Unreachable):
        policy.infer(observation())


def test_a_policy_that_hangs_is_left_after_a_while() -> None:
    with policy_server() as server:
        policy = PolicyConnection(server.address, answer_seconds=0.05)
        with policy, pytest.raises(Unreachable, match="no answer within"):
            policy._frame(0.05)  # nothing was asked, so nothing comes


@pytest.mark.parametrize(("status", "error"), [(503, Unreachable), (403, Closed), (410, Closed)])
def test_a_refused_handshake_says_whether_to_come_back(status: int, error: type[Exception]) -> None:
    with (
        policy_server(refusals=[status]) as server,
        pytest.raises(error, match=f"answered {status}: no"),
        PolicyConnection(server.address),
    ):
        pass


def test_nobody_at_the_address_may_come_later() -> None:
    with pytest.raises(Unreachable), PolicyConnection("ws://127.0.0.1:1"):
        pass


def test_an_address_that_is_none_is_said() -> None:
    with pytest.raises(Closed, match="ws://HOST"), PolicyConnection("http://127.0.0.1:1"):
        pass


def test_latency_is_the_mean_over_all_infers() -> None:
    with connected() as (policy, _):
        assert policy.mean_latency == 0.0
        policy.infer(observation())
        policy.infer(observation())
        assert 0.0 < policy.mean_latency < 5.0
    assert len(policy.latencies) == 2
