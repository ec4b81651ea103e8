"""Who may connect, and what the others are answered."""

import http.client
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from evaluations.relay.problems import Ending
from evaluations.relay.routes import Refusal
from tests.evaluations.relay import openpi
from tests.evaluations.relay.conftest import Rig
from tests.evaluations.relay.doubles import OTHER_TOKEN, TOKEN, RunningRelay

ROOT = Path(__file__).parents[3]


def refused(rig: Rig, token: str = TOKEN) -> tuple[int, str, set[str]]:
    """Status, body and header names of a refused handshake."""
    with pytest.raises(InvalidStatus) as refusal:
        rig.connect(token)
    response = refusal.value.response
    return response.status_code, bytes(response.body or b"").decode(), set(response.headers)


def get(relay: RunningRelay, path: str, method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", relay.port, timeout=5)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize(("refusal", "status"), [(Refusal.UNKNOWN_TOKEN, 403), (Refusal.SESSION_ENDED, 410)])
def test_a_refused_token_is_told_why_in_one_sentence(rig: Rig, refusal: Refusal, status: int) -> None:
    rig.platform.routes[TOKEN] = refusal
    got, text, headers = refused(rig)
    assert (got, text) == (status, f"{refusal.sentence} [{refusal.code}]\n")
    assert headers == {"date", "connection", "content-length", "content-type"}


def test_a_handshake_has_no_header_of_the_server(rig: Rig) -> None:
    rig.serve_policy()
    response = rig.connect().response
    assert response is not None
    assert set(response.headers) == {"date", "upgrade", "connection", "sec-websocket-accept"}


def test_neither_origin_nor_compression_matters(rig: Rig) -> None:
    rig.serve_policy()
    client = rig.connect(compression="deflate", additional_headers={"Origin": "https://example.org"})
    assert openpi.unpack(client.recv()) == openpi.METADATA
    assert client.protocol.extensions == []


def test_the_health_page(rig: Rig) -> None:
    assert get(rig.relay(), "/health") == (200, "The relay is well.\n")


@pytest.mark.parametrize(
    "path", ["/", "/relay", "/relay/", "/relay/short", f"/relay/{TOKEN}/x", f"/relay/{TOKEN}?x=1", "/x"]
)
def test_everything_else_is_not_there(rig: Rig, path: str) -> None:
    status, text = get(rig.relay(), path)
    assert (status, text) == (404, f"{Refusal.NOT_FOUND.sentence} [not_found]\n")


def test_a_browser_is_told_what_the_address_is_for(rig: Rig) -> None:
    """And learns nothing of the token: known and unknown ones are answered alike."""
    rig.serve_policy()
    relay = rig.relay()
    answers = {get(relay, f"/relay/{token}") for token in (TOKEN, OTHER_TOKEN)}
    assert answers == {(426, f"{Refusal.NOT_A_WEBSOCKET.sentence} [not_a_websocket]\n")}


def test_a_token_serves_again_until_its_session_ends(rig: Rig) -> None:
    rig.serve_policy()
    first, second = rig.greeted(), rig.greeted()
    assert "actions" in rig.asked(second)
    # The old connection may be a dead one that the client never closed; it may also live.
    assert "actions" in rig.asked(first)
    rig.platform.routes[TOKEN] = Refusal.SESSION_ENDED
    assert refused(rig)[0] == 410


def test_a_side_keeps_its_newest_connections(rig: Rig) -> None:
    rig.relay(connections_per_side=2)
    rig.serve_policy()
    oldest, older, newest = rig.greeted(), rig.greeted(), rig.greeted()
    assert oldest.recv() == Ending.REPLACED.text
    assert "actions" in rig.asked(older)
    assert "actions" in rig.asked(newest)


def test_a_full_relay_says_so(rig: Rig) -> None:
    rig.relay(connections=1)
    rig.serve_policy()
    rig.greeted()
    assert refused(rig)[:2] == (503, f"{Refusal.RELAY_FULL.sentence} [relay_full]\n")


def test_a_platform_that_is_away_is_said_to_be(rig: Rig) -> None:
    rig.platform.broken = True
    assert refused(rig)[:2] == (503, f"{Refusal.UNAVAILABLE.sentence} [unavailable]\n")


def test_a_tls_handshake_at_the_plain_port_harms_nothing(rig: Rig) -> None:
    """The client tries wss:// after any failure of ws://."""
    rig.serve_policy()
    relay = rig.relay()
    with (
        socket.create_connection(("127.0.0.1", relay.port), timeout=5) as connection,
        pytest.raises(ssl.SSLError),
    ):
        ssl.create_default_context().wrap_socket(connection, server_hostname="relay.example")
    assert "actions" in rig.asked(rig.greeted())


def test_the_relay_needs_no_django() -> None:
    """Its process loads what it asks of the platform, and nothing of the platform itself."""
    code = "import sys, evaluations.relay.server, evaluations.relay.probe; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
