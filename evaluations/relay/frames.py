"""Large frames with few copies.

The library copies what arrives three times before it takes the mask off, and what goes out three times more: harmless
for a chat, but an observation is hundreds of kilobytes of images. Here the payload of a large frame goes from the
socket to where the mask is taken off, and the parts of a new one to where the mask is put on. Everything else
(handshake, small frames, fragments, control frames, whatever is odd) is the library's, as ever.
"""

import asyncio
import secrets
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.connection import broadcast
from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.speedups import apply_mask

Parts = Sequence[bytes | memoryview]

# A client's final binary frame whose length takes eight bytes: two fixed bytes, the length, the mask.
_LARGE = b"\x82\xff"
_HEAD = struct.Struct("!2sQ4s")
_LARGE_LEAST = 1 << 16
# A frame's second byte holds its length, or says how many bytes after it do.
_MASK_SIZE = 4
_HEAD_SIZES = {126: 2 + 2 + _MASK_SIZE, 127: 2 + 8 + _MASK_SIZE}

# The mask is put on eight bytes at a time: the payload must begin at such a word, and end with one.
_WORD = 8
_ALIGNING = bytes(-_HEAD.size % _WORD)

# One for all connections: the event loop fills it and hands it over before it turns to the next connection.
# Most observations fit, and are there at once when the loop gets to them.
_scratch = bytearray(1024 * 1024)
_scratch_view = memoryview(_scratch)


class RelayClientConnection(ClientConnection):
    """A client's end of a connection that sends large frames faster."""

    @property
    def has_unread(self) -> bool:
        return bool(len(self.recv_messages.frames))

    def send_at_once(self, parts: Parts) -> None:
        """Send one frame without waiting: for where no more than one can be under way."""
        length = sum(map(len, parts))
        if length < _LARGE_LEAST:
            broadcast((self,), b"".join(parts))
        elif self.protocol.state is State.OPEN:
            self.transport.write(_masked_frame(parts, length))


def _masked_frame(parts: Parts, length: int) -> memoryview:
    mask = secrets.token_bytes(4)
    frame = bytearray().join((_ALIGNING, _HEAD.pack(_LARGE, length, mask), *parts, bytes(-length % _WORD)))
    payload = np.frombuffer(frame, np.uint64)[(len(_ALIGNING) + _HEAD.size) // _WORD :]
    np.bitwise_xor(payload, np.frombuffer(mask * 2, np.uint64), out=payload)
    return memoryview(frame)[len(_ALIGNING) : len(_ALIGNING) + _HEAD.size + length]


class RelayServerConnection(ServerConnection, asyncio.BufferedProtocol):
    """A server's end of a connection that receives large frames faster."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Is the next byte the first of a frame? Where that is not certain the library goes on alone.
        self._aligned = False
        self._mask = b""
        self._payload: memoryview | None = None
        self._missing = memoryview(b"")

    def get_buffer(self, sizehint: int) -> memoryview:
        return _scratch_view if self._payload is None else self._missing

    def buffer_updated(self, nbytes: int) -> None:
        if self._payload is not None:
            self._continue(nbytes)
            return
        start = 0
        while self._aligned and start < nbytes:
            taken = self._take_large(start, nbytes) or self._pass_whole(start, nbytes)
            if not taken:
                break
            start += taken
        if start < nbytes:
            # A client sends its first frame when it has read the answer to its handshake.
            self._aligned = self.protocol.state is State.CONNECTING and _scratch.endswith(b"\r\n\r\n", 0, nbytes)
            self.data_received(bytes(_scratch_view[start:nbytes]))

    def _take_large(self, start: int, end: int) -> int:
        """How many bytes are a large frame, or its beginning; 0 where something else stands here."""
        if end - start < _HEAD.size or not _scratch.startswith(_LARGE, start):
            return 0
        _, length, mask = _HEAD.unpack_from(_scratch, start)
        if length > (self.protocol.max_message_size or 0) or not self._expects_message():
            return 0
        come = _scratch_view[start + _HEAD.size : min(end, start + _HEAD.size + length)]
        if len(come) == length:
            self._deliver(come, mask)
        else:
            # NumPy gives memory without clearing it first.
            self._payload, self._mask = np.empty(length, np.uint8).data, mask
            self._payload[: len(come)] = come
            self._missing = self._payload[len(come) :]
        return _HEAD.size + len(come)

    def _expects_message(self) -> bool:
        """Not while a fragmented message is under way, or the connection is closing."""
        return self.protocol.state is State.OPEN and self.protocol.current_size is None

    def _pass_whole(self, start: int, end: int) -> int:
        """How many bytes are a frame, which is passed on; 0 where it is not complete."""
        length = _frame_length(start, end)
        if length > end - start:
            return 0
        self.data_received(bytes(_scratch_view[start : start + length]))
        return length

    def _continue(self, nbytes: int) -> None:
        self._missing = self._missing[nbytes:]
        if not self._missing and self._payload is not None:
            payload, self._payload = self._payload, None
            self._deliver(payload, self._mask)

    def _deliver(self, payload: memoryview, mask: bytes) -> None:
        self.recv_messages.put(Frame(Opcode.BINARY, apply_mask(payload, mask)))


def _frame_length(start: int, end: int) -> int:
    """Of the frame that begins here, with its head; more than there is where the head is not complete."""
    if end - start < 2:
        return 2
    short = _scratch[start + 1] & 0x7F
    head = _HEAD_SIZES.get(short, 2 + _MASK_SIZE)
    if end - start < head:
        return head
    return head + (int.from_bytes(_scratch[start + 2 : start + head - _MASK_SIZE]) if short in _HEAD_SIZES else short)
