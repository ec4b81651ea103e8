"""A server of a few lines whose answers a test writes beforehand; it remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

HANG_UP = 0
"""In place of a status: the request is read, and the connection closed without an answer."""


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Answer:
    status: int = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class StubServer:
    """Gives `answers` in turn, the last of them for ever; or what `respond` says."""

    answers: list[Answer] = field(default_factory=lambda: [Answer()])
    respond: Callable[[Asked], Answer] | None = None
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        if self.respond is not None:
            return self.respond(asked)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def _handler(stub: StubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = stub.answer(Asked(self.command, self.path, headers, body))
            if answer.status == HANG_UP:
                self.close_connection = True
                return
            content = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(content)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_HEAD = do_DELETE = _any

        def log_message(self, *arguments: object) -> None:
            return

    return Handler


@contextmanager
def stub_server(*answers: Answer, respond: Callable[[Asked], Answer] | None = None) -> Iterator[StubServer]:
    stub = StubServer(answers=list(answers) or [Answer()], respond=respond)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(stub))
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
