"""A network that breaks: passes connections on to a server, and resets some of them in the middle."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread
from urllib.parse import urlsplit


@dataclass
class CuttingNetwork:
    """`up` and `down` hold, for the next connections, how many bytes of a direction pass before it is reset.

    None lets a connection live.
    """

    target: tuple[str, int]
    up: list[int | None] = field(default_factory=list)
    down: list[int | None] = field(default_factory=list)
    passed_up: int = 0
    connections: int = 0
    url: str = ""

    def _serve(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                self.connections += 1
                cut_up = self.up.pop(0) if self.up else None
                cut_down = self.down.pop(0) if self.down else None
                far = socket.create_connection(self.target)
                Thread(target=self._pass, args=(near, far, cut_up, True), daemon=True).start()
                Thread(target=self._pass, args=(far, near, cut_down, False), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, left: int | None, is_up: bool) -> None:
        with suppress(OSError):
            while left is None or left > 0:
                data = source.recv(65536 if left is None else min(left, 65536))
                if not data:
                    break
                sink.sendall(data)
                self.passed_up += len(data) if is_up else 0
                left = None if left is None else left - len(data)
        for end in (source, sink):
            with suppress(OSError):
                if left == 0:  # a reset, not an orderly end
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)
                end.close()


@contextmanager
def cutting_network(url: str) -> Iterator[CuttingNetwork]:
    parts = urlsplit(url)
    network = CuttingNetwork((parts.hostname or "", parts.port or 80))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        network.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = Thread(target=network._serve, args=(listener,))
        thread.start()
        try:
            yield network
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            thread.join()
