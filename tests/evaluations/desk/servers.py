"""Policy servers on this machine, each wrong in a way of its own."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from tests.evaluations.relay import openpi


@dataclass
class Server:
    """A RoboArena policy server: metadata first, then an answer to each request; a traceback and 1011 on an error."""

    metadata: Any = field(default_factory=lambda: dict(openpi.METADATA))
    width: int = 8
    dtype: str = "<f4"
    value: float = 0.25
    wait_s: float = 0.0
    infers: int = 10**9
    """It breaks off after so many."""
    resets: bool = True
    connections: int = 10**9
    dies_of_errors: bool = False
    seen: list[dict[str, Any]] = field(default_factory=list)
    _open: int = 0
    _dead: bool = False

    @contextmanager
    def running(self) -> Iterator[str]:
        with serve(self._serve, "127.0.0.1", 0, compression=None, max_size=None) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
            finally:
                server.shutdown()
                thread.join()

    def _serve(self, connection: ServerConnection) -> None:
        self._open += 1
        try:
            if self._open > self.connections or self._dead:
                connection.close(1013)
                return
            greeting = self.metadata
            connection.send(greeting if isinstance(greeting, str | bytes) else openpi.pack(greeting))
            for message in connection:
                self._answer(connection, openpi.unpack(message))
        except ConnectionClosed:
            pass
        finally:
            self._open -= 1

    def _answer(self, connection: ServerConnection, request: dict[str, Any]) -> None:
        self.seen.append(request)
        if request["endpoint"] == "reset":
            if self.resets:
                connection.send("reset successful")
            else:
                connection.close(1011)
            return
        if "observation/joint_position" not in request:
            self._dead = self.dies_of_errors
            connection.send(
                "Traceback (most recent call last):\n  in /home/alice\nKeyError: 'observation/joint_position'"
            )
            connection.close(1011)
            return
        if len([one for one in self.seen if one["endpoint"] == "infer"]) > self.infers:
            connection.send("Traceback (most recent call last):\n  in /home/alice\nRuntimeError: out of memory")
            connection.close(1011)
            return
        time.sleep(self.wait_s)
        connection.send(openpi.pack({"actions": np.full((10, self.width), self.value, dtype=self.dtype)}))
