"""A policy at the other end of a websocket, spoken to as RoboArena's evaluation client does."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.sync.client import ClientConnection, connect

from arena_client import wire
from arena_client.images import fit, require_frame

OPEN_SECONDS = 10.0
GREETING_SECONDS = 30.0
ANSWER_SECONDS = 150.0
"""A first inference may compile for a minute. The relay gives a policy server 120 seconds."""
ACTION_SIZES = {"joint_position": 8, "joint_velocity": 8, "cartesian_position": 7, "cartesian_velocity": 7}
IMAGE = "_image_"
"""Part of the name of each observation that is a picture."""

Observation = Mapping[str, Any]
Actions = NDArray[np.float64]


class PolicyError(Exception):
    """The policy answered with an error, or with something that is no action."""


class Unreachable(Exception):
    """There is no connection to the policy, or it broke."""


class Closed(Exception):
    """The address is not valid, or no longer: its session has ended."""


@dataclass(frozen=True)
class PolicyMetadata:
    """What the policy is shown, and how it moves the robot. The defaults are RoboArena's."""

    image_resolution: tuple[int, int] | None = None
    """Height and width; None takes the pictures as they are."""
    needs_wrist_camera: bool = True
    n_external_cameras: int = 1
    needs_stereo_camera: bool = False
    needs_session_id: bool = False
    action_space: str = "joint_position"

    @classmethod
    def read(cls, message: Mapping[str, Any]) -> PolicyMetadata:
        """Raises PolicyError. What is not known is passed over."""
        known = {name: message[name] for name in cls.__dataclass_fields__ if message.get(name) is not None}
        size = known.get("image_resolution")
        if size is not None:
            known["image_resolution"] = _resolution(size)
        if known.get("action_space", "joint_position") not in ACTION_SIZES:
            raise PolicyError("the policy moves robots in a way that is not known")
        if known.get("n_external_cameras", 1) not in (0, 1, 2):
            raise PolicyError("the policy asks for a number of cameras that is not known")
        return cls(**known)

    @property
    def action_size(self) -> int:
        return ACTION_SIZES[self.action_space]

    @property
    def cameras(self) -> list[str]:
        """The names of the pictures that the policy is sent."""
        eyes = ("left", "right") if self.needs_stereo_camera else ("left",)
        outside = [
            f"observation/exterior_image_{n}_{eye}" for n in range(1, self.n_external_cameras + 1) for eye in eyes
        ]
        wrist = [f"observation/wrist_image_{eye}" for eye in eyes] if self.needs_wrist_camera else []
        return outside + wrist


@dataclass
class PolicyConnection:
    """One connection, for one episode: greeted when it is entered, closed when it is left.

    `prompt` and `episode` are what a policy server of one's own is told; the relay puts the session's in their place.
    """

    address: str
    prompt: str = ""
    episode: str = "episode"
    answer_seconds: float = ANSWER_SECONDS
    latencies: list[float] = field(default_factory=list, init=False)
    metadata: PolicyMetadata = field(default_factory=PolicyMetadata, init=False)
    _connection: ClientConnection | None = field(default=None, init=False, repr=False)
    _stack: ExitStack = field(default_factory=ExitStack, init=False, repr=False)

    def __enter__(self) -> PolicyConnection:
        self._connection = _connect(self.address, self._stack)
        try:
            self.metadata = PolicyMetadata.read(self._message(GREETING_SECONDS))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._stack.close()

    def infer(self, observation: Observation) -> Actions:
        """The next actions, one a row. Pictures are sent in the policy's size, and only those that it asks for."""
        request = {
            **self._shown(observation),
            "prompt": self.prompt,
            "session_id": self.episode,
            "endpoint": "infer",
        }
        began = time.perf_counter()
        self._send(request)
        answer = self._message(self.answer_seconds)
        self.latencies.append(time.perf_counter() - began)
        return self._actions(answer)

    def reset(self) -> None:
        """Tell the policy that the episode is over. The answer is a word that nobody reads."""
        self._send({"session_id": self.episode, "endpoint": "reset"})
        self._frame(self.answer_seconds)

    @property
    def mean_latency(self) -> float:
        return float(np.mean(self.latencies)) if self.latencies else 0.0

    def _shown(self, observation: Observation) -> dict[str, Any]:
        wanted, size = self.metadata.cameras, self.metadata.image_resolution
        shown = {name: value for name, value in observation.items() if IMAGE not in name}
        for name in wanted:
            picture = observation.get(name)
            if picture is not None:
                frame = require_frame(picture, name)
                shown[name] = np.ascontiguousarray(fit(frame, *size) if size else frame)
            elif "exterior" in name:
                shown[name] = None  # as RoboArena's client tells that a camera is missing
        return shown

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._opened.send(wire.pack(message))
        except (ConnectionClosed, OSError) as error:
            raise Unreachable(_why(error)) from error

    def _frame(self, seconds: float) -> str | bytes:
        try:
            return self._opened.recv(timeout=seconds)
        except TimeoutError as error:
            raise Unreachable(f"no answer within {seconds:.0f} s") from error
        except (ConnectionClosed, OSError) as error:
            raise Unreachable(_why(error)) from error

    def _message(self, seconds: float) -> dict[str, Any]:
        frame = self._frame(seconds)
        if isinstance(frame, str):
            raise PolicyError(f"the policy server answered with an error: {' '.join(frame.split())[-200:]}")
        try:
            message = wire.unpack(frame)
        except wire.WireError as error:
            raise PolicyError(str(error)) from error
        if not isinstance(message, dict):
            raise PolicyError("the policy server's answer is no map")
        return message

    def _actions(self, answer: dict[str, Any]) -> Actions:
        actions, size = answer.get("actions"), self.metadata.action_size
        if not isinstance(actions, np.ndarray):
            raise PolicyError("the answer holds no actions")
        rows = np.atleast_2d(actions).astype(np.float64)
        if rows.ndim != 2 or rows.shape[0] < 1 or rows.shape[1] != size or not np.isfinite(rows).all():
            raise PolicyError(f"actions must be rows of {size} finite numbers")
        return rows

    @property
    def _opened(self) -> ClientConnection:
        if self._connection is None:
            raise Unreachable("the connection was not opened")
        return self._connection


def _connect(address: str, stack: ExitStack) -> ClientConnection:
    try:
        # No pings of our own: a policy server that computes answers none, and `answer_seconds` bounds the wait.
        opening = connect(
            address,
            compression=None,
            max_size=wire.MAX_MESSAGE,
            proxy=None,
            open_timeout=OPEN_SECONDS,
            close_timeout=2,
            ping_interval=None,
        )
        # Older versions of the library have connected by now, newer ones do here.
        return stack.enter_context(opening)
    except InvalidStatus as error:
        status = error.response.status_code
        said = " ".join((error.response.body or b"")[:300].decode(errors="replace").split())
        raise (Closed if 400 <= status < 500 else Unreachable)(f"answered {status}: {said}".rstrip(": ")) from error
    except InvalidURI as error:
        raise Closed("the address must look like ws://HOST:PORT/relay/TOKEN") from error
    except (InvalidHandshake, OSError, EOFError) as error:
        raise Unreachable(_why(error)) from error


def _resolution(size: Any) -> tuple[int, int]:
    if isinstance(size, list | tuple) and len(size) == 2 and all(type(n) is int and 8 <= n <= 4096 for n in size):
        return size[0], size[1]
    raise PolicyError("the policy asks for pictures of an impossible size")


def _why(error: Exception) -> str:
    return type(error).__name__
