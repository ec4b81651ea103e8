"""Checks of policy servers in the background: never inside a request that somebody waits for."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.db.models import Q

from arena.models import Endpoint, PolicyVersion
from arena.policies import EndpointCheck, record_endpoint_check
from evaluations.relay.probe import ProbeResult, ProbeStatus, probe
from evaluations.relay.problems import Problem

CHECK_EVERY = timedelta(minutes=5)
# A server that answers no handshake while it computes looks dead: one that was not reached is asked again soon.
CHECK_AGAIN = timedelta(minutes=1)
PARALLEL = 20
SERVED = (PolicyVersion.Pool.ACTIVE, PolicyVersion.Pool.TRIAL)


def check(*, endpoint_id: int) -> ProbeResult | None:
    """Ask one server for its handshake and metadata, and keep what was found."""
    endpoint = Endpoint.objects.filter(pk=endpoint_id).first()
    return async_to_sync(_check_all)([endpoint])[0] if endpoint else None


def check_due(*, now: datetime) -> int:
    """Check every endpoint in the pool, or before its trial, whose last check is too old.

    Side by side, so that dead ones hold up nobody.
    """
    old, unsure = Q(checked_at__lte=now - CHECK_EVERY), Q(checked_at__lte=now - CHECK_AGAIN, failures__gt=0)
    due = Endpoint.objects.filter(version__pool__in=SERVED).filter(Q(checked_at__isnull=True) | old | unsure)
    return len(async_to_sync(_check_all)(list(due)))


async def _check_all(endpoints: Sequence[Endpoint]) -> list[ProbeResult]:
    """Each result is kept as soon as it is there: a run that is cut short has not been for nothing."""
    places = asyncio.Semaphore(PARALLEL)

    async def one(endpoint: Endpoint) -> ProbeResult:
        async with places:
            result = await probe(endpoint.url, allow_private=settings.ALLOW_PRIVATE_ENDPOINTS)
        await sync_to_async(_keep)(endpoint, result)  # in the caller's thread, which holds the database connection
        return result

    return await asyncio.gather(*(one(endpoint) for endpoint in endpoints))


def _keep(endpoint: Endpoint, result: ProbeResult) -> None:
    record_endpoint_check(
        endpoint=endpoint,
        check=EndpointCheck(
            reached=result.status is not ProbeStatus.COULD_NOT_CHECK,
            problem="" if result.status is ProbeStatus.PASSED else result.sentence,
            metadata=result.metadata,
        ),
    )


def told(result: ProbeResult) -> dict[str, Any]:
    return {"status": result.status, "sentence": result.sentence, "metadata": result.metadata}


def in_words(version: PolicyVersion, result: ProbeResult) -> str:
    if result.status is ProbeStatus.PASSED:
        return f"{version.label} is in the pool. {result.sentence}"
    hint = ""
    if result.code == Problem.ADDRESS_REFUSED and not settings.ALLOW_PRIVATE_ENDPOINTS:
        hint = " ALLOW_PRIVATE_ENDPOINTS=1 allows private and loopback addresses."
    return f"{version.label} joins the pool when its server passes a check. {result.sentence}{hint}"
