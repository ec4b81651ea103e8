"""A server that plays Google and GitHub over HTTP: it takes a code and says who came."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import jwt

CLIENT_ID, SECRET = "client-of-the-arena", "secret-of-the-arena"
CODE = "a-code-of-the-provider"


class Provider(ThreadingHTTPServer):
    """`google` are the claims of the next id token, `github` and `emails` the answers of GitHub's two addresses."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.google: dict[str, Any] = {}
        self.github: dict[str, Any] = {}
        self.emails: list[dict[str, Any]] = []
        self.asked: list[dict[str, list[str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def token(self, form: dict[str, list[str]]) -> dict[str, Any]:
        self.asked.append(form)
        if form.get("code") != [CODE] or form.get("client_secret") != [SECRET]:
            return {"error": "invalid_grant"}
        claims = {"iss": "https://accounts.google.com", "aud": CLIENT_ID, "exp": int(time.time()) + 60, **self.google}
        return {"access_token": "t", "token_type": "bearer", "id_token": jwt.encode(claims, "k" * 32)}


class Answers(BaseHTTPRequestHandler):
    server: Provider

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._say(self.server.token(parse_qs(body)))

    def do_GET(self) -> None:
        self._say(self.server.emails if self.path.endswith("/emails") else self.server.github)

    def _say(self, answer: object) -> None:
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def running_provider() -> Iterator[Provider]:
    server = Provider()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
