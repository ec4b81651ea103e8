"""Small policy servers over real websockets, whose answers and troubles a test chooses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from arena_client import wire

METADATA: dict[str, Any] = {
    "image_resolution": [64, 64],
    "needs_wrist_camera": True,
    "n_external_cameras": 1,
    "needs_stereo_camera": False,
    "needs_session_id": True,
    "action_space": "joint_position",
}


@dataclass
class PolicyServer:
    """Answers with `answers` in turn, the last of them for ever; text and bytes are sent as they are."""

    metadata: Any = field(default_factory=lambda: dict(METADATA))
    answers: list[Any] = field(default_factory=lambda: [{"actions": np.zeros((4, 8), np.float32)}])
    refusals: list[int] = field(default_factory=list)
    """Statuses with which handshakes are answered."""
    breaks_after: list[int] = field(default_factory=list)
    """For the first connections: after how many answers each is broken off, without a close frame."""
    requests: list[dict[str, Any]] = field(default_factory=list)
    address: str = ""

    def infers(self) -> list[dict[str, Any]]:
        return [request for request in self.requests if request["endpoint"] == "infer"]

    def resets(self) -> list[dict[str, Any]]:
        return [request for request in self.requests if request["endpoint"] == "reset"]

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        return connection.respond(self.refusals.pop(0), "no\n") if self.refusals else None

    def _converse(self, connection: ServerConnection) -> None:
        breaks_after, answers = self.breaks_after.pop(0) if self.breaks_after else None, list(self.answers)
        with suppress(ConnectionClosed):
            connection.send(_frame(self.metadata))
            for number, frame in enumerate(connection):
                if number == breaks_after:
                    connection.socket.close()
                    return
                assert isinstance(frame, bytes)
                request = wire.unpack(frame)
                self.requests.append(request)
                if request["endpoint"] == "reset":
                    connection.send("reset successful")
                else:
                    connection.send(_frame(answers.pop(0) if len(answers) > 1 else answers[0]))

    def listen(self) -> Server:
        return serve(self._converse, "127.0.0.1", 0, process_request=self._admit, compression=None, max_size=None)


def _frame(message: Any) -> str | bytes:
    return message if isinstance(message, str | bytes) else wire.pack(message)


@contextmanager
def policy_server(**settings: Any) -> Iterator[PolicyServer]:
    policy = PolicyServer(**settings)
    with policy.listen() as server:
        policy.address = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield policy
        finally:
            server.shutdown()
            thread.join()
