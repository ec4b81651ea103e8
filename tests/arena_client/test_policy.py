from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection

from simlab import wire
from simlab.remote import Closed, PolicyError, RemotePolicy, Unreachable, connected
from simlab.server import METADATA
from tests.simlab.makers import state
from tests.simlab.servers import FaultyServer, handler_at

SCENE: Any = SimpleNamespace(
    state=state(),
    joint_position=np.zeros(7),
    cartesian_position=np.zeros(6),
    gripper_position=np.zeros(1),
)
PICTURES = {"left": np.zeros((224, 224, 3), np.uint8), "wrist": np.ones((224, 224, 3), np.uint8)}


@contextmanager
def policy_that_answers(*answers: object, seen: list[Any] | None = None) -> Iterator[RemotePolicy]:
    """A connection to a server that gives these answers in turn, packed unless they are text or bytes."""

    async def converse(connection: ServerConnection) -> None:
        await connection.send(wire.pack(METADATA))
        for answer in answers:
            frame = await connection.recv()
            if seen is not None:
                assert isinstance(frame, bytes)
                seen.append(wire.unpack(frame))
            await connection.send(answer if isinstance(answer, str | bytes) else wire.pack(answer))

    with (
        handler_at(converse) as endpoint,
        connected(address=endpoint, episode="s-A", instruction="open the drawer") as policy,
    ):
        yield policy


def test_an_infer_sends_the_client_s_keys_and_the_privileged_one() -> None:
    seen: list[Any] = []
    with policy_that_answers({"actions": np.zeros((1, 7), np.float32)}, seen=seen) as policy:
        policy.infer(SCENE, PICTURES)
    (request,) = seen
    assert {name: value.shape for name, value in request.items() if isinstance(value, np.ndarray)} == {
        "observation/joint_position": (7,),
        "observation/cartesian_position": (6,),
        "observation/gripper_position": (1,),
        "observation/exterior_image_1_left": (224, 224, 3),
        "observation/wrist_image_left": (224, 224, 3),
        "observation/sim_state": (39,),
    }
    assert request["observation/wrist_image_left"].dtype == np.uint8
    texts = {name: value for name, value in request.items() if isinstance(value, str)}
    assert texts == {"prompt": "open the drawer", "session_id": "s-A", "endpoint": "infer"}


def test_a_reset_names_the_episode_and_its_answer_is_not_read() -> None:
    seen: list[Any] = []
    with policy_that_answers("whatever", seen=seen) as policy:
        policy.reset()
    assert seen == [{"session_id": "s-A", "endpoint": "reset"}]


@pytest.mark.parametrize(
    ("actions", "rows"),
    [(np.ones(7, np.float32), 1), (np.ones((1, 7)), 1), (np.ones((10, 7), np.float32), 10)],
)
def test_one_action_or_a_chunk_is_taken(actions: Any, rows: int) -> None:
    with policy_that_answers({"actions": actions, "more": 1}) as policy:
        assert (policy.infer(SCENE, PICTURES) == np.ones((rows, 7))).all()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("Traceback: ...", id="an error"),
        pytest.param(b"\xc1", id="no msgpack"),
        pytest.param([1, 2], id="no map"),
        pytest.param({}, id="no actions"),
        pytest.param({"actions": [0.0] * 7}, id="no array"),
        pytest.param({"actions": np.zeros((0, 7))}, id="an empty chunk"),
        pytest.param({"actions": np.zeros((1, 8))}, id="joint actions"),
        pytest.param({"actions": np.zeros((1, 1, 7))}, id="too many dimensions"),
        pytest.param({"actions": np.full((1, 7), np.nan)}, id="no numbers"),
    ],
)
def test_what_is_no_action_is_the_policy_s_error(answer: object) -> None:
    with policy_that_answers(answer) as policy, pytest.raises(PolicyError):
        policy.infer(SCENE, PICTURES)


def test_a_policy_that_moves_otherwise_is_not_run() -> None:
    server = FaultyServer(metadata={**METADATA, "action_space": "joint_position"})
    with (
        server.running() as endpoint,
        pytest.raises(PolicyError, match="cartesian_velocity"),
        connected(address=endpoint, episode="s-A", instruction="open the drawer"),
    ):
        pass


def test_a_connection_that_ends_is_not_the_policy_s_error() -> None:
    with policy_that_answers() as policy, pytest.raises(Unreachable):
        policy.infer(SCENE, PICTURES)


@pytest.mark.parametrize(("status", "error"), [(503, Unreachable), (403, Closed), (410, Closed)])
def test_a_refused_handshake_says_whether_to_come_back(status: int, error: type[Exception]) -> None:
    with (
        FaultyServer(refusals=[status]).running() as endpoint,
        pytest.raises(error, match=str(status)),
        connected(address=endpoint, episode="s-A", instruction="open the drawer"),
    ):
        pass


def test_nobody_at_the_address_may_come_later() -> None:
    with (
        pytest.raises(Unreachable),
        connected(address="ws://127.0.0.1:1", episode="s-A", instruction="open the drawer"),
    ):
        pass


def test_latency_is_the_mean_over_all_infers() -> None:
    chunk = {"actions": np.zeros((1, 7), np.float32)}
    with policy_that_answers(chunk, chunk) as policy:
        assert policy.mean_latency == 0.0
        policy.infer(SCENE, PICTURES)
        policy.infer(SCENE, PICTURES)
        assert 0.0 < policy.mean_latency < 5.0
