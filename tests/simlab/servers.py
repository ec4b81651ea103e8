"""Real policy servers on free ports, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from queue import SimpleQueue
from threading import Thread

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from arena_client import wire
from simlab.policies import POLICIES
from simlab.scene import Floats
from simlab.server import METADATA, STATE_KEY, Episodes, answer, serving

Opened = Callable[[list[str]], Awaitable[None]]


@contextmanager
def policy_servers(*names: str) -> Iterator[list[str]]:
    """The endpoints at which these policies are served."""

    async def run(opened: Opened) -> None:
        async with serving(policies=[POLICIES[name] for name in names], host="127.0.0.1", first_port=0) as served:
            await opened([one.endpoint for one in served])

    with _in_background(run) as endpoints:
        yield endpoints


@contextmanager
def handler_at(converse: Callable[[ServerConnection], Awaitable[None]]) -> Iterator[str]:
    """The endpoint at which this handler answers."""

    async def run(opened: Opened) -> None:
        async with serve(converse, "127.0.0.1", 0) as server:
            await opened([f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"])

    with _in_background(run) as endpoints:
        yield endpoints[0]


class Fault(Enum):
    BREAKS_OFF = "hangs up after two answers, as a relay does that is killed"
    ERROR = "answers the second request with a traceback"


@dataclass
class FaultyServer:
    """The expert's server with troubles: each refusal or fault spoils one connection, later ones are served well."""

    refusals: list[int] = field(default_factory=list)
    """Statuses with which handshakes are answered."""
    faults: list[Fault] = field(default_factory=list)
    episodes: list[list[Floats]] = field(default_factory=list)
    """The states that each connection was shown."""
    metadata: dict[str, object] = field(default_factory=lambda: dict(METADATA))

    @contextmanager
    def running(self) -> Iterator[str]:
        with _in_background(self._serve) as endpoints:
            yield endpoints[0]

    async def _serve(self, opened: Opened) -> None:
        async with serve(self._converse, "127.0.0.1", 0, process_request=self._admit) as server:
            await opened([f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"])

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        return connection.respond(self.refusals.pop(0), "no\n") if self.refusals else None

    async def _converse(self, connection: ServerConnection) -> None:
        fault = self.faults.pop(0) if self.faults else None
        states: list[Floats] = []
        self.episodes.append(states)
        expert = Episodes(POLICIES["expert"])
        await connection.send(wire.pack(self.metadata))
        async for frame in connection:
            assert isinstance(frame, bytes)
            states.append(wire.unpack(frame).get(STATE_KEY))
            if fault is Fault.ERROR and len(states) == 2:
                await connection.send("Traceback: no")
                await connection.close(1011)
                return
            await connection.send(answer(expert, frame))
            if fault is Fault.BREAKS_OFF and len(states) == 2:
                connection.transport.abort()
                return


@contextmanager
def _in_background(run: Callable[[Opened], Awaitable[None]]) -> Iterator[list[str]]:
    answers: SimpleQueue[tuple[list[str], asyncio.AbstractEventLoop, asyncio.Event]] = SimpleQueue()

    async def main() -> None:
        stop = asyncio.Event()

        async def opened(endpoints: list[str]) -> None:
            answers.put((endpoints, asyncio.get_running_loop(), stop))
            await stop.wait()

        await run(opened)

    thread = Thread(target=lambda: asyncio.run(main()))
    thread.start()
    endpoints, loop, stop = answers.get(timeout=10)
    try:
        yield endpoints
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
