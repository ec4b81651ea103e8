"""A platform of a few lines: it answers the RoboArena client's calls over real HTTP and remembers what it was sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

HANG_UP = 0
"""In place of a status: the call is taken, and the connection closed without an answer."""


@dataclass
class Call:
    path: str
    fields: dict[str, Any]
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass
class StubPlatform:
    """`refuse` holds, for a path, the statuses with which its next calls are answered."""

    pair: list[dict[str, str]] = field(default_factory=list)
    refuse: dict[str, list[int]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    url: str = ""

    def paths(self) -> list[str]:
        return [call.path for call in self.calls]

    def named(self, path: str) -> list[Call]:
        return [call for call in self.calls if call.path == path]

    def answer(self, call: Call) -> tuple[int, dict[str, Any]]:
        self.calls.append(call)
        if self.refuse.get(call.path):
            return self.refuse[call.path].pop(0), {"error": "not now"}
        if call.path == "/get_policies_to_compare":
            number = len(self.named(call.path))
            return 200, {"session_id": f"session-{number}", "policies": self.pair}
        return 200, {"status": "ok"}


def _parse(content_type: str, body: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    if content_type == "application/json":
        return json.loads(body), {}
    if content_type.startswith("application/x-www-form-urlencoded"):
        return {key: values[0] for key, values in parse_qs(body.decode(), keep_blank_values=True).items()}, {}
    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    fields: dict[str, Any] = {}
    files: dict[str, bytes] = {}
    for part in message.iter_parts():
        name, content = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
        assert isinstance(name, str)
        assert isinstance(content, bytes)
        if part.get_filename():
            files[name] = content
        else:
            fields[name] = content.decode()
    return fields, files


@contextmanager
def stub_platform(**settings: Any) -> Iterator[StubPlatform]:
    platform = StubPlatform(**settings)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, answer = platform.answer(Call(self.path, *_parse(self.headers["Content-Type"], body)))
            if status == HANG_UP:
                self.close_connection = True
                return
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    platform.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield platform
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
