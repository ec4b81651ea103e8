"""Is there a policy server? A check of its handshake and metadata; it asks for no inference."""

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from evaluations.relay.addresses import Resolver, resolve
from evaluations.relay.limits import Limits
from evaluations.relay.policy import PolicyConnection, PolicyFailure
from evaluations.relay.problems import Problem


class ProbeStatus(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    COULD_NOT_CHECK = "could_not_check"


# A policy server that computes takes no new connection meanwhile: none of these says that it does not work.
UNSURE = frozenset([Problem.UNREACHABLE, Problem.NO_METADATA, Problem.CONNECTION_LOST])


@dataclass(frozen=True, kw_only=True)
class ProbeResult:
    status: ProbeStatus
    code: str
    """`ok`, or a `Problem`."""
    sentence: str
    metadata: dict[str, Any] | None = None
    handshake_ms: float | None = None
    """From the look-up of the name to the metadata."""


async def probe(
    endpoint_url: str, *, allow_private: bool, limits: Limits | None = None, resolver: Resolver = resolve
) -> ProbeResult:
    limits = limits or Limits()
    began = time.perf_counter()
    try:
        policy = await PolicyConnection.open(
            endpoint_url, allow_private=allow_private, limits=limits, resolver=resolver
        )
    except PolicyFailure as failure:
        status = ProbeStatus.COULD_NOT_CHECK if failure.problem in UNSURE else ProbeStatus.FAILED
        return ProbeResult(status=status, code=failure.problem, sentence=failure.problem.sentence)
    took = (time.perf_counter() - began) * 1000
    await policy.close()
    return ProbeResult(
        status=ProbeStatus.PASSED,
        code="ok",
        sentence="The server speaks the protocol.",
        metadata=dict(policy.metadata.fields),
        handshake_ms=took,
    )
