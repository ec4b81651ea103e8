from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgpack
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from arena_client import wire
from simlab.policies import POLICIES
from simlab.server import MAX_EPISODES, METADATA, STATE_KEY, Episodes
from simlab.tasks import TASKS
from tests.simlab.makers import state
from tests.simlab.servers import policy_servers

PROMPT = TASKS["push-v3"].instructions[0]


@pytest.fixture
def connection() -> Iterator[ClientConnection]:
    """A connection to the random policy, which needs no simulator; the metadata have been read."""
    with policy_servers("random") as (endpoint,), connect(endpoint, compression=None, proxy=None) as opened:
        assert receive(opened) == METADATA
        yield opened


def receive(connection: ClientConnection) -> Any:
    frame = connection.recv()
    assert isinstance(frame, bytes), frame
    return wire.unpack(frame)


def request(**changes: Any) -> dict[str, Any]:
    return {STATE_KEY: state(), "prompt": PROMPT, "session_id": "s-A", "endpoint": "infer"} | changes


def ask(connection: ClientConnection, **changes: Any) -> np.ndarray[Any, Any]:
    connection.send(wire.pack(request(**changes)))
    actions: np.ndarray[Any, Any] = receive(connection)["actions"]
    return actions


def test_the_metadata_have_the_six_keys_of_the_protocol() -> None:
    assert METADATA.keys() == {
        "image_resolution",
        "needs_wrist_camera",
        "n_external_cameras",
        "needs_stereo_camera",
        "needs_session_id",
        "action_space",
    }


def test_an_infer_is_answered_with_actions(connection: ClientConnection) -> None:
    connection.send(wire.pack(request()))
    answer = receive(connection)
    assert answer.keys() == {"actions"}
    assert answer["actions"].dtype == np.float32
    assert answer["actions"].shape == (1, 7)
    assert (answer["actions"][:, 3:6] == 0).all()


def test_a_reset_is_answered_with_a_word(connection: ClientConnection) -> None:
    connection.send(wire.pack({"session_id": "s-A", "endpoint": "reset"}))
    assert connection.recv() == "reset successful"


def test_an_episode_goes_on_until_it_is_reset(connection: ClientConnection) -> None:
    first, second = ask(connection), ask(connection)
    assert (first != second).any()
    connection.send(wire.pack({"session_id": "s-A", "endpoint": "reset"}))
    connection.recv()
    assert (ask(connection) == first).all()


def test_episodes_at_once_do_not_disturb_each_other(connection: ClientConnection) -> None:
    alone = [ask(connection, session_id="s-A") for _ in range(4)]
    mixed = [ask(connection, session_id=name) for name in ("s-B", "s-C") * 4]
    for mine in (mixed[0::2], mixed[1::2]):
        assert all((a == b).all() for a, b in zip(alone, mine, strict=True))


def test_an_episode_ends_with_its_connection() -> None:
    with policy_servers("random") as (endpoint,):
        firsts = []
        for _ in range(2):
            with connect(endpoint, compression=None, proxy=None) as opened:
                opened.recv()
                firsts.append(ask(opened))
    assert (firsts[0] == firsts[1]).all()


def test_no_more_episodes_are_kept_than_a_client_can_need() -> None:
    episodes = Episodes(POLICIES["random"])
    first = episodes.infer(request(session_id="0"))["actions"]
    for number in range(1, MAX_EPISODES):
        episodes.infer(request(session_id=str(number)))
    assert (episodes.infer(request(session_id="0"))["actions"] != first).any()
    episodes.infer(request(session_id="one more"))
    assert (episodes.infer(request(session_id="0"))["actions"] == first).all()


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        pytest.param("hello", "WireError", id="text"),
        pytest.param(b"\xc1", "WireError", id="no msgpack"),
        pytest.param(wire.pack([1]), "WireError", id="no map"),
        pytest.param(wire.pack({STATE_KEY: state()}), "KeyError: 'endpoint'", id="no endpoint"),
        pytest.param(wire.pack({"endpoint": "infer"}), "KeyError", id="no state"),
        pytest.param(wire.pack({"endpoint": "reset"}), "KeyError: 'session_id'", id="no session"),
        pytest.param(wire.pack(request(prompt=3)), "prompt must be text", id="prompt"),
        pytest.param(wire.pack(request(session_id=3)), "session_id must be text", id="session"),
        pytest.param(wire.pack(request(**{STATE_KEY: np.zeros(3)})), "39 finite numbers", id="short state"),
        pytest.param(wire.pack(request(**{STATE_KEY: np.full(39, np.nan)})), "39 finite numbers", id="no numbers"),
        pytest.param(
            msgpack.packb({"x": {b"__ndarray__": True, b"data": bytes(8), b"dtype": "|O", b"shape": [1]}}),
            "only arrays of plain numbers",
            id="object pointers",
        ),
    ],
)
def test_an_error_is_answered_with_its_traceback_and_the_end(
    connection: ClientConnection, frame: str | bytes, told: str
) -> None:
    connection.send(frame)
    answer = connection.recv()
    assert isinstance(answer, str)
    assert answer.startswith("Traceback")
    assert told in answer
    with pytest.raises(ConnectionClosed) as closing:
        connection.recv()
    assert closing.value.rcvd is not None
    assert closing.value.rcvd.code == 1011
    assert closing.value.rcvd.reason == "Internal server error. Traceback included in previous frame."
