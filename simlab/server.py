"""Policy servers of the RoboArena protocol, one port a policy, all in one process.

The server speaks first: one frame of metadata. Then each request has one answer: `infer` an action, `reset` a word. An
error is answered with its traceback and the end of the connection, as the public policy servers do.
"""

from __future__ import annotations

import asyncio
import signal
import traceback
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from arena_client import wire
from simlab.policies import Actor, Policy
from simlab.scene import STATE_SIZE

if TYPE_CHECKING:
    from simlab.scene import Floats

METADATA = {
    "image_resolution": [224, 224],
    "needs_wrist_camera": True,
    "n_external_cameras": 1,
    "needs_stereo_camera": False,
    "needs_session_id": True,
    "action_space": "cartesian_velocity",
}
STATE_KEY = "observation/sim_state"
"""The privileged key: the simulator's own state. Real policies see images; these do not look at them."""
RESET_ANSWER = "reset successful"
MAX_EPISODES = 64
"""Episodes that one connection may have open at once; the oldest is forgotten first."""


class Episodes:
    """The open episodes of one connection by their wire session id. They end by reset, or with the connection."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._actors: dict[str, Actor] = {}

    def infer(self, request: dict[Any, Any]) -> dict[str, Any]:
        state, session = _state(request), _session(request)
        if session not in self._actors:
            if len(self._actors) == MAX_EPISODES:
                del self._actors[next(iter(self._actors))]
            self._actors[session] = self._policy.start(instruction=_prompt(request), state=state)
        return {"actions": self._actors[session].act(state)[None, :].astype(np.float32)}

    def reset(self, request: dict[Any, Any]) -> None:
        self._actors.pop(_session(request), None)


def _session(request: dict[Any, Any]) -> str:
    session = request["session_id"]
    if not isinstance(session, str):
        raise wire.WireError("session_id must be text")
    return session


def _prompt(request: dict[Any, Any]) -> str:
    prompt = request["prompt"]
    if not isinstance(prompt, str):
        raise wire.WireError("prompt must be text")
    return prompt


def _state(request: dict[Any, Any]) -> Floats:
    state = request[STATE_KEY]
    if not isinstance(state, np.ndarray) or state.shape != (STATE_SIZE,) or not np.isfinite(state).all():
        raise wire.WireError(f"{STATE_KEY} must be {STATE_SIZE} finite numbers")
    return state.astype(np.float64)


def answer(episodes: Episodes, frame: str | bytes) -> str | bytes:
    """The answer to one request."""
    request = wire.unpack(frame) if isinstance(frame, bytes) else None
    if not isinstance(request, dict):
        raise wire.WireError("a request must be a msgpack map in a binary frame")
    if request["endpoint"] == "reset":
        episodes.reset(request)
        return RESET_ANSWER
    return wire.pack(episodes.infer(request))


async def _converse(policy: Policy, connection: ServerConnection) -> None:
    episodes = Episodes(policy)
    try:
        await connection.send(wire.pack(METADATA))
        async for frame in connection:
            try:
                reply = answer(episodes, frame)
            except Exception:
                # Whatever goes wrong, the protocol wants the traceback and the end of the connection.
                await connection.send(traceback.format_exc())
                await connection.close(1011, "Internal server error. Traceback included in previous frame.")
                return
            await connection.send(reply)
    except ConnectionClosed:
        return


@dataclass(frozen=True)
class Served:
    """A policy and where it is served."""

    policy: Policy
    endpoint: str

    def row(self) -> dict[str, str]:
        policy = self.policy
        return {
            "name": policy.name,
            "version": policy.version,
            "endpoint": self.endpoint,
            "description": policy.description,
        }


@asynccontextmanager
async def serving(*, policies: Sequence[Policy], host: str, first_port: int) -> AsyncIterator[list[Served]]:
    """Serve the policies on consecutive ports, or on free ones when first_port is 0."""
    async with AsyncExitStack() as stack:
        served = []
        for number, policy in enumerate(policies):
            port = first_port + number if first_port else 0
            handler = partial(_converse, policy)
            listener = serve(handler, host, port, compression=None, max_size=wire.MAX_MESSAGE)
            server = await stack.enter_async_context(listener)
            served.append(Served(policy, f"ws://{_authority(host)}:{server.sockets[0].getsockname()[1]}"))
        yield served


def _authority(host: str) -> str:
    return f"[{host}]" if ":" in host else host


async def stopped_by_signal() -> None:
    """Return when the process is asked to end."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
