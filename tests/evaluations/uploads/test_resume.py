"""Real sockets against a real server: broken, half-open and rival connections."""

import hashlib
import secrets
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from evaluations import storage, upload_places
from evaluations.models import MediaFile, Session, Upload
from tests.evaluations.uploads.client import PIECE, TUS, metadata
from tests.factories import make_arena, open_session
from tests.processes import eventually
from tests.resetting_proxy import ResettingProxy, reset, resetting_proxy

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

DATA = secrets.token_bytes(3 * 1024 * 1024 + 17)


class Line:
    """A browser's connection: cookie, token and tus over real HTTP."""

    def __init__(self, port: int, cookie: str) -> None:
        self.port = port
        token = "t" * 32
        self.headers = TUS | {"Cookie": f"sessionid={cookie}; csrftoken={token}", "X-CSRFToken": token}

    def ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> tuple[int, dict[str, str]]:
        line = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            line.request(method, path, body or None, self.headers | (headers or {}))
            answer = line.getresponse()
            answer.read()
            return answer.status, dict(answer.getheaders())
        finally:
            line.close()

    def create(self, session: Session, size: int) -> str:
        said = metadata(session=str(session.pk), side="A", kind="left", filename="left.mp4")
        status, headers = self.ask("POST", "/api/v1/uploads", {"Upload-Length": str(size), "Upload-Metadata": said})
        assert status == 201
        return "/" + headers["Location"].partition("//")[2].partition("/")[2]

    def patch(self, url: str, offset: int, body: bytes) -> int:
        return self.ask("PATCH", url, {"Upload-Offset": str(offset), "Content-Type": PIECE}, body)[0]

    def offset(self, url: str) -> int:
        return int(self.ask("HEAD", url)[1]["Upload-Offset"])

    def half(self, url: str, offset: int, body: bytes, *, length: int) -> socket.socket:
        """A piece that stops in the middle, on a connection that stays open."""
        side = socket.create_connection(("127.0.0.1", self.port))
        said = self.headers | {"Upload-Offset": str(offset), "Content-Type": PIECE, "Content-Length": str(length)}
        lines = [f"PATCH {url} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in said.items())]
        side.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        return side


@pytest.fixture
def session() -> Session:
    return open_session(make_arena())


@pytest.fixture
def line(live_server: LiveServer, session: Session) -> Line:
    http = Client()
    assert session.evaluator is not None
    http.force_login(session.evaluator)
    return Line(int(live_server.url.rpartition(":")[2]), http.cookies["sessionid"].value)


@pytest.fixture
def proxy(line: Line) -> Iterator[ResettingProxy]:
    with resetting_proxy(("127.0.0.1", line.port), bytes_per_s=4_000_000) as proxy:
        yield proxy


def kept() -> bytes:
    with MediaFile.objects.get().file.open() as file:
        data = bytes(file.read())
    assert hashlib.sha256(data).hexdigest() == MediaFile.objects.get().sha256
    return data


def test_through_a_network_that_resets_again_and_again_the_same_file_arrives(
    line: Line, proxy: ResettingProxy, session: Session
) -> None:
    url = line.create(session, len(DATA))
    through = Line(proxy.port, "")
    through.headers = line.headers
    offset, tries = 0, 0
    while offset < len(DATA) and tries < 30:
        proxy.break_after(900_000)
        tries += 1
        try:
            status = through.patch(url, offset, DATA[offset:])
            assert status in (204, 409)
        except (OSError, HTTPException):
            pass
        offset = line.offset(url)
    assert kept() == DATA
    assert proxy.broken > 2


def test_what_came_before_the_break_is_kept(line: Line, session: Session) -> None:
    url = line.create(session, len(DATA))
    side = line.half(url, 0, DATA[:1_000_000], length=len(DATA))
    assert eventually(lambda: line.offset(url) >= 500_000)
    side.close()
    assert eventually(lambda: line.offset(url) == 1_000_000)
    assert line.patch(url, 1_000_000, DATA[1_000_000:]) == 204
    assert kept() == DATA


def test_a_half_open_connection_blocks_nobody(line: Line, session: Session) -> None:
    """Its first half was taken; it says nothing more, and does not end."""
    url = line.create(session, len(DATA))
    silent = line.half(url, 0, DATA[:1_000_000], length=len(DATA))
    assert eventually(lambda: line.offset(url) >= 500_000)
    there = line.offset(url)
    assert line.patch(url, there, DATA[there:]) == 204
    assert kept() == DATA
    silent.sendall(b"x" * (len(DATA) - 1_000_000))  # what it sends now is too late
    assert silent.recv(100).startswith(b"HTTP/1.1 409")
    silent.close()
    assert kept() == DATA


def test_of_rivals_at_one_place_the_file_comes_out_whole(line: Line, session: Session) -> None:
    """Eight connections send the same piece at once, again and again until all is there."""
    url = line.create(session, len(DATA))

    def send(offset: int) -> int:
        return line.patch(url, offset, DATA[offset : offset + 1_000_000])

    statuses: set[int] = set()
    with ThreadPoolExecutor(8) as pool:
        for _ in range(30):
            offset = line.offset(url)
            if offset == len(DATA):
                break
            statuses |= set(pool.map(send, [offset] * 8))
    assert statuses == {204, 409}
    assert kept() == DATA
    assert Upload.objects.get().offset == len(DATA)


def test_rivals_with_other_bytes_change_nothing_that_was_taken(line: Line, session: Session) -> None:
    """The same upload is sent from two places, and one of them is wrong: each piece is one of the two."""
    url = line.create(session, 2_000_000)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda body: line.patch(url, 0, body), [b"a" * 2_000_000, b"b" * 2_000_000]))
    for letter in (b"a", b"b"):
        offset = line.offset(url)
        if offset < 2_000_000:
            line.patch(url, offset, letter * (2_000_000 - offset))
    assert len(kept()) == 2_000_000


def test_begun_many_times_at_once_it_is_one_upload(line: Line, session: Session) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: line.create(session, 1000), range(8)))
    assert len(found) == 1
    assert Upload.objects.count() == 1


def test_finished_many_times_at_once_it_is_one_file(line: Line, session: Session) -> None:
    """The last piece has arrived, its process has died, and everybody looks."""
    url = line.create(session, 10)
    assert line.patch(url, 0, b"12345") == 204
    storage.write_at(storage.partial_path(Upload.objects.get()), 5, b"67890")
    Upload.objects.update(offset=10)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: line.offset(url), range(8))) == {10}
    assert kept() == b"1234567890"
    folders, _ = default_storage.listdir("episodes")
    assert sum(len(default_storage.listdir(f"episodes/{folder}")[1]) for folder in folders) == 1


def test_all_places_taken_is_said_with_when_to_come_again(
    line: Line, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_places, "places", threading.BoundedSemaphore(1))
    url = line.create(session, len(DATA))
    silent = line.half(url, 0, DATA[:600_000], length=len(DATA))
    assert eventually(lambda: line.offset(url) >= 500_000)
    offset = line.offset(url)
    status, headers = line.ask(
        "PATCH", url, {"Upload-Offset": str(offset), "Content-Type": PIECE}, DATA[offset : offset + 10]
    )
    assert (status, headers["Retry-After"]) == (503, "5")
    reset(silent)
    assert eventually(lambda: line.patch(url, line.offset(url), DATA[line.offset(url) :]) == 204)
    assert kept() == DATA
