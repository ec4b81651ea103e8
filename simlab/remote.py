"""A policy at the other end of a websocket, as RoboArena's evaluation client talks to it."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

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


class RemotePolicy:
    """One connection; one episode by its key. Connects on entering, closes on leaving."""

    def __init__(self, *, address: str, episode: str, instruction: str) -> None:
        self._address = address
        self._episode = episode
        self._instruction = instruction
        self._latencies: list[float] = []
        self._connection: ClientConnection | None = None

    def __enter__(self) -> Self:
        self._connection = _connect(self._address)
        try:
            metadata = self._receive()
            if metadata.get("action_space") != ACTION_SPACE:
                raise PolicyError(f"this robot moves by {ACTION_SPACE} only")
        except BaseException:
            self._connection.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection:
            self._connection.close()

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
        assert self._connection is not None
        try:
            self._connection.send(wire.pack(message))
        except (ConnectionClosed, OSError) as error:
            raise Unreachable(type(error).__name__) from error

    def _frame(self) -> str | bytes:
        assert self._connection is not None
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


def _connect(address: str) -> ClientConnection:
    try:
        return connect(address, compression=None, max_size=None, proxy=None, open_timeout=10, close_timeout=2)
    except InvalidStatus as error:
        if 400 <= error.response.status_code < 500:
            raise Closed(f"answered {error.response.status_code}") from error
        raise Unreachable(f"answered {error.response.status_code}") from error
    except (InvalidHandshake, OSError, TimeoutError, EOFError) as error:
        raise Unreachable(type(error).__name__) from error


def _actions(answer: dict[str, Any]) -> Floats:
    actions = answer.get("actions")
    if not isinstance(actions, np.ndarray):
        raise PolicyError("the answer holds no actions")
    rows = np.atleast_2d(actions).astype(np.float64)
    if rows.ndim != 2 or rows.shape[0] < 1 or rows.shape[1] != ACTION_SIZE or not np.isfinite(rows).all():
        raise PolicyError(f"actions must be rows of {ACTION_SIZE} finite numbers")
    return rows
