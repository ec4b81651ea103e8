"""A server of models for tests: it speaks the chat-completions API over HTTP, checks what it is sent as strictly as a
real one, and misbehaves on order.

It answers in turn with what the test laid down (`server.script`), and after that with the smallest value that fits the
schema it was given. `server.asked` holds what arrived.
"""

import base64
import binascii
import io
import json
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

MODEL, KEY = "arena-test-model", "key-of-the-test-server"
MODES = frozenset({"json_schema", "json_object"})
_DATA_URL = re.compile(r"data:image/jpeg;base64,(.+)", re.DOTALL)


@dataclass
class Asked:
    """A request that was well formed. `pictures` are decoded."""

    body: dict[str, Any]
    headers: dict[str, str]
    pictures: list[Image.Image]
    port: int
    """Of the connection on our side."""

    @property
    def messages(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.body["messages"]
        return messages

    @property
    def text(self) -> str:
        """All words of all messages."""
        return "\n".join(_words(message["content"]) for message in self.messages)

    @property
    def mode(self) -> str:
        return str(self.body.get("response_format", {}).get("type", "prompt"))

    @property
    def schema(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.body.get("response_format", {}).get("json_schema", {}).get("schema")
        return found


@dataclass
class Says:
    """A reply of the model, in an envelope that is in order unless `usage` or `content` say otherwise."""

    content: Any
    finish_reason: str = "stop"
    usage: Any = field(default_factory=lambda: {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120})
    refusal: str | None = None


@dataclass
class Replies:
    """A status and a body as they stand. `body` may be bytes, or what becomes JSON."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


@dataclass
class Cuts:
    """The connection is reset: before the answer, or after so many bytes of it."""

    after_bytes: int = 0


@dataclass
class Hangs:
    """No answer until the server is closed; or its head at once, and then a byte each `drip_s`."""

    drip_s: float | None = None


Behaviour = Says | Replies | Cuts | Hangs
Step = Behaviour | dict[str, Any] | Callable[[Asked], "Behaviour | dict[str, Any]"]
"""A dictionary is what the model says, as JSON; a function looks at the request first."""


def fails(status: int, message: str = "out of order", **headers: str) -> Replies:
    error = {"message": message, "type": "server_error", "param": None, "code": None}
    return Replies(status, {"error": error}, {name.replace("_", "-"): value for name, value in headers.items()})


class ProviderServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *, key: str = KEY, modes: frozenset[str] = MODES, vision: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.key, self.modes, self.vision = key, modes, vision
        self.script: deque[Step] = deque()
        self.always: Step | None = None
        """What is answered once the script is at its end."""
        self.asked: list[Asked] = []
        self.refused: list[str] = []
        self.under_way = self.most_under_way = 0
        self.closing = threading.Event()
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def answer(self, headers: dict[str, str], raw: bytes, port: int) -> Behaviour:
        problem = self._problem(headers, raw)
        if problem is not None:
            self.refused.append(str(problem.body))
            return problem
        body = json.loads(raw)
        asked = Asked(body, headers, [_picture(part) for part in _picture_parts(body)], port)
        with self.lock:
            self.asked.append(asked)
            step = self.script.popleft() if self.script else self.always
        if step is None:
            step = _fitting(asked)
        done = step(asked) if callable(step) else step
        return Says(json.dumps(done)) if isinstance(done, dict) else done

    def problem_of_key(self, headers: dict[str, str]) -> Replies | None:
        if self.key and headers.get("authorization") != f"Bearer {self.key}":
            return fails(401, f"Incorrect API key provided: {headers.get('authorization')}")
        return None

    def _problem(self, headers: dict[str, str], raw: bytes) -> Replies | None:
        refused = self.problem_of_key(headers)
        if refused:
            return refused
        try:
            body = json.loads(raw)
        except ValueError:
            return fails(400, "the body is no JSON")
        if body.get("model") != MODEL:
            return fails(404, f"The model {body.get('model')} does not exist")
        if body.get("response_format", {"type": "text"})["type"] not in {*self.modes, "text"}:
            return fails(400, "this response_format is not supported")
        return self._problem_of_messages(body)

    def _problem_of_messages(self, body: dict[str, Any]) -> Replies | None:
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages:
            return fails(400, "messages are missing")
        if any(
            set(one) != {"role", "content"} or one["role"] not in {"system", "user", "assistant"} for one in messages
        ):
            return fails(400, "a message is not in order")
        parts = _picture_parts(body)
        if parts and not self.vision:
            return fails(400, "image input is not supported")
        try:
            for part in parts:
                _picture(part)
        except (ValueError, OSError, binascii.Error) as error:
            return fails(400, f"a picture cannot be read: {error}")
        return None


class _Handler(BaseHTTPRequestHandler):
    server: ProviderServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        refused = self.server.problem_of_key({name.lower(): value for name, value in self.headers.items()})
        if refused:
            self._send(refused)
        elif self.path == "/v1/models":
            self._send(Replies(body={"object": "list", "data": [{"id": MODEL, "object": "model"}]}))
        else:
            self._send(fails(404, "no such address"))

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/v1/chat/completions":
            return self._send(fails(404, "no such address"))
        with self.server.lock:
            self.server.under_way += 1
            self.server.most_under_way = max(self.server.most_under_way, self.server.under_way)
        try:
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._behave(self.server.answer(headers, raw, self.client_address[1]))
        finally:
            with self.server.lock:
                self.server.under_way -= 1

    def _behave(self, done: Behaviour) -> None:
        match done:
            case Replies():
                self._send(done)
            case Says():
                self._send(Replies(body=_envelope(done)))
            case Cuts():
                self._cut(done)
            case Hangs():
                self._hang(done)

    def _send(self, done: Replies) -> None:
        content = done.body if isinstance(done.body, bytes) else json.dumps(done.body).encode()
        self.send_response(done.status)
        for name, value in {
            "Content-Type": done.content_type,
            "Content-Length": str(len(content)),
            **done.headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(content)

    def _cut(self, done: Cuts) -> None:
        if done.after_bytes:
            content = json.dumps(_envelope(Says("{}"))).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: done.after_bytes])
        self.close_connection = True

    def _hang(self, done: Hangs) -> None:
        self.close_connection = True
        if done.drip_s is None:
            self.server.closing.wait()
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        with suppress(OSError):
            while not self.server.closing.wait(done.drip_s):
                self.wfile.write(b" ")
                self.wfile.flush()

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def running_provider_server(**options: Any) -> Iterator[ProviderServer]:
    server = ProviderServer(**options)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _envelope(said: Says) -> dict[str, Any]:
    message = {"role": "assistant", "content": said.content, "refusal": said.refusal}
    choice = {"index": 0, "message": message, "finish_reason": said.finish_reason}
    return {"id": "c-1", "object": "chat.completion", "model": MODEL, "choices": [choice], "usage": said.usage}


def _words(content: Any) -> str:
    return content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)


def _picture_parts(body: dict[str, Any]) -> list[dict[str, Any]]:
    contents = [one["content"] for one in body["messages"] if isinstance(one["content"], list)]
    return [part for content in contents for part in content if part["type"] == "image_url"]


def _picture(part: dict[str, Any]) -> Image.Image:
    found = _DATA_URL.fullmatch(part["image_url"]["url"])
    if found is None:
        raise ValueError("it is no JPEG in a data URL")
    picture = Image.open(io.BytesIO(base64.b64decode(found[1], validate=True)), formats=["JPEG"])
    picture.load()
    return picture


def _fitting(asked: Asked) -> Behaviour:
    """The smallest value of the schema; without one, words."""
    return Says(json.dumps(smallest(asked.schema))) if asked.schema else Says("I have no schema to answer by.")


def smallest(schema: dict[str, Any], root: dict[str, Any] | None = None) -> Any:
    """A value that fits a schema of the strict form, with as little in it as may be."""
    root = root or schema
    if "$ref" in schema:
        return smallest(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    for choices in ("anyOf", "allOf"):
        if choices in schema:
            return smallest(schema[choices][-1], root)
    if "enum" in schema or "const" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {name: smallest(one, root) for name, one in schema["properties"].items()}
        case "array":
            return [smallest(schema["items"], root) for _ in range(schema.get("minItems", 0))]
        case "string":
            return "x" * max(1, schema.get("minLength", 0))
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "boolean":
            return False
    return None
