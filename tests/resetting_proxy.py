"""A TCP proxy that loses connections as bad networks do: in the middle, and without a word or with a reset."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator

_RESET_AT_CLOSE = struct.pack("ii", 1, 0)


class ResettingProxy:
    """Passes bytes between clients and `target`.

    `break_after(n)` breaks all connections once n bytes more have gone to the server. While `down` is set no connection
    is taken: each is reset at once. `bytes_per_s` makes it a slow line.
    """

    def __init__(self, target: tuple[str, int], *, bytes_per_s: float | None = None) -> None:
        self._target = target
        self._bytes_per_s = bytes_per_s
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._budget: int | None = None
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self.down = threading.Event()
        self.broken = 0
        self.was_broken = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def break_after(self, sent: int) -> None:
        with self._lock:
            self._budget = sent
        self.was_broken.clear()

    def break_all(self) -> None:
        with self._lock:
            found, self._open = self._open, set()
        for side in found:
            reset(side)
        self.broken += 1
        self.was_broken.set()

    def close(self) -> None:
        self._listener.close()
        self.break_all()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.down.is_set():
                reset(client)
                continue
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._target)
        except OSError:
            reset(client)
            return
        with self._lock:
            self._open |= {client, server}
        back = threading.Thread(target=self._pass, args=(server, client, False), daemon=True)
        back.start()
        self._pass(client, server, True)
        back.join()
        with self._lock:
            self._open -= {client, server}
        client.close()
        server.close()

    def _pass(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        try:
            while data := source.recv(32 * 1024):
                target.sendall(data)
                if counted and self._bytes_per_s:
                    time.sleep(len(data) / self._bytes_per_s)
                if counted and self._is_used_up(len(data)):
                    self.break_all()
                    return
        except OSError:
            pass
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _is_used_up(self, sent: int) -> bool:
        with self._lock:
            if self._budget is None:
                return False
            self._budget -= sent
            if self._budget > 0:
                return False
            self._budget = None
            return True


def reset(side: socket.socket) -> None:
    """Close with RST rather than FIN, as after a crash: what is on its way is thrown away."""
    with contextlib.suppress(OSError):
        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
    with contextlib.suppress(OSError):
        side.shutdown(socket.SHUT_RD)  # wakes who reads from it
    side.close()


@contextlib.contextmanager
def resetting_proxy(target: tuple[str, int], *, bytes_per_s: float | None = None) -> Iterator[ResettingProxy]:
    proxy = ResettingProxy(target, bytes_per_s=bytes_per_s)
    try:
        yield proxy
    finally:
        proxy.close()
