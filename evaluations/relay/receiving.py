"""Large frames, received into place.

The library copies what arrives three times before it takes the mask off: harmless for a chat, but an observation is
hundreds of kilobytes of images. Here the payload of a large frame goes from the socket to where the mask is taken off.
Everything else (handshake, small frames, fragments, control frames, whatever is odd) is the library's, as ever.
"""

import asyncio
import struct
from typing import Any

import numpy as np
from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.speedups import apply_mask

# A client's final binary frame whose length takes eight bytes: two fixed bytes, the length, the mask.
_LARGE = b"\x82\xff"
_HEAD = struct.Struct("!2sQ4s")
# A small frame: its length is in the second byte, and the mask follows.
_SMALL_HEAD = 6
_SMALL_MOST = 125

# One for all connections: the event loop fills it and hands it over before it turns to the next connection.
_scratch = bytearray(64 * 1024)
_scratch_view = memoryview(_scratch)


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
            self._received(nbytes)
        elif self._aligned and self._begin(nbytes):
            self._received(0)
        else:
            self._aligned = self._stays_aligned(nbytes)
            self.data_received(bytes(_scratch_view[:nbytes]))

    def _begin(self, nbytes: int) -> bool:
        """Does a large frame begin, of which more is to come? Its head is read then, and its beginning taken over."""
        if nbytes < _HEAD.size or not _scratch.startswith(_LARGE) or self.protocol.state is not State.OPEN:
            return False
        _, length, mask = _HEAD.unpack_from(_scratch)
        begun = nbytes - _HEAD.size
        if length <= begun or length > (self.protocol.max_message_size or 0):
            return False
        # NumPy gives memory without clearing it first.
        self._mask, self._payload = mask, np.empty(length, np.uint8).data
        self._payload[:begun] = _scratch_view[_HEAD.size : nbytes]
        self._missing = self._payload[begun:]
        return True

    def _received(self, nbytes: int) -> None:
        self._missing = self._missing[nbytes:]
        if not self._missing and self._payload is not None:
            payload, self._payload = self._payload, None
            self.recv_messages.put(Frame(Opcode.BINARY, apply_mask(payload, self._mask)))

    def _stays_aligned(self, nbytes: int) -> bool:
        """After a request that the client must wait after, and after one whole small frame."""
        if self.protocol.state is State.CONNECTING:
            return _scratch.endswith(b"\r\n\r\n", 0, nbytes)
        length = _scratch[1] & 0x7F
        return self._aligned and nbytes == _SMALL_HEAD + length and length <= _SMALL_MOST
