"""How connections end, and that nothing stays behind."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import ServerConnection

from evaluations.relay.problems import Ending
from tests.evaluations.relay import openpi
from tests.evaluations.relay.conftest import Rig
from tests.evaluations.relay.doubles import OTHER_TOKEN, PROMPTLY, PolicyServer

ROOT = Path(__file__).parents[3]


def last_words(client: ClientConnection) -> tuple[str, int]:
    """The text before the end, and the close code."""
    text = client.recv(timeout=PROMPTLY)
    with pytest.raises(ConnectionClosed):
        client.recv(timeout=PROMPTLY)
    assert isinstance(text, str)
    assert client.close_code is not None
    return text, client.close_code


def test_a_policy_that_is_not_there(rig: Rig) -> None:
    """The client is greeted, goes on to its first request, and shows its user what it is told then."""
    rig.lead_nowhere()
    client = rig.greeted()
    client.send(openpi.pack(openpi.infer()))
    assert last_words(client) == (Ending.POLICY_ERROR.text, 1011)
    assert rig.platform.closed_row()["errors"] == {"unreachable": 1}


class Silent(PolicyServer):
    """Takes the connection and says nothing."""

    def handle(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        for _ in connection:
            pass


def test_a_policy_that_sends_no_metadata(rig: Rig) -> None:
    rig.relay(metadata_s=0.2)
    rig.serve(Silent())
    assert rig.asked(rig.greeted()) == Ending.POLICY_ERROR.text
    assert rig.platform.closed_row()["errors"] == {"no_metadata": 1}


def test_a_policy_that_answers_no_handshake(rig: Rig) -> None:
    rig.relay(open_s=0.2)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        rig.lead_to(f"ws://127.0.0.1:{deaf.getsockname()[1]}")
        assert rig.asked(rig.greeted()) == Ending.POLICY_ERROR.text
    assert rig.platform.closed_row()["errors"] == {"unreachable": 1}


def test_a_policy_that_leaves_between_two_requests(rig: Rig) -> None:
    rig.serve_policy()
    client = rig.greeted()
    rig.asked(client)
    rig.policy.connections[0].close()
    assert rig.asked(client) == Ending.POLICY_ERROR.text
    assert rig.platform.closed_row()["errors"] == {"connection_lost": 1}


def test_a_client_that_dies_without_a_word_lets_go_of_the_policy(rig: Rig) -> None:
    left = threading.Event()

    class Watching(PolicyServer):
        def handle(self, connection: ServerConnection) -> None:
            super().handle(connection)
            left.set()

    rig.serve(Watching())
    rig.greeted().socket.shutdown(socket.SHUT_RDWR)
    assert left.wait(PROMPTLY)
    assert rig.platform.closed_row()["errors"] == {}


def test_the_other_side_runs_while_the_first_stays_connected(rig: Rig) -> None:
    """The client never closes: side A's connection is there, idle, all through side B."""
    rig.serve_policy()
    rig.platform.routes[OTHER_TOKEN] = rig.platform.routes[next(iter(rig.platform.routes))]
    side_a, side_b = rig.greeted(), rig.greeted(OTHER_TOKEN)
    assert "actions" in rig.asked(side_a)
    assert "actions" in rig.asked(side_b)
    assert "actions" in rig.asked(side_a)


def test_the_connections_of_an_ended_session_are_closed(rig: Rig) -> None:
    rig.serve_policy()
    client = rig.greeted()
    rig.platform.ended_sides.add(1)
    assert last_words(client) == (Ending.SESSION_ENDED.text, 1000)
    assert rig.platform.closed_row()["errors"] == {}


def test_also_in_the_middle_of_an_inference_and_that_is_no_failure_of_the_policy(rig: Rig) -> None:
    asked = threading.Event()
    rig.serve_policy(script=lambda policy, _: asked.set())
    client = rig.greeted()
    client.send(openpi.pack(openpi.infer()))
    assert asked.wait(PROMPTLY)
    rig.platform.ended_sides.add(1)
    assert last_words(client) == (Ending.SESSION_ENDED.text, 1000)
    assert rig.platform.closed_row()["errors"] == {}


def test_the_connections_of_other_sessions_stay(rig: Rig) -> None:
    rig.serve_policy()
    client = rig.greeted()
    rig.platform.ended_sides.add(2)
    batches = len(rig.platform.batches)
    rig.asked(client)
    rig.platform.wait_for(lambda rows: len(rig.platform.batches) > batches)
    assert "actions" in rig.asked(client)


def test_a_platform_that_is_away_ends_nothing(rig: Rig) -> None:
    rig.serve_policy()
    client = rig.greeted()
    rig.platform.broken = True
    for _ in range(5):
        assert "actions" in rig.asked(client)


def test_an_idle_connection_is_ended(rig: Rig) -> None:
    rig.relay(idle_s=0.2)
    rig.serve_policy()
    assert last_words(rig.greeted()) == (Ending.IDLE.text, 1001)


def test_a_stopping_relay_says_so_and_writes_what_it_measured(rig: Rig) -> None:
    relay = rig.relay(flush_every_s=3600)
    rig.serve_policy()
    client = rig.greeted()
    rig.asked(client)
    relay.stop()
    assert last_words(client) == (Ending.RELAY_STOPPING.text, 1012)
    (row,) = rig.platform.rows
    assert row["infers"] == len(row["latencies_ms"]) == 1
    assert row["closed_at"] is not None


def test_a_policy_that_takes_its_time_does_not_hold_up_the_stop(rig: Rig) -> None:
    relay = rig.relay(stop_s=0.1)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        rig.lead_to(f"ws://127.0.0.1:{deaf.getsockname()[1]}")
        client = rig.connect()
        began = time.monotonic()
        relay.stop()
        assert time.monotonic() - began < PROMPTLY
    assert last_words(client) == (Ending.RELAY_STOPPING.text, 1012)
    assert rig.platform.closed_row()["errors"] == {}


def test_every_last_word_fits_into_a_close_frame() -> None:
    assert max(len(ending.text.encode()) for ending in Ending) <= 123


SERVE = """
import asyncio
from evaluations.relay.server import Relay, run
from tests.evaluations.relay.doubles import TOKEN, Platform, route
platform = Platform()
platform.routes[TOKEN] = route("ws://127.0.0.1:1")
relay = Relay(directory=platform, allow_private=True)
asyncio.run(run(relay, host="127.0.0.1", port=0, ready=lambda port: print(port, flush=True)))
print(len(platform.rows), flush=True)
"""


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_process_in_order(name: signal.Signals) -> None:
    command = [sys.executable, "-c", SERVE]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with connect(f"ws://127.0.0.1:{port}/relay/token-of-side-one-0123456789", proxy=None) as client:
            client.recv(timeout=PROMPTLY)
            process.send_signal(name)
            assert last_words(client) == (Ending.RELAY_STOPPING.text, 1012)
        assert process.stdout.readline() == "1\n"
        assert process.wait(PROMPTLY) == 0
