"""Files by tus: against the real platform over a network that breaks, and against every way in which it may break."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arena_client import uploads
from arena_client.answers import Session
from arena_client.client import Client
from arena_client.errors import ArenaError, Conflict, Unanswered
from evaluations.models import MediaFile, Upload
from tests.arena_client.conftest import Place, Wait
from tests.arena_client.cutting import cutting_network
from tests.arena_client.stub_server import HANG_UP, Answer, Asked, stub_server

PIECE = 64 * 1024
# The beginning of an MP4, so that the platform takes it for a video.
CONTENT = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + bytes(number % 251 for number in range(5 * PIECE))


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "left.mp4"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "PIECE", PIECE)


@pytest.mark.slow
class TestAtThePlatform:
    @pytest.fixture
    def session(self, place: Place) -> Session:
        return place.client().open_session(place.station_id, "open the drawer")

    def test_a_file_arrives_in_pieces_with_its_progress(self, place: Place, session: Session, video: Path) -> None:
        seen: list[tuple[int, int]] = []
        media = place.client().upload(session.id, "A", "left", video, progress=lambda *at: seen.append(at))
        assert (media.kind, media.size) == ("left", len(CONTENT))
        assert media.sha256 == hashlib.sha256(CONTENT).hexdigest()
        assert seen == [*((at, len(CONTENT)) for at in range(0, len(CONTENT), PIECE)), (len(CONTENT), len(CONTENT))]

    def test_the_same_file_again_sends_nothing(self, place: Place, session: Session, video: Path) -> None:
        client = place.client()
        first = client.upload(session.id, "A", "left", video)
        with cutting_network(place.url) as network:
            assert place.client(network.url).upload(session.id, "A", "left", video).id == first.id
            assert network.passed_up < PIECE / 4

    def test_another_file_for_the_same_camera_is_refused(self, place: Place, session: Session, video: Path) -> None:
        client = place.client()
        client.upload(session.id, "A", "left", video)
        video.write_bytes(CONTENT[:-1])
        with pytest.raises(Conflict) as refused:
            client.upload(session.id, "A", "left", video)
        assert refused.value.code == "media_exists"

    def test_a_network_that_resets_costs_no_more_than_the_piece(
        self, place: Place, session: Session, video: Path, no_wait: Wait
    ) -> None:
        with cutting_network(place.url) as network:
            network.up = [2 * PIECE, PIECE, None]
            client = place.client(network.url, wait=no_wait)
            media = client.upload(session.id, "A", "left", video)
            assert network.connections >= 3
            assert network.passed_up < len(CONTENT) + 2.5 * PIECE
        assert media.sha256 == hashlib.sha256(CONTENT).hexdigest()

    def test_an_answer_that_is_lost_is_no_second_file(
        self, place: Place, session: Session, video: Path, no_wait: Wait
    ) -> None:
        with cutting_network(place.url) as network:
            network.down = [600, 200, 900, None]
            place.client(network.url, wait=no_wait).upload(session.id, "A", "left", video)
        assert MediaFile.objects.count() == 1
        assert Upload.objects.count() == 1

    def test_a_program_that_was_killed_goes_on_where_it_was(self, place: Place, session: Session, video: Path) -> None:
        def killed(sent: int, total: int) -> None:
            if sent >= 3 * PIECE:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            place.client().upload(session.id, "A", "left", video, progress=killed)
        [pending] = place.client().session(session.id).sides["A"].uploads
        assert (pending.kind, pending.offset) == ("left", 3 * PIECE)
        with cutting_network(place.url) as network:
            place.client(network.url).upload(session.id, "A", "left", video)
            assert network.passed_up < len(CONTENT) - 2.5 * PIECE
        assert Upload.objects.count() == 1

    def test_a_file_taken_away_can_be_sent_anew(self, place: Place, session: Session, video: Path) -> None:
        client = place.client()
        client.withdraw(session.id, client.upload(session.id, "A", "left", video).id)
        assert client.upload(session.id, "A", "left", video).size == len(CONTENT)

    def test_what_cannot_be_taken_is_said(self, place: Place, session: Session, video: Path, tmp_path: Path) -> None:
        client = place.client()
        (tmp_path / "empty.mp4").touch()
        with pytest.raises(ArenaError, match="empty"):
            client.upload(session.id, "A", "left", tmp_path / "empty.mp4")
        with pytest.raises(ArenaError) as refused:
            client.upload(session.id, "A", "../left", video)
        assert refused.value.code == "bad_camera"
        client.abandon(session.id, reason="no_time")
        with pytest.raises(Conflict) as refused_late:
            client.upload(session.id, "A", "left", video)
        assert refused_late.value.code == "session_ended"


class TusStub:
    """tus 1.0 in a few lines, whose network does what a test says, request by request."""

    def __init__(self, troubles: list[str]) -> None:
        self.troubles = troubles
        self.received = bytearray()
        self.size: int | None = None
        self.done = False

    def respond(self, asked: Asked) -> Answer:
        if asked.path.startswith("/api/v1/sessions/"):
            return Answer(body=self._session())
        trouble = self.troubles.pop(0) if self.troubles else ""
        if trouble == "refused":
            return Answer(status=503)
        if trouble == "cut":
            self._take(asked, asked.body[: len(asked.body) // 2])
            return Answer(status=HANG_UP)
        answer = self._answer(asked)
        return Answer(status=HANG_UP) if trouble == "lost" else answer

    def _answer(self, asked: Asked) -> Answer:
        if asked.method == "POST":
            self.size = int(asked.headers["upload-length"])
            return Answer(status=201, headers={"Location": "http://elsewhere.example/api/v1/uploads/u"})
        if asked.method == "PATCH":
            if int(asked.headers["upload-offset"]) != len(self.received):
                return Answer(status=409, body={"error": {"code": "upload_offset", "message": "no"}})
            self._take(asked, asked.body)
        return Answer(status=204, body=b"", headers={"Upload-Offset": str(len(self.received))})

    def _take(self, asked: Asked, body: bytes) -> None:
        if asked.method == "PATCH" and int(asked.headers["upload-offset"]) == len(self.received):
            self.received += body

    def _session(self) -> dict[str, Any]:
        whole = self.size is not None and len(self.received) >= self.size
        digest = hashlib.sha256(self.received).hexdigest()
        media = [{"id": 1, "kind": "left", "size": len(self.received), "sha256": digest}] if whole else []
        sides = {"A": {"media": media}, "B": {}}
        return {"id": "s", "state": "running", "instruction": "", "station": None, "sides": sides}


TROUBLES = st.lists(st.sampled_from(["", "refused", "cut", "lost"]), max_size=12)


@pytest.mark.slow
@given(troubles=TROUBLES, size=st.integers(1, 400), piece=st.integers(1, 150))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_breaks_the_file_arrives_as_it_was(
    tmp_path: Path, troubles: list[str], size: int, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "PIECE", piece)
    path = tmp_path / "left.mp4"
    path.write_bytes(bytes(number % 251 for number in range(size)))
    stub = TusStub(troubles)
    seen: list[int] = []
    with stub_server(respond=stub.respond) as server:
        client = Client(server.url, "arena_key", wait=lambda reason, seconds: None)
        media = client.upload("s", "A", "left", path, progress=lambda sent, total: seen.append(sent))
        assert all(asked.headers["authorization"] == "Bearer arena_key" for asked in server.asked)
    assert bytes(stub.received) == path.read_bytes()
    assert media.size == size
    assert seen == sorted(seen)
    assert seen[-1] == size


def test_a_platform_that_stays_away_ends_patience(video: Path, no_wait: Wait) -> None:
    stub = TusStub(["", "", *["refused"] * 1000])
    with stub_server(respond=stub.respond) as server:
        client = Client(server.url, "arena_key", wait=no_wait, patience=2.0)
        with pytest.raises(Unanswered):
            client.upload("s", "A", "left", video)
