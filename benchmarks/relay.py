"""What the relay adds to an inference: latency and CPU, against a direct connection, a byte copier and a plain relay.

`python -m benchmarks.relay`. The policy server, and each relay, is a process of its own. All of them take turns in
every round, so that whatever else the machine does falls on all alike.
"""

import argparse
import asyncio
import math
import multiprocessing
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import msgpack
import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from benchmarks.common import Comparison, less_is_better, report
from evaluations.relay.memory import keep_freed_memory
from evaluations.relay.routes import Measurement, Refusal, Route
from evaluations.relay.server import Relay

TOKEN = "benchmark-token-of-one-side"
HOST = "127.0.0.1"
OPEN: dict[str, Any] = {"compression": None, "max_size": None, "ping_interval": None, "write_limit": 2**24}
METADATA = {
    "image_resolution": [224, 224],
    "needs_wrist_camera": True,
    "n_external_cameras": 2,
    "needs_stereo_camera": False,
    "needs_session_id": True,
    "action_space": "joint_position",
}
Serving = Callable[[int], Awaitable[int]]
"""Starts a server in front of the policy server at a port; returns its own port."""


# --- Messages -------------------------------------------------------------------------------------------------------


def pack(value: object) -> bytes:
    packed: bytes = msgpack.packb(value, default=_pack_array)
    return packed


def unpack(frame: bytes) -> Any:
    return msgpack.unpackb(frame, object_hook=_unpack_array)


def _pack_array(value: Any) -> dict[bytes, Any]:
    return {b"__ndarray__": True, b"data": value.tobytes(), b"dtype": value.dtype.str, b"shape": value.shape}


def _unpack_array(value: dict[Any, Any]) -> Any:
    if b"__ndarray__" not in value:
        return value
    return np.frombuffer(value[b"data"], np.dtype(value[b"dtype"])).reshape(value[b"shape"])


def request(*, height: int, width: int, cameras: Sequence[str]) -> bytes:
    numbers = np.random.default_rng(0)
    return pack(
        {
            "observation/joint_position": numbers.random(7),
            "observation/cartesian_position": numbers.random(6),
            "observation/gripper_position": numbers.random(1),
            "prompt": "put the red cup on the shelf",
            **{
                f"observation/{camera}": numbers.integers(0, 256, (height, width, 3), dtype=np.uint8)
                for camera in cameras
            },
            "session_id": "session-A",
            "endpoint": "infer",
        }
    )


# --- The four ways to the policy server, one process each -----------------------------------------------------------


async def serve_policy(_: int) -> int:
    """Answers a fixed chunk at once: what is measured is the way, not the policy."""
    metadata, answer = pack(METADATA), pack({"actions": np.zeros((10, 8), np.float32)})

    async def policy(connection: ServerConnection) -> None:
        await connection.send(metadata)
        async for _ in connection:
            await connection.send(answer)

    server = await serve(policy, HOST, 0, **OPEN)
    return _port(server.sockets)


class CopyingEnd(asyncio.Protocol):
    """One end of a connection whose bytes are copied to the other: less than this no relay can do."""

    def __init__(self, other: "CopyingEnd | None" = None, policy_port: int = 0) -> None:
        self.other = other
        self.transport: asyncio.Transport | None = None
        self._policy_port = policy_port
        self._early: list[bytes] = []
        self._dialling: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if self.other is None:
            self._dialling = asyncio.get_running_loop().create_task(self._dial())

    async def _dial(self) -> None:
        loop = asyncio.get_running_loop()
        _, self.other = await loop.create_connection(lambda: CopyingEnd(self), HOST, self._policy_port)
        for data in self._early:
            self.data_received(data)

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self._early.append(data)
        elif self.other.transport is not None:
            self.other.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


async def serve_copier(policy_port: int) -> int:
    loop = asyncio.get_running_loop()
    return _port((await loop.create_server(lambda: CopyingEnd(policy_port=policy_port), HOST, 0)).sockets)


async def serve_plain(policy_port: int) -> int:
    """The relay that one would write first: every message decoded with msgpack-numpy and packed again, unchecked."""

    async def relay(client: ServerConnection) -> None:
        async with connect(f"ws://{HOST}:{policy_port}", proxy=None, **OPEN) as policy:
            await client.send(pack(unpack(await _bytes(policy))))
            async for frame in client:
                assert isinstance(frame, bytes)
                await policy.send(pack(unpack(frame)))
                await client.send(pack(unpack(await _bytes(policy))))

    return _port((await serve(relay, HOST, 0, **OPEN)).sockets)


async def serve_ours(policy_port: int) -> int:
    relay = Relay(directory=OneRoute(f"ws://{HOST}:{policy_port}"), allow_private=True)
    return await relay.start(host=HOST, port=0)


class OneRoute:
    """A directory of one side, which many connect to at a time."""

    def __init__(self, endpoint_url: str) -> None:
        self._endpoint_url = endpoint_url
        self._sides = iter(range(1_000_000))

    async def find(self, token: str) -> Route | Refusal:
        return Route(
            side_id=next(self._sides),
            endpoint_url=self._endpoint_url,
            wire_session_id="0f3c1d6e9a",
            instruction="put the red cup on the shelf",
            external_cameras=2,
            wrist_camera=True,
            simulated=False,
        )

    async def record(self, batch: Sequence[Measurement]) -> None:
        pass

    async def ended(self, side_ids: Collection[int]) -> set[int]:
        return set()


async def _bytes(connection: ClientConnection) -> bytes:
    frame = await connection.recv()
    assert isinstance(frame, bytes)
    return frame


def _port(sockets: Any) -> int:
    port: int = next(iter(sockets)).getsockname()[1]
    return port


# --- Processes ------------------------------------------------------------------------------------------------------


class Process:
    """A server in a process of its own, which tells its port and, when asked, the CPU time that it has used."""

    def __init__(self, serving: Serving, policy_port: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(serving, policy_port, theirs), daemon=True)
        self._process.start()
        self.port: int = self._pipe.recv()

    def cpu_s(self) -> float:
        self._pipe.send(None)
        used: float = self._pipe.recv()
        return used

    def stop(self) -> None:
        self._process.terminate()
        self._process.join()


def _run(serving: Serving, policy_port: int, pipe: Connection) -> None:
    async def main() -> None:
        pipe.send(await serving(policy_port))
        asyncio.get_running_loop().add_reader(pipe.fileno(), answer)
        await asyncio.Event().wait()

    def answer() -> None:
        pipe.recv()
        pipe.send(time.process_time())

    # As the relay does for itself. For all alike: without it a process is fast or slow by the luck of its heap.
    keep_freed_memory()
    asyncio.run(main())


@contextmanager
def processes() -> Iterator[Mapping[str, Process]]:
    policy = Process(serve_policy, 0)
    relays = {
        "floor": Process(serve_copier, policy.port),
        "plain": Process(serve_plain, policy.port),
        "ours": Process(serve_ours, policy.port),
    }
    try:
        yield {"direct": policy, **relays}
    finally:
        for process in (*relays.values(), policy):
            process.stop()


# --- Measuring ------------------------------------------------------------------------------------------------------


@dataclass
class Figures:
    """Of one way: per round, the median latency and the CPU time of its process for one inference."""

    p50_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Case:
    name: str
    message: bytes
    sessions: int
    infers: int
    """A session and a round."""


async def measure(case: Case, ways: Mapping[str, Process], *, rounds: int) -> dict[str, Figures]:
    figures = {name: Figures() for name in ways}
    clients = {name: [await _connected(way.port) for _ in range(case.sessions)] for name, way in ways.items()}
    for name in ways:
        await _round(clients[name], case)
    for turn in range(rounds):
        names = list(ways)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            before = ways[name].cpu_s()
            latencies = await _round(clients[name], case)
            figures[name].cpu_ms.append((ways[name].cpu_s() - before) * 1000 / len(latencies))
            figures[name].p50_ms.append(statistics.median(latencies))
    for connections in clients.values():
        await asyncio.gather(*(connection.close() for connection in connections))
    return figures


async def _connected(port: int) -> ClientConnection:
    connection = await connect(f"ws://{HOST}:{port}/relay/{TOKEN}", proxy=None, **OPEN)
    await connection.recv()
    return connection


async def _round(clients: Sequence[ClientConnection], case: Case) -> list[float]:
    found = await asyncio.gather(*(_session(client, case) for client in clients))
    return [latency for latencies in found for latency in latencies]


async def _session(client: ClientConnection, case: Case) -> list[float]:
    latencies = []
    for _ in range(case.infers):
        began = time.perf_counter()
        await client.send(case.message)
        answer = await client.recv()
        latencies.append((time.perf_counter() - began) * 1000)
        if isinstance(answer, str):
            raise ConnectionClosed(None, None) from RuntimeError(answer)
    return latencies


def added_ms(figures: Mapping[str, Figures], way: str) -> float:
    """The median over the rounds of what the way took longer than the direct connection in the same round."""
    pairs = zip(figures[way].p50_ms, figures["direct"].p50_ms, strict=True)
    # Where the machine's noise is larger than the difference it may come out as nothing or less.
    return max(statistics.median(long - short for long, short in pairs), 0.001)


def compared(case: Case, figures: Mapping[str, Figures], *, with_goals: bool) -> Iterator[Comparison]:
    ours, floor, plain = (added_ms(figures, way) for way in ("ours", "floor", "plain"))
    added = "p50 added, ms"
    yield less_is_better(case=case.name, metric=added, peer="byte copier (floor)", ours=ours, theirs=floor)
    if with_goals:
        yield less_is_better(case=case.name, metric=added, peer="3 x floor", ours=ours, theirs=3 * floor, goal=1)
        yield less_is_better(case=case.name, metric=added, peer="1 ms", ours=ours, theirs=1, goal=1)
    yield less_is_better(case=case.name, metric=added, peer="plain relay", ours=ours, theirs=plain)
    cpu = {way: statistics.median(figures[way].cpu_ms) for way in ("ours", "floor", "plain")}
    for way, peer in (("floor", "byte copier (floor)"), ("plain", "plain relay")):
        yield less_is_better(
            case=case.name, metric="CPU of an inference, ms", peer=peer, ours=cpu["ours"], theirs=cpu[way]
        )


def cases(*, infers: int) -> Iterator[Case]:
    small = request(height=224, width=224, cameras=("exterior_image_1_left", "wrist_image_left"))
    large = request(
        height=288, width=512, cameras=("exterior_image_1_left", "exterior_image_2_left", "wrist_image_left")
    )
    for size, message in (("302 kB", small), ("1.33 MB", large)):
        for sessions in (1, 16):
            name = f"{size}, {sessions} session{'s' if sessions > 1 else ''}"
            yield Case(name=name, message=message, sessions=sessions, infers=math.ceil(infers / sessions))


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=80)
    arguments.add_argument("--infers", type=int, default=32, help="in a round, over all sessions")
    given = arguments.parse_args()
    comparisons: list[Comparison] = []
    keep_freed_memory()
    with processes() as ways:
        for number, case in enumerate(cases(infers=given.infers)):
            figures = asyncio.run(measure(case, ways, rounds=given.rounds))
            direct = statistics.median(figures["direct"].p50_ms)
            print(f"{case.name}: {len(case.message):,} bytes; direct p50 {direct:.3f} ms", flush=True)
            comparisons += compared(case, figures, with_goals=number == 0)
    return report("relay", comparisons)


if __name__ == "__main__":
    sys.exit(main())
