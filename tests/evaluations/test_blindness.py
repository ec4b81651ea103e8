"""Non-interference: swapping the dealt pair changes no byte that its evaluator can fetch about an open session.

The same scenario is played on a database made empty in between, once with each order of the pair, and once with one
policy on both sides, before policy servers that answer alike. Random ids and clocks are replaced; everything else must
be equal.
"""

import asyncio
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import msgpack
import numpy as np
import pytest
from django.core.management import call_command
from django.db import connections
from django.test import Client, override_settings
from django.utils import timezone
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.sync.server import Server, ServerConnection, serve

from arena import keys, stations
from arena.models import Role
from evaluations import assignments
from evaluations.blinding import relay_token
from evaluations.evaluate.steps import STEPS
from evaluations.pairing import Draw, DrawKind
from evaluations.relay.server import Relay
from evaluations.relay_directory import DatabaseDirectory
from leaderboard import snapshots
from tests.evaluations.evaluate.forms import scored
from tests.evaluations.roboarena.client import RoboArenaClient
from tests.evaluations.test_media import encode
from tests.factories import Arena, finish_session, make_lab, make_person, make_version, open_session

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

METADATA = {
    "image_resolution": [224, 224],
    "needs_wrist_camera": True,
    "n_external_cameras": 1,
    "needs_stereo_camera": False,
    "needs_session_id": True,
    "action_space": "joint_position",
}
VIDEO = encode()
TASK = "put the cup on the plate"


def packed(array: np.ndarray[Any, Any]) -> dict[bytes, Any]:
    return {b"__ndarray__": True, b"data": array.tobytes(), b"dtype": array.dtype.str, b"shape": array.shape}


def answer_alike(connection: ServerConnection) -> None:
    """A policy server: the same words whatever its name, and what it should not say besides."""
    secret = {"policy": f"/home/owner/{connection.local_address[1]}"}
    connection.send(msgpack.packb(METADATA | secret))
    try:
        for frame in connection:
            request = msgpack.unpackb(frame)
            if request["endpoint"] == "reset":
                connection.send("reset successful")
            elif request["observation/joint_position"][b"data"][:8] == np.float64(9).tobytes():
                connection.send(f"Traceback: {secret}")
                connection.close(1011, str(secret)[:100])
            else:
                connection.send(msgpack.packb({"actions": packed(np.zeros((4, 8), np.float32))} | secret))
    except ConnectionClosed:
        return


@contextmanager
def policy_server() -> Iterator[str]:
    with serve(answer_alike, "127.0.0.1", 0, compression=None) as server:
        yield from _in_thread(server)


def _in_thread(server: Server) -> Iterator[str]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
    finally:
        server.shutdown()
        thread.join()


@contextmanager
def running_relay() -> Iterator[int]:
    """The real relay on the test's database, in a thread with a loop of its own."""
    relay = Relay(directory=DatabaseDirectory(), allow_private=True)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    # The relay's threads would keep connections open after the test unless each closes its own after use.
    with patch.dict(connections.settings["default"], CONN_MAX_AGE=0):
        try:
            yield asyncio.run_coroutine_threadsafe(relay.start(host="127.0.0.1", port=0), loop).result(20)
        finally:
            asyncio.run_coroutine_threadsafe(relay.stop(), loop).result(20)
            asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result(20)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


class Evaluator:
    """Dana at her robot, who writes down every byte that she can get hold of."""

    def __init__(self, arena: Arena, relay_port: int) -> None:
        self.client = RoboArenaClient(arena, Client())
        self.client.http.force_login(arena.dana)
        self.relay_port = relay_port
        self.seen: dict[str, bytes] = {}
        self.random: dict[str, str] = {arena.dana.pseudonym: "<pseudonym>", str(relay_port): "<relay port>"}

    def note(self, name: str, content: bytes | str) -> None:
        text = content if isinstance(content, str) else content.decode("latin-1")
        for value, word in self.random.items():
            text = text.replace(value, word)
        text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00)?", "<time>", text)
        text = re.sub(r"\d{1,2} \w{3} \d{4}, \d\d:\d\d", "<time>", text)
        text = re.sub(r'(csrfmiddlewaretoken" value=|csrftoken=|"X-CSRFToken": ?)"?\w{32,64}', "<csrf>", text)
        text = re.sub(r"expires=[^;]+GMT", "expires=<time>", text)
        text = re.sub(r"\b[0-9a-f]{64}\b", "<hash of an input with random ids>", text)
        self.seen[name] = text.encode()

    def note_answer(self, name: str, answer: Any) -> None:
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        headers = sorted((key, value) for key, value in answer.headers.items() if key != "Vary")
        self.note(f"{name} headers", f"{answer.status_code} {headers} {answer.cookies.output()}")
        self.note(name, body)

    def look_around(self, moment: str) -> None:
        for path in (
            *("/", "/?board=overall", "/sessions", "/sessions?show=all", "/lab", f"/sessions/{self.session}"),
            *("/api/leaderboard", "/api/list_ab_evaluations", "/api/policy_analysis.json"),
            *(f"/sessions/{self.session}/{label}/left.mp4" for label in "AB"),
            *("/evaluate", f"/evaluate?like={self.session}", "/method", f"/evaluate/{self.session}/abandon"),
            *(f"/sessions/{self.session}/{part}" for part in ("report", "appeal")),
            *(f"/evaluate/{self.session}?step={step.slug}" for step in STEPS),
            *(f"/api/v1/sessions/{self.session}{part}" for part in ("", "/live", "/guess")),
            *("/api/v1/sessions", f"/api/v1/stations/{self.client.arena.station.pk}/tasks", "/api/v1/public/method"),
        ):
            self.note_answer(f"{moment} {path.replace(self.session, '<session>')}", self.client.http.get(path))

    def ask_for_pair(self) -> None:
        answer = self.client.pair()
        self.session = answer.json()["session_id"]
        self.random[self.session] = "<session>"
        self.tokens = {policy["label"]: policy["port"].rpartition("/")[2] for policy in answer.json()["policies"]}
        self.random |= {token: f"<token {label}>" for label, token in self.tokens.items()}
        self.note_answer("pair", answer)

    def judge_in_the_browser(self) -> None:
        """A session of her own, up to the question before the reveal."""
        station = self.client.arena.station.pk
        answer = self.client.http.post("/evaluate", {"station": station, "instruction": "open the drawer"})
        self.session = answer.headers["Location"].rpartition("/")[2]
        self.random[self.session] = "<session in the browser>"
        for label in "AB":
            token = relay_token(session_id=uuid.UUID(self.session), label=label)
            self.random[token] = f"<token {label}>"
        self.note_answer("started", answer)
        self.look_around("started")
        path = f"/evaluate/{self.session}/submit"
        self.note_answer("too early", self.client.http.post(path, scored(preference="")))
        self.note_answer("submitted", self.client.http.post(path, scored(revision="1")))
        self.look_around("before the reveal")
        self.note_answer("a wrong guess", self.client.http.post(f"/evaluate/{self.session}/guess", {"policy_a": "x"}))

    def run(self, label: str) -> None:
        with connect(f"ws://127.0.0.1:{self.relay_port}/relay/{self.tokens[label]}", compression=None) as relay:
            assert relay.response is not None
            headers = [item for item in relay.response.headers.raw_items() if item[0] not in UNLIKE]
            self.note(f"{label} handshake", str(headers))
            self.note(f"{label} metadata", relay.recv())
            for number in (0.0, 1.0):
                relay.send(self._observation(number))
                self.note(f"{label} actions {number}", relay.recv())
            relay.send(msgpack.packb({"endpoint": "reset", "session_id": f"{self.session}-{label}"}))
            self.note(f"{label} reset", relay.recv())

    def meet_a_failure(self, label: str) -> None:
        with connect(f"ws://127.0.0.1:{self.relay_port}/relay/{self.tokens[label]}", compression=None) as relay:
            relay.recv()
            relay.send(self._observation(9.0))
            self.note(f"{label} failure", relay.recv())
            with pytest.raises(ConnectionClosed) as closed:
                relay.recv()
            self.note(f"{label} failure's close", str(closed.value.rcvd))

    def try_a_wrong_address(self) -> None:
        with (
            pytest.raises(InvalidStatus) as refused,
            connect(f"ws://127.0.0.1:{self.relay_port}/relay/{'x' * 43}", compression=None),
        ):
            pass
        self.note("wrong token", bytes(refused.value.response.body or b""))

    def upload(self, label: str) -> None:
        self.note_answer(f"{label} upload", self.client.upload(self.session, label, video=VIDEO))
        self.note_answer(f"{label} second upload", self.client.upload(self.session, label, partial_success="1.000"))

    def _observation(self, number: float) -> bytes:
        image = packed(np.zeros((8, 8, 3), np.uint8))
        content: bytes = msgpack.packb(
            {
                "endpoint": "infer",
                "session_id": f"{self.session}-A",
                "prompt": TASK,
                "observation/joint_position": packed(np.full(7, number)),
                "observation/cartesian_position": packed(np.zeros(6)),
                "observation/gripper_position": packed(np.zeros(1)),
                "observation/exterior_image_1_left": image,
                "observation/wrist_image_left": image,
            }
        )
        return content


# Of a websocket handshake: what differs between any two.
UNLIKE = {"Date", "Sec-WebSocket-Accept"}


def make_two_policies(urls: list[str]) -> Arena:
    owners, lab = make_lab("Owners"), make_lab("Dana's lab")
    versions = [make_version(name, lab=owners, url=url) for name, url in zip(("alpha", "beta"), urls, strict=True)]
    dana = make_person("dana@example.org", lab=lab, role=Role.EVALUATOR)
    station = stations.create_station(lab=lab, name="bench", cameras=["left", "right", "wrist"])
    key, code = keys.create_client_key(person=dana, station=station)
    return Arena(owners, versions, lab, dana, station, key, code)


def play(urls: list[str], draw: Callable[[int, int], Draw]) -> tuple[dict[str, bytes], bytes]:
    """Everything seen while the session was open, and the session's page after it."""
    call_command("flush", interactive=False, verbosity=0)
    arena = make_two_policies(urls)
    alpha, beta = (version.pk for version in arena.versions)
    with patch.object(assignments, "_draw", return_value=(Draw(alpha, beta, 0.5, 2), None)):
        # Earlier sessions, so that boards and lists have something to tell.
        for number in range(3):
            finish_session(open_session(arena, f"{number}"))
    snapshots.recompute_all(now=timezone.now())
    with running_relay() as port, override_settings(RELAY_PUBLIC_URL=f"ws://127.0.0.1:{port}"):
        dana = Evaluator(arena, port)
        for session in arena.key.sessions.all():
            dana.random[str(session.pk)] = f"<{session.instruction}>"
        with patch.object(assignments, "_draw", return_value=(draw(alpha, beta), None)):
            dana.ask_for_pair()
        dana.look_around("assigned")
        for label in "AB":
            dana.run(label)
            dana.look_around(f"{label} has run")
            dana.meet_a_failure(label)
            dana.upload(label)
            dana.look_around(f"{label} is uploaded")
        dana.try_a_wrong_address()
        first = dana.session
        with patch.object(assignments, "_draw", return_value=(draw(alpha, beta), None)):
            dana.judge_in_the_browser()
    open_page = dict(dana.seen)
    dana.client.terminate(first)
    dana.note_answer("after", dana.client.http.get(f"/sessions/{first}"))
    dana.client.http.post(f"/evaluate/{dana.session}/guess", {"skip": "yes"})
    dana.note_answer("revealed", dana.client.http.get(f"/evaluate/{dana.session}"))
    return open_page, dana.seen["after"] + dana.seen["revealed"]


@pytest.fixture(scope="module")
def urls() -> Iterator[list[str]]:
    with policy_server() as first, policy_server() as second:
        yield [first, second]


def straight(alpha: int, beta: int) -> Draw:
    return Draw(alpha, beta, 0.5, 2)


def swapped(alpha: int, beta: int) -> Draw:
    return Draw(beta, alpha, 0.5, 2)


def a_repeat(alpha: int, beta: int) -> Draw:
    return Draw(alpha, beta, 0.6, 2, DrawKind.REPEAT)


def same_policy(alpha: int, beta: int) -> Draw:
    return Draw(beta, beta, 0.01, 2, DrawKind.SAME_POLICY)


@pytest.mark.parametrize("other", [swapped, a_repeat, same_policy])
def test_what_was_dealt_changes_nothing_that_its_evaluator_can_fetch(
    urls: list[str], other: Callable[[int, int], Draw]
) -> None:
    expected, page = play(urls, straight)
    found, other_page = play(urls, other)
    assert len(expected) > 100
    assert expected.keys() == found.keys()
    assert [name for name in expected if expected[name] != found[name]] == []
    # What is compared can tell the draws apart: after the end the same page does.
    assert page != other_page
    assert b"alpha" in page


def is_asked_for_a_guess(name: str) -> bool:
    return "guess" in name or name.startswith("before the reveal /evaluate/<session>")


def test_nothing_bound_to_the_session_names_a_policy_or_a_server(urls: list[str]) -> None:
    seen, _ = play(urls, straight)
    about_the_session = {
        name: content
        for name, content in seen.items()
        if "<session>" in name or not any(page in name for page in (" /", "headers"))
    }
    assert {"pair", "A metadata", "B actions 1.0", "A failure", "B is uploaded /sessions/<session>"} <= set(
        about_the_session
    )
    ports = [url.rpartition(":")[2].encode() for url in urls]
    with_choices = {name for name in about_the_session if is_asked_for_a_guess(name)}
    assert len(with_choices) > 10
    for name in with_choices:  # every policy is named there, whichever two were dealt
        content = about_the_session.pop(name)
        assert (b"alpha" in content) == (b"beta" in content), name
    for name, content in about_the_session.items():
        for word in (b"alpha", b"beta", b"Owners", b"owner", b"Traceback", *ports):
            assert word not in content, (name, word)
