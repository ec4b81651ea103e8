"""Inferences: what the policy server is sent, what the client is answered."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import ClientConnection
from websockets.sync.server import ServerConnection

from evaluations.relay.problems import Ending
from tests.evaluations.relay import openpi
from tests.evaluations.relay.conftest import Rig
from tests.evaluations.relay.doubles import INSTRUCTION, PROMPTLY, WIRE_SESSION, answer

Client = Callable[..., ClientConnection]
TRACEBACK = 'Traceback (most recent call last):\n  File "/home/jane/openpi/serve.py", line 1'


def test_the_observation_comes_through(rig: Rig, client: Client) -> None:
    sent = openpi.infer()
    rig.asked(client(), sent)
    (got,) = rig.policy.requests
    assert openpi.same(got, sent | {"prompt": INSTRUCTION})


def test_the_actions_come_through(rig: Rig, client: Client) -> None:
    actions = openpi.chunk(rows=15, width=7)
    got = rig.asked(client(script=answer({"actions": actions})))
    assert openpi.same(got, {"actions": actions})


def test_later_messages_of_the_same_form_come_through_with_their_own_bytes(rig: Rig, client: Client) -> None:
    chunks = [openpi.chunk() * scale for scale in (1, 2, 3)]
    unsent = iter(chunks)
    connection = client(script=lambda policy, _: policy.send(openpi.pack({"actions": next(unsent)})))
    sent = [openpi.infer(**{"observation/wrist_image_left": openpi.image(seed)}) for seed in (7, 8, 9)]
    for request, actions in zip(sent, chunks, strict=True):
        assert openpi.same(rig.asked(connection, request), {"actions": actions})
    assert all(
        openpi.same(got, request | {"prompt": INSTRUCTION})
        for got, request in zip(rig.policy.requests, sent, strict=True)
    )


def test_a_request_may_change_its_form(rig: Rig, client: Client) -> None:
    connection = client()
    small = openpi.infer(**{"observation/wrist_image_left": openpi.image(height=10, width=12)})
    without = openpi.infer(**{"observation/exterior_image_1_left": None})
    for request in (openpi.infer(), small, without, openpi.infer()):
        rig.asked(connection, request)
        assert openpi.same(rig.policy.requests[-1], request | {"prompt": INSTRUCTION})


def test_the_policy_is_told_the_sessions_own_instruction(rig: Rig, client: Client) -> None:
    rig.asked(client(), openpi.infer(prompt="something else, from Example Lab"))
    assert rig.policy.requests[0]["prompt"] == INSTRUCTION


def test_the_policy_is_told_the_wire_session(rig: Rig, client: Client) -> None:
    rig.asked(client(), openpi.infer(session_id="public-id-A"))
    assert rig.policy.requests[0]["session_id"] == WIRE_SESSION


def test_also_where_the_client_names_none_but_the_policy_needs_one(rig: Rig, client: Client) -> None:
    rig.asked(client(metadata=openpi.pack(openpi.METADATA | {"needs_session_id": True})))
    assert rig.policy.requests[0]["session_id"] == WIRE_SESSION


def test_other_keys_of_the_client_are_dropped(rig: Rig, client: Client) -> None:
    telling = {"lab": "Example Lab", "observation/exterior_image_0_left": openpi.image(), "meta": {"who": ["jane"]}}
    sent = openpi.infer()
    rig.asked(client(), sent | telling)
    assert openpi.same(rig.policy.requests[0], sent | {"prompt": INSTRUCTION})


@pytest.mark.parametrize("simulated", [True, False])
def test_the_simulators_state_passes_in_simulation_alone(rig: Rig, simulated: bool) -> None:
    rig.serve_policy(route_changes={"simulated": simulated})
    rig.asked(rig.greeted(), openpi.infer(**{"observation/sim_state": np.zeros(39)}))
    assert ("observation/sim_state" in rig.policy.requests[0]) is simulated


def test_the_policy_gets_one_unfragmented_frame(rig: Rig, client: Client) -> None:
    pieces: list[bytes] = []

    def script(policy: ServerConnection, _: Any) -> None:
        policy.send(openpi.pack({"actions": openpi.chunk()}))
        pieces.extend(bytes(piece) for piece in policy.recv_streaming(decode=False))
        policy.send(openpi.pack({"actions": openpi.chunk()}))

    connection = client(script=script)
    rig.asked(connection)
    rig.asked(connection)
    assert len(pieces) == 1


def test_fragments_are_put_together(rig: Rig, client: Client) -> None:
    """On both sides: what the client sends in pieces, and what the policy answers in pieces."""
    actions = openpi.pack({"actions": openpi.chunk()})
    connection = client(script=lambda policy, _: policy.send(iter([actions[:100], actions[100:]])))
    sent = openpi.pack(openpi.infer())
    connection.send(iter([sent[:10], sent[10:200_000], sent[200_000:]]))
    assert connection.recv() == actions
    assert openpi.same(rig.policy.requests[0], openpi.infer(prompt=INSTRUCTION))


def test_other_keys_of_the_policy_are_dropped(rig: Rig, client: Client) -> None:
    telling = {"policy": "pi0", "server_timing": {"infer_ms": 12.5}, "state": np.zeros(8), "x": [None, b"", -1]}
    connection = client(script=answer(telling | {"actions": openpi.chunk()}))
    connection.send(openpi.pack(openpi.infer()))
    assert connection.recv() == openpi.pack({"actions": openpi.chunk()})


def test_a_traceback_is_never_forwarded(rig: Rig, client: Client) -> None:
    def script(policy: ServerConnection, _: Any) -> None:
        policy.send(TRACEBACK)
        policy.close(1011, "Internal server error. Traceback included in previous frame.")

    connection = client(script=script)
    assert rig.asked(connection) == Ending.POLICY_ERROR.text
    assert rig.platform.closed_row()["errors"] == {"error_answer": 1}


BAD_ACTIONS = {
    "an object array, which makes pointers of bytes": openpi.array(b"\x41" * 56, dtype="|O", shape=[1, 7]),
    "text": openpi.array(b"A" * 56, dtype="<U2", shape=[7]),
    "a structure": openpi.array(b"\x00" * 56, dtype="V8", shape=[7]),
    "the other byte order": openpi.array(b"\x00" * 56, dtype=">f8", shape=[7]),
    "long doubles": openpi.array(b"\x00" * 112, dtype="<f16", shape=[7]),
    "truth values": np.ones((1, 7), np.bool_),
    "no row": np.zeros((0, 8), np.float32),
    "too many rows": np.zeros((1001, 8), np.float32),
    "a wrong width": np.zeros((10, 9), np.float32),
    "no dimension": np.zeros((), np.float32),
    "three dimensions": np.zeros((1, 1, 8), np.float32),
    "not a number": np.full((1, 8), np.nan, np.float32),
    "infinite": np.array([[0] * 7 + [np.inf]], np.float64),
    "too few bytes": openpi.array(b"\x00" * 28, dtype="<f4", shape=[1, 8]),
    "too many bytes": openpi.array(b"\x00" * 36, dtype="<f4", shape=[1, 8]),
    "a negative length": openpi.array(b"", dtype="<f4", shape=[-1, 8]),
    "lengths that overflow": openpi.array(b"", dtype="<f4", shape=[2**32, 2**32]),
    "a list": [[0.0] * 8],
    "nothing": None,
}


@pytest.mark.parametrize("actions", BAD_ACTIONS.values(), ids=BAD_ACTIONS)
def test_actions_that_would_harm_the_client_are_not_forwarded(rig: Rig, client: Client, actions: Any) -> None:
    assert rig.asked(client(script=answer({"actions": actions}))) == Ending.POLICY_ERROR.text
    assert rig.platform.closed_row()["errors"] == {"bad_answer": 1}


@pytest.mark.parametrize("frame", [b"", b"\x81", b"\xc1", openpi.pack([]), openpi.pack({"action": 1}), b"\x81" * 2000])
def test_nor_is_an_answer_without_any(rig: Rig, client: Client, frame: bytes) -> None:
    assert rig.asked(client(script=answer(frame))) == Ending.POLICY_ERROR.text


def test_a_bad_value_in_an_answer_of_the_usual_form_is_seen(rig: Rig, client: Client) -> None:
    rows = iter([0.0, 0.5, np.nan])
    connection = client(script=lambda policy, _: policy.send(openpi.pack({"actions": np.full((1, 8), next(rows))})))
    assert [type(rig.asked(connection)) for _ in range(3)] == [dict, dict, str]


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", "<i4", "|u1"])
@pytest.mark.parametrize("shape", [(8,), (7,), (1, 7), (1000, 8)])
def test_actions_keep_their_type_and_number(rig: Rig, client: Client, dtype: str, shape: tuple[int, ...]) -> None:
    actions = np.ones(shape, dtype)
    assert openpi.same(rig.asked(client(script=answer({"actions": actions}))), {"actions": actions})


BAD_REQUESTS = {
    "a text": "infer",
    "no map": openpi.pack([1]),
    "no msgpack": b"\xc1",
    "cut off": openpi.pack(openpi.infer())[:-3],
    "continued": openpi.pack(openpi.infer()) + b"\x00",
    "no endpoint": openpi.pack({"prompt": "x"}),
    "an unknown endpoint": openpi.pack(openpi.infer(endpoint="shutdown")),
    "an object array": openpi.pack(
        openpi.infer(**{"observation/joint_position": openpi.array(b"A" * 56, dtype="|O", shape=[7])})
    ),
    "an image shorter than its shape": openpi.pack(
        openpi.infer(**{"observation/wrist_image_left": openpi.array(b"A" * 9, dtype="|u1", shape=[224, 224, 3])})
    ),
    "a number for an image": openpi.pack(openpi.infer(**{"observation/wrist_image_left": 7})),
    "a key twice": b"\x82" + 2 * (openpi.pack("endpoint") + openpi.pack("infer")),
    "a key that is no text": openpi.pack({1: 2} | openpi.infer()),
}


@pytest.mark.parametrize("frame", BAD_REQUESTS.values(), ids=BAD_REQUESTS)
def test_a_request_that_is_not_of_the_protocol_never_reaches_the_policy(
    rig: Rig, client: Client, frame: bytes | str
) -> None:
    connection = client()
    connection.send(frame)
    assert connection.recv() == Ending.BAD_REQUEST.text
    assert rig.policy.requests == []
    assert rig.platform.closed_row()["errors"] == {"bad_request": 1}


def test_a_request_beyond_the_limit_ends_the_connection(rig: Rig, client: Client) -> None:
    rig.relay(message_bytes=100_000)
    connection = client()
    connection.send(openpi.pack(openpi.infer()))
    with pytest.raises(ConnectionClosedError, match="1009"):
        connection.recv()
    assert rig.policy.requests == []


def test_so_does_an_answer_beyond_it(rig: Rig, client: Client) -> None:
    rig.relay(message_bytes=400_000)
    connection = client(script=answer({"actions": openpi.chunk(), "more": b"\x00" * 500_000}))
    assert rig.asked(connection) == Ending.POLICY_ERROR.text


def test_an_image_larger_than_the_usual_comes_through(rig: Rig, client: Client) -> None:
    sent = openpi.infer(**{"observation/wrist_image_left": openpi.image(height=1000, width=1000)})
    rig.asked(client(), sent)
    assert openpi.same(rig.policy.requests[0], sent | {"prompt": INSTRUCTION})


def test_a_policy_that_answers_too_late_is_given_up(rig: Rig, client: Client) -> None:
    rig.relay(infer_s=0.2)
    assert rig.asked(client(script=lambda policy, request: None)) == Ending.POLICY_ERROR.text
    assert rig.platform.closed_row()["errors"] == {"no_answer": 1}


def test_an_answer_sent_ahead_is_not_taken_for_the_next(rig: Rig, client: Client) -> None:
    """It would make a policy look as fast as it likes."""

    read = threading.Event()

    def twice(policy: ServerConnection, _: Any) -> None:
        policy.send(openpi.pack({"actions": openpi.chunk()}))
        policy.send(openpi.pack({"actions": openpi.chunk()}))
        # Once the relay has answered the ping it has read the second answer too.
        policy.ping().wait(PROMPTLY)
        read.set()

    connection = client(script=twice)
    rig.asked(connection)
    assert read.wait(PROMPTLY)
    assert rig.asked(connection) == Ending.POLICY_ERROR.text
    assert rig.platform.closed_row()["errors"] == {"unasked_answer": 1}


def test_failures_of_a_policy_look_alike(rig: Rig, client: Client) -> None:
    """The kind of failure could name the policy; its owner finds it in the measurements."""
    rig.relay(infer_s=0.2)
    scripts = [answer(TRACEBACK), answer(b"\xc1"), lambda policy, _: None, lambda policy, _: policy.close()]
    endings = set()
    for script in scripts:
        connection = client(script=script)
        text = rig.asked(connection)
        with pytest.raises(ConnectionClosedError) as closed:
            connection.recv()
        endings.add((text, str(closed.value)))
    assert len(endings) == 1
    assert endings.pop()[0] == Ending.POLICY_ERROR.text
