"""The relay's own receiving and sending of large frames against the library's, however the bytes arrive."""

import asyncio
import contextlib
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode, Frame, Opcode
from websockets.uri import parse_uri

from evaluations.relay.frames import RelayClientConnection, RelayServerConnection

LARGE = 1 << 16
sizes = st.sampled_from([0, 1, 125, 126, 127, 65_535, LARGE, LARGE + 1, 100_003, 1 << 20, (1 << 20) + 20_000])
binary = sizes.map(lambda size: ("binary", size))
frames = st.one_of(
    binary,
    sizes.map(lambda size: ("fragments", size)),
    st.just(("ping", 4)),
    st.just(("pong", 0)),
    st.just(("text", 300)),
)
pieces = st.lists(st.sampled_from([1, 2, 5, 13, 14, 15, 80, 65_536, 300_000, 2_000_000]), min_size=1, max_size=4)


def payload(size: int) -> bytes:
    return bytes(itertools.islice(itertools.cycle(range(251)), size))


def sent_by(kind: str, size: int) -> tuple[list[Frame], bytes | str | None]:
    """The frames, and the message that comes of them."""
    data = payload(size)
    if kind == "binary":
        return [Frame(Opcode.BINARY, data)], data
    if kind == "text":
        return [Frame(Opcode.TEXT, b"x" * size)], "x" * size
    if kind == "fragments":
        middle = size // 2
        return [Frame(Opcode.BINARY, data[:middle], fin=False), Frame(Opcode.CONT, data[middle:])], data
    return [Frame(Opcode.PING if kind == "ping" else Opcode.PONG, data)], None


async def received(frames: Sequence[tuple[str, int]], cuts: Sequence[int], *, max_size: int) -> list[bytes | str]:
    """What a relay's end makes of frames whose bytes arrive in such pieces."""
    messages: list[bytes | str] = []

    async def collect(connection: ServerConnection) -> None:
        async for message in connection:
            messages.append(message)

    options: dict[str, Any] = {"create_connection": RelayServerConnection, "compression": None}
    async with serve(collect, "127.0.0.1", 0, max_size=max_size, ping_interval=None, **options) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        protocol = ClientProtocol(parse_uri("ws://relay.example"))
        protocol.send_request(protocol.connect())
        writer.write(b"".join(protocol.data_to_send()))
        await reader.readuntil(b"\r\n\r\n")
        closing = Frame(Opcode.CLOSE, b"\x03\xe8")
        sent = [frame for kind, size in frames for frame in sent_by(kind, size)[0]]
        data = b"".join(frame.serialize(mask=True) for frame in [*sent, closing])
        for piece in cut(data, cuts):
            writer.write(piece)
            await writer.drain()
            # Let the server read this piece by itself.
            await asyncio.sleep(0)
        await reader.read()
        writer.close()
        await writer.wait_closed()
    return messages


def cut(data: bytes, cuts: Sequence[int]) -> Iterator[bytes]:
    start = 0
    # Beyond this number the rest goes at once: a piece a byte would take minutes.
    for length in itertools.islice(itertools.cycle(cuts), 200):
        if start < len(data):
            yield data[start : start + length]
        start += length
    yield data[start:]


@settings(deadline=None, max_examples=40)
@given(st.lists(frames, max_size=5), pieces)
def test_every_message_arrives_however_its_bytes_do(sent: list[tuple[str, int]], cuts: list[int]) -> None:
    expected = [message for kind, size in sent if (message := sent_by(kind, size)[1]) is not None]
    assert asyncio.run(received(sent, cuts, max_size=4 << 20)) == expected


@pytest.mark.parametrize("cuts", [[5_000_000], [14], [100_000]])
def test_a_large_frame_beyond_the_limit_is_refused_by_the_library(cuts: list[int]) -> None:
    assert asyncio.run(received([("binary", LARGE), ("binary", 200_000)], cuts, max_size=150_000)) == [payload(LARGE)]


def test_a_large_frame_inside_a_fragmented_message_is_refused_by_the_library() -> None:
    async def read(connection: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            await connection.recv()

    async def scenario() -> int | None:
        options: dict[str, Any] = {"create_connection": RelayServerConnection, "compression": None}
        async with serve(read, "127.0.0.1", 0, **options) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            async with connect(f"ws://127.0.0.1:{port}", proxy=None, compression=None) as connection:
                for frame in (Frame(Opcode.BINARY, b"x", fin=False), Frame(Opcode.BINARY, payload(LARGE))):
                    connection.transport.write(frame.serialize(mask=True))
                await connection.wait_closed()
                return connection.close_code

    assert asyncio.run(scenario()) == CloseCode.PROTOCOL_ERROR


def test_large_frames_do_not_pass_through_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a new version of it were to change what this rests on, all would still work, but slowly."""
    passed = 0
    data_received = RelayServerConnection.data_received

    def counting(self: RelayServerConnection, data: bytes) -> None:
        nonlocal passed
        passed += len(data)
        data_received(self, data)

    monkeypatch.setattr(RelayServerConnection, "data_received", counting)
    sent = [("binary", 300_000), ("pong", 0), ("binary", 2_000_000), ("binary", 300_000)]
    messages = asyncio.run(received(sent, [300_014, 6, 1_000_000, 1_000_014, 300_014, 8], max_size=4 << 20))
    assert [len(message) for message in messages] == [300_000, 2_000_000, 300_000]
    assert passed < 1000


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.binary(max_size=50) | sizes.map(payload), max_size=4), min_size=1, max_size=4))
def test_every_message_is_sent_as_the_library_would(messages: list[list[bytes]]) -> None:
    async def scenario() -> list[bytes | str]:
        got: list[bytes | str] = []

        async def collect(connection: ServerConnection) -> None:
            async for message in connection:
                got.append(message)

        async with serve(collect, "127.0.0.1", 0, max_size=None, compression=None) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            options: dict[str, Any] = {"create_connection": RelayClientConnection, "compression": None, "proxy": None}
            async with connect(f"ws://127.0.0.1:{port}", **options) as connection:
                assert isinstance(connection, RelayClientConnection)
                for parts in messages:
                    connection.send_at_once([memoryview(part) for part in parts])
        return got

    assert asyncio.run(scenario()) == [b"".join(parts) for parts in messages]


def test_nothing_is_sent_on_a_closed_connection() -> None:
    async def scenario() -> None:
        async with serve(ServerConnection.wait_closed, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            options: dict[str, Any] = {"create_connection": RelayClientConnection, "compression": None, "proxy": None}
            connection = await connect(f"ws://127.0.0.1:{port}", **options)
            await connection.close()
            assert isinstance(connection, RelayClientConnection)
            connection.send_at_once([payload(LARGE)])
            with pytest.raises(ConnectionClosed):
                await connection.recv()

    asyncio.run(scenario())
