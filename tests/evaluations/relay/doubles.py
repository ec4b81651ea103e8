"""What stands around the relay in its tests: a platform in memory, and policy servers that follow a script."""

import asyncio
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import ServerConnection, serve

from evaluations.relay.addresses import Resolver
from evaluations.relay.limits import Limits
from evaluations.relay.routes import Measurement, Refusal, Route
from evaluations.relay.server import Relay
from tests.evaluations.relay import openpi

TOKEN = "token-of-side-one-0123456789"
OTHER_TOKEN = "token-of-side-two-0123456789"
WIRE_SESSION = "5f3a9c0e7d"
INSTRUCTION = "put the red cup on the shelf"
PROMPTLY = 5
"""Seconds within which what must happen has happened, on a busy machine."""


def route(endpoint_url: str, **changed: Any) -> Route:
    fields: dict[str, Any] = {
        "side_id": 1,
        "endpoint_url": endpoint_url,
        "wire_session_id": WIRE_SESSION,
        "instruction": INSTRUCTION,
        "external_cameras": 1,
        "wrist_camera": True,
        "simulated": False,
    }
    return Route(**fields | changed)


class Platform:
    """A directory in memory, whose calls can be made to fail."""

    def __init__(self) -> None:
        self.routes: dict[str, Route | Refusal] = {}
        self.ended_sides: set[int] = set()
        self.broken = False
        self.batches: list[Sequence[Measurement]] = []
        self._changed = threading.Condition()
        self._rows: dict[str, dict[str, Any]] = {}

    async def find(self, token: str) -> Route | Refusal:
        self._answers()
        return self.routes.get(token, Refusal.UNKNOWN_TOKEN)

    async def record(self, batch: Sequence[Measurement]) -> None:
        self._answers()
        with self._changed:
            self.batches.append(batch)
            for one in batch:
                before = self._rows.get(one.connection_id, {}).get("latencies_ms", [])
                row = asdict(one) | {"latencies_ms": [*before[: one.latencies_from], *one.latencies_ms]}
                self._rows[one.connection_id] = row
            self._changed.notify_all()

    async def ended(self, side_ids: Collection[int]) -> set[int]:
        self._answers()
        return self.ended_sides & set(side_ids)

    def _answers(self) -> None:
        if self.broken:
            raise ConnectionError("the database is away")

    def wait_for(self, holds: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """The stored rows, once they are so."""
        with self._changed:
            assert self._changed.wait_for(lambda: holds(self.rows), PROMPTLY), self.rows
            return self.rows

    @property
    def rows(self) -> list[dict[str, Any]]:
        return list(self._rows.values())

    def closed_row(self) -> dict[str, Any]:
        """The one connection, once it is recorded as closed."""
        (row,) = self.wait_for(lambda rows: bool(rows) and all(row["closed_at"] for row in rows))
        return row


Script = Callable[[ServerConnection, dict[str, Any]], None]


def answer_chunk(connection: ServerConnection, request: dict[str, Any]) -> None:
    connection.send(openpi.pack({"actions": openpi.chunk()}))


def answer(frame: bytes | str | Any) -> Script:
    """A script that gives every inference this answer."""
    return lambda connection, _: connection.send(frame if isinstance(frame, bytes | str) else openpi.pack(frame))


@dataclass
class PolicyServer:
    """What the public policy servers do: metadata first, then an answer a request."""

    metadata: bytes | str = field(default_factory=lambda: openpi.pack(openpi.METADATA))
    script: Script = answer_chunk
    requests: list[dict[str, Any]] = field(default_factory=list)
    connections: list[ServerConnection] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def handle(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        try:
            connection.send(self.metadata)
            for frame in connection:
                request = openpi.unpack(frame)
                self.requests.append(request)
                if request["endpoint"] == "reset":
                    connection.send("reset successful")
                else:
                    self.script(connection, request)
        except ConnectionClosed:
            return

    @contextmanager
    def running(self, **options: Any) -> Iterator["PolicyServer"]:
        with serve(self.handle, "127.0.0.1", 0, compression=None, max_size=None, **options) as server:
            self.port = server.socket.getsockname()[1]
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                for connection in self.connections:
                    connection.close()
                thread.join()


class RunningRelay:
    """A relay in a thread of its own."""

    def __init__(self, platform: Platform, *, limits: Limits, allow_private: bool, resolver: Resolver) -> None:
        self._platform = platform
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.port: int = 0
        self._relay = self._run(self._start(limits, allow_private, resolver))

    async def _start(self, limits: Limits, allow_private: bool, resolver: Resolver) -> Relay:
        relay = Relay(directory=self._platform, allow_private=allow_private, limits=limits, resolver=resolver)
        self.port = await relay.start(host="127.0.0.1", port=0)
        return relay

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PROMPTLY * 2)

    def stop(self) -> None:
        if self._loop.is_closed():
            return
        self._run(self._relay.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def address(self, token: str = TOKEN) -> str:
        return f"ws://127.0.0.1:{self.port}/relay/{token}"

    def connect(self, token: str = TOKEN, **options: Any) -> ClientConnection:
        """As client 1.5 connects."""
        return connect(self.address(token), **{"compression": None, "max_size": None, "proxy": None} | options)


def quick(**changed: Any) -> Limits:
    """Limits of a relay that writes at once."""
    return Limits(**{"flush_every_s": 0.02, "close_s": 0.2} | changed)
