"""The reset after an episode."""

from dataclasses import dataclass

import pytest
from websockets.sync.server import ServerConnection

from evaluations.relay.messages import RESET_ANSWER
from tests.evaluations.relay import openpi
from tests.evaluations.relay.conftest import Rig
from tests.evaluations.relay.doubles import WIRE_SESSION, PolicyServer


@dataclass
class Quirky(PolicyServer):
    """Answers a reset as it is told to, and leaves."""

    reset_answer: bytes | str | None = None

    def handle(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        connection.send(self.metadata)
        self.requests.append(openpi.unpack(connection.recv()))
        if self.reset_answer is not None:
            connection.send(self.reset_answer)
        connection.close(1011)


def test_the_policy_is_told_the_wire_session_alone(rig: Rig) -> None:
    rig.serve_policy()
    client = rig.greeted()
    client.send(openpi.pack(openpi.reset() | {"lab": "Example Lab"}))
    assert client.recv() == RESET_ANSWER
    assert rig.policy.requests == [{"session_id": WIRE_SESSION, "endpoint": "reset"}]
    client.close()
    assert rig.platform.closed_row()["resets"] == 1


@pytest.mark.parametrize("said", ["Traceback: /home/jane/openpi", b"\x80", None])
def test_whatever_the_policy_answers_the_client_reads_the_same(rig: Rig, said: bytes | str | None) -> None:
    rig.serve(Quirky(reset_answer=said))
    client = rig.greeted()
    client.send(openpi.pack(openpi.reset()))
    assert client.recv() == RESET_ANSWER


def test_the_session_outlives_a_policy_that_dies_in_its_reset(rig: Rig) -> None:
    """Side A is reset before side B runs: B must not pay for it."""
    rig.serve(Quirky())
    client = rig.greeted()
    for _ in range(2):
        client.send(openpi.pack(openpi.reset()))
        assert client.recv() == RESET_ANSWER
    client.close()
    assert rig.platform.closed_row()["errors"] == {"connection_lost": 1}


def test_a_reset_where_no_policy_answers(rig: Rig) -> None:
    rig.lead_nowhere()
    client = rig.greeted()
    client.send(openpi.pack(openpi.reset()))
    assert client.recv() == RESET_ANSWER
