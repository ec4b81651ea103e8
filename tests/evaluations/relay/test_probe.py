"""The check of a policy server, at registration and in the background."""

import asyncio
import socket
from typing import Any

import pytest

from evaluations.relay.limits import Limits
from evaluations.relay.probe import ProbeResult, ProbeStatus, probe
from evaluations.relay.problems import Problem
from tests.evaluations.relay import openpi
from tests.evaluations.relay.doubles import PolicyServer
from tests.evaluations.relay.test_endings import Silent

QUICK = Limits(open_s=0.3, metadata_s=0.3, close_s=0.2)


def probed(url: str, **options: Any) -> ProbeResult:
    defaults: dict[str, Any] = {"allow_private": True, "limits": QUICK}
    return asyncio.run(probe(url, **defaults | options))


def test_a_policy_server_passes_and_is_asked_for_nothing() -> None:
    with PolicyServer(metadata=openpi.pack(openpi.METADATA | {"policy_name": "pi0"})).running() as policy:
        result = probed(policy.url)
        assert (result.status, result.code, result.metadata) == (ProbeStatus.PASSED, "ok", openpi.METADATA)
        assert result.handshake_ms is not None
        assert 0 < result.handshake_ms < 300
        assert policy.requests == []


@pytest.mark.parametrize("metadata", [openpi.pack(openpi.METADATA | {"n_external_cameras": 9}), "hello", b"\xc1"])
def test_a_server_that_says_something_else_fails(metadata: bytes | str) -> None:
    with PolicyServer(metadata=metadata).running() as policy:
        result = probed(policy.url)
    assert (result.status, result.code) == (ProbeStatus.FAILED, "bad_metadata")
    assert result.sentence == Problem.BAD_METADATA.sentence
    assert result.metadata is None


@pytest.mark.parametrize("url", ["ws://169.254.169.254", "http://policy.example", "ws://user@policy.example"])
def test_an_address_that_is_not_allowed_fails(url: str) -> None:
    result = probed(url)
    assert (result.status, result.code) == (ProbeStatus.FAILED, "address_refused")


def test_a_private_address_fails_where_they_are_not_allowed() -> None:
    with PolicyServer().running() as policy:
        assert probed(policy.url, allow_private=False).status is ProbeStatus.FAILED
        assert policy.connections == []


def test_a_server_that_computes_could_not_be_checked() -> None:
    """It takes no connection meanwhile, and is well."""
    with socket.create_server(("127.0.0.1", 0)) as busy:
        result = probed(f"ws://127.0.0.1:{busy.getsockname()[1]}")
    assert (result.status, result.code) == (ProbeStatus.COULD_NOT_CHECK, "unreachable")


def test_nor_could_one_that_takes_the_connection_and_is_silent() -> None:
    with Silent().running() as policy:
        result = probed(policy.url)
    assert (result.status, result.code) == (ProbeStatus.COULD_NOT_CHECK, "no_metadata")


def test_nor_could_a_name_that_is_not_found() -> None:
    async def resolver(host: str, port: int) -> list[str]:
        raise socket.gaierror("no such name")

    assert probed("ws://policy.example", resolver=resolver).status is ProbeStatus.COULD_NOT_CHECK


def test_every_problem_has_its_sentence() -> None:
    assert all(problem.sentence.endswith(".") for problem in Problem)
