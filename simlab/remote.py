"""A policy at the other end of a websocket, as RoboArena's evaluation client talks to it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from simlab import wire
from simlab.server import STATE_KEY

if TYPE_CHECKING:
    from simlab.rendering import Frame
    from simlab.scene import Floats, Scene

ACTION_SPACE = "cartesian_velocity"
ACTION_SIZE = 7


class PolicyError(Exception):
    """The policy answered with an error, or with something that is no action."""


class Unreachable(Exception):
    """There is no connection to the policy, or it broke."""


class Closed(Exception):
    """The address is no longer valid: the platform has ended the session."""


@contextmanager
def connected(*, address: str, episode: str, instruction: str) -> Iterator[RemotePolicy]:
    """One connection for one episode, closed at the end."""
    with ExitStack() as stack:
        connection = _connect(address, stack)
        policy = RemotePolicy(connection, episode=episode, instruction=instruction)
        policy.greet()
        yield policy


class RemotePolicy:
    """The policy of one side, in one episode."""

    def __init__(self, connection: ClientConnection, *, episode: str, instruction: str) -> None:
        self._connection = connection
        self._episode = episode
        self._instruction = instruction
        self._latencies: list[float] = []

    def greet(self) -> None:
        """The server speaks first: what it is shown, and how it moves the robot."""
        if self._receive().get("action_space") != ACTION_SPACE:
            raise PolicyError(f"this robot moves by {ACTION_SPACE} only")

    def infer(self, scene: Scene, pictures: dict[str, Frame]) -> Floats:
        """The next actions, one a row."""
        request = {
            "observation/joint_position": scene.joint_position,
            "observation/cartesian_position": scene.cartesian_position,
            "observation/gripper_position": scene.gripper_position,
            "observation/exterior_image_1_left": pictures["left"],
            "observation/wrist_image_left": pictures["wrist"],
            STATE_KEY: scene.state,
            "prompt": self._instruction,
            "session_id": self._episode,
            "endpoint": "infer",
        }
        began = time.perf_counter()
        self._send(request)
        answer = self._receive()
        self._latencies.append(time.perf_counter() - began)
        return _actions(answer)

    def reset(self) -> None:
        """Tell the policy that the episode is over. The answer is a word that nobody reads."""
        self._send({"session_id": self._episode, "endpoint": "reset"})
        self._frame()

    @property
    def mean_latency(self) -> float:
        return float(np.mean(self._latencies)) if self._latencies else 0.0

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._connection.send(wire.pack(message))
        except (ConnectionClosed, OSError) as error:
            raise Unreachable(type(error).__name__) from error

    def _frame(self) -> str | bytes:
        try:
            return self._connection.recv()
        except (ConnectionClosed, OSError) as error:
            raise Unreachable(type(error).__name__) from error

    def _receive(self) -> dict[str, Any]:
        frame = self._frame()
        if isinstance(frame, str):
            raise PolicyError("the policy server answered with an error")
        try:
            message = wire.unpack(frame)
        except wire.WireError as error:
            raise PolicyError(str(error)) from error
        if not isinstance(message, dict):
            raise PolicyError("the policy server's answer is no map")
        return message


def _connect(address: str, stack: ExitStack) -> ClientConnection:
    try:
        opening = connect(address, compression=None, max_size=None, proxy=None, open_timeout=10, close_timeout=2)
        return stack.enter_context(opening)
    except InvalidStatus as error:
        status = error.response.status_code
        raise (Closed if 400 <= status < 500 else Unreachable)(f"answered {status}") from error
    except (InvalidHandshake, OSError, EOFError) as error:
        raise Unreachable(type(error).__name__) from error


def _actions(answer: dict[str, Any]) -> Floats:
    actions = answer.get("actions")
    if not isinstance(actions, np.ndarray):
        raise PolicyError("the answer holds no actions")
    rows = np.atleast_2d(actions).astype(np.float64)
    if rows.ndim != 2 or rows.shape[0] < 1 or rows.shape[1] != ACTION_SIZE or not np.isfinite(rows).all():
        raise PolicyError(f"actions must be rows of {ACTION_SIZE} finite numbers")
    return rows
