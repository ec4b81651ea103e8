"""Neither side learns who the other is: not from bytes, not from logs."""

import base64
import logging
import re
import socket
import struct
from contextlib import ExitStack
from typing import Any

import pytest
from websockets.sync.server import ServerConnection

from tests.evaluations.relay import openpi
from tests.evaluations.relay.conftest import Rig
from tests.evaluations.relay.doubles import INSTRUCTION, TOKEN, WIRE_SESSION, answer

MASK = bytes(4)


def all_bytes(rig: Rig, requests: list[bytes]) -> bytes:
    """Everything that a client is sent on a connection of its own, to the last byte; the clock aside."""
    port = rig.relay().port
    handshake = (
        f"GET /relay/{TOKEN} HTTP/1.1\r\nHost: relay.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    frames = [struct.pack("!BBQ", 0x82, 0xFF, len(request)) + MASK + request for request in requests]
    close = b"\x88\x80" + MASK
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"".join([handshake.encode(), *frames, close]))
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    return re.sub(rb"Date: [^\r]+", b"Date: now", received)


def failing(policy: ServerConnection, _: Any) -> None:
    policy.send("Traceback (most recent call last): /home/jane/openpi/serve.py")
    policy.close(1011, "Internal server error. Traceback included in previous frame.")


def closing(policy: ServerConnection, _: Any) -> None:
    policy.close()


ACTIONS = {"actions": openpi.chunk()}
PAIRS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "two that answer alike": (
        {"script": answer({"policy": "pi0", "timing": {"ms": 3.5}} | ACTIONS)},
        {"script": answer(ACTIONS | {"name": "dp"}), "metadata": openpi.pack({"x": 1} | openpi.METADATA)},
    ),
    "two that fail": ({"script": failing}, {"script": closing}),
    "two that cannot be understood": ({"metadata": "Traceback: /home/jane"}, {"metadata": b"\xc1"}),
}


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_two_policies_that_answer_alike_cannot_be_told_apart(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    seen = []
    for fields in pair:
        with ExitStack() as stack:
            rig = Rig(stack)
            rig.serve_policy(**fields)
            seen.append(all_bytes(rig, [openpi.pack(openpi.infer()), openpi.pack(openpi.reset())]))
    assert seen[0] == seen[1]
    assert seen[0].startswith(b"HTTP/1.1 101 Switching Protocols\r\nDate: now\r\n")


def test_two_clients_cannot_be_told_apart(rig: Rig) -> None:
    """By the policy server: other keys, another order, another library, another name."""
    rig.serve_policy()
    plain = openpi.infer(session_id="public-id-A")
    telling = dict(reversed((openpi.infer(session_id="public-id-B", prompt="hello") | {"lab": "Example Lab"}).items()))
    for request, agent in ((plain, "Python/3.11 websockets/15.0"), (telling, "Example Lab's robot")):
        client = rig.connect(user_agent_header=agent, additional_headers={"X-Lab": "Example Lab"})
        client.recv()
        rig.asked(client, request)
    first, second = rig.policy.requests
    assert openpi.same(first, second)
    assert list(first) == list(second)
    headers = [
        {name: value for name, value in connection.request.headers.raw_items() if name != "Sec-WebSocket-Key"}
        for connection in rig.policy.connections
        if connection.request
    ]
    assert headers[0] == headers[1]
    assert "Example" not in str(headers)


def test_the_logs_hold_no_token_address_or_instruction(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    def leaking(policy: ServerConnection, request: dict[str, Any]) -> None:
        policy.send(f"Traceback: no plan for\n'{request['prompt']}' in session {request['session_id']}")

    rig.serve_policy(script=leaking)
    client = rig.greeted()
    own_address = f"{client.local_address[1]}"
    rig.asked(client, openpi.infer(session_id="public-id-A"))
    rig.platform.closed_row()
    rig.platform.broken = True
    with pytest.raises(Exception, match="503"):
        rig.connect()
    relay_logs = "\n".join(
        record.getMessage() + str(record.exc_text or "") for record in caplog.records if "relay" in record.name
    )
    assert "error_answer" in relay_logs
    assert "no plan for" in relay_logs
    for secret in (TOKEN, INSTRUCTION, WIRE_SESSION, "public-id-A", own_address):
        assert secret not in relay_logs


def test_a_policys_words_stay_on_one_line_of_the_log(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.serve_policy(script=answer("Traceback\nERROR forged line\x1b[2J" + "x" * 10_000))
    rig.asked(rig.greeted())
    rig.platform.closed_row()
    (line,) = [record.getMessage() for record in caplog.records if "error_answer" in record.getMessage()]
    assert "\n" not in line
    assert "\x1b" not in line
    assert len(line) < 2_200
