"""What the protocol check finds, with real servers that are wrong in a known way."""

import asyncio
import socket
from unittest.mock import patch

import pytest

from evaluations.desk import examination
from evaluations.desk.examination import Examination, Outcome, Step, examine
from evaluations.relay.limits import Limits
from tests.evaluations.desk.servers import Server
from tests.evaluations.relay import openpi

QUICK = Limits(open_s=1, metadata_s=0.5, infer_s=2, close_s=0.2)


def examined(server: Server) -> Examination:
    with server.running() as url:
        return asyncio.run(examine(url, allow_private=True, limits=QUICK))


def outcomes(found: Examination) -> dict[Step, Outcome]:
    return {finding.step: finding.outcome for finding in found.findings}


def sentence(found: Examination, step: Step) -> str:
    return next(finding.sentence for finding in found.findings if finding.step == step)


def test_a_good_server_passes_every_step() -> None:
    server = Server()
    found = examined(server)
    assert outcomes(found) == dict.fromkeys(Step, Outcome.PASSED), found.findings
    assert found.passed
    assert found.metadata == openpi.METADATA
    assert found.median_ms is not None
    assert "1 outside and a wrist camera, pictures of 224 × 224" in sentence(found, Step.METADATA)
    first = server.seen[0]
    assert first["observation/exterior_image_1_left"].shape == (224, 224, 3)
    assert first["observation/joint_position"].shape == (7,)
    assert "observation/exterior_image_2_left" not in first
    assert "session_id" not in first


def test_it_is_shown_what_it_asks_for() -> None:
    asks = {"n_external_cameras": 2, "needs_wrist_camera": False, "needs_stereo_camera": True, "needs_session_id": True}
    server = Server(metadata=openpi.METADATA | asks | {"image_resolution": None})
    assert examined(server).passed
    first = server.seen[0]
    pictures = {name for name in first if "_image_" in name}
    assert pictures == {f"observation/exterior_image_{n}_{eye}" for n in (1, 2) for eye in ("left", "right")}
    assert first["observation/exterior_image_1_left"].shape == (288, 512, 3)
    assert first["session_id"] == "check"


@pytest.mark.parametrize(
    ("server", "step", "words"),
    [
        (Server(metadata="hello"), Step.METADATA, "not the metadata"),
        (Server(metadata=openpi.METADATA | {"n_external_cameras": 7}), Step.METADATA, "n_external_cameras"),
        (Server(metadata=openpi.METADATA | {"action_space": "thought"}), Step.METADATA, "action_space"),
        (Server(width=5), Step.ACTIONS, "wrong shape"),
        (Server(width=7), Step.ACTION_SPACE, "joint_position has 8 numbers an action, and the server sends 7"),
        (Server(value=float("nan")), Step.ACTIONS, "not finite"),
        (Server(dtype="|b1"), Step.ACTIONS, "not numbers"),
        (
            Server(metadata=openpi.METADATA | {"action_space": "joint_velocity"}, value=3.0),
            Step.ACTION_SPACE,
            "outside -1 to 1",
        ),
        (Server(infers=0), Step.ACTIONS, "RuntimeError: out of memory"),
        (Server(infers=4), Step.STEADY, "After 4 inferences"),
        (Server(resets=False), Step.RESET, "closed the connection"),
        (Server(connections=1), Step.TWO_AT_ONCE, "beside the first"),
        (Server(dies_of_errors=True), Step.ERRORS, "makes no sense"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_said(server: Server, step: Step, words: str) -> None:
    found = examined(server)
    assert not found.passed
    assert (outcomes(found)[step], found.reached) == (Outcome.FAILED, True)
    assert words in sentence(found, step)
    assert "/home/alice" not in " ".join(finding.sentence for finding in found.findings)
    assert set(outcomes(found)) == set(Step)


def test_a_slow_server_is_told_so() -> None:
    with patch.object(examination, "SLOW_MS", 20.0), patch.object(examination, "INFERENCES", 3):
        found = examined(Server(wait_s=0.05))
    assert outcomes(found)[Step.LATENCY] == Outcome.FAILED
    assert "a robot waits at most 20 ms" in sentence(found, Step.LATENCY)


def test_nobody_there_is_not_a_fault_that_was_seen() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{unused.getsockname()[1]}"
        found = asyncio.run(examine(url, allow_private=True, limits=QUICK))
    assert not found.reached
    assert set(outcomes(found).values()) == {Outcome.COULD_NOT_CHECK}


def test_an_address_that_is_not_allowed_fails() -> None:
    found = asyncio.run(examine("ws://127.0.0.1:9", allow_private=False, limits=QUICK))
    assert outcomes(found)[Step.HANDSHAKE] == Outcome.FAILED
