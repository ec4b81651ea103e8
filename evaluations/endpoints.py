"""Checks of policy servers in the background: never inside a request that somebody waits for."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from arena.models import Endpoint, PolicyVersion
from arena.policies import EndpointCheck, record_endpoint_check
from evaluations.relay.probe import ProbeResult, ProbeStatus, probe

CHECK_EVERY = timedelta(minutes=5)
# A server that answers no handshake while it computes looks dead: one that was not reached is asked again soon.
CHECK_AGAIN = timedelta(minutes=1)
PARALLEL = 20


def check(*, endpoint_id: int) -> ProbeResult | None:
    """Ask one server for its handshake and metadata, and keep what was found."""
    endpoint = Endpoint.objects.filter(pk=endpoint_id).first()
    if endpoint is None:
        return None
    return _check_all([endpoint])[0]


def check_due(*, now: datetime) -> int:
    """Check every endpoint in the pool whose last check is too old; side by side, so that dead ones hold up nobody."""
    old, unsure = Q(checked_at__lte=now - CHECK_EVERY), Q(checked_at__lte=now - CHECK_AGAIN, failures__gt=0)
    due = Endpoint.objects.filter(version__pool=PolicyVersion.Pool.ACTIVE).filter(
        Q(checked_at__isnull=True) | old | unsure
    )
    return len(_check_all(list(due)))


def _check_all(endpoints: Sequence[Endpoint]) -> list[ProbeResult]:
    results = asyncio.run(_probe_all([endpoint.url for endpoint in endpoints]))
    for endpoint, result in zip(endpoints, results, strict=True):
        record_endpoint_check(
            endpoint=endpoint,
            check=EndpointCheck(
                reached=result.status is not ProbeStatus.COULD_NOT_CHECK,
                problem="" if result.status is ProbeStatus.PASSED else result.sentence,
                metadata=result.metadata,
            ),
        )
    return results


async def _probe_all(urls: Sequence[str]) -> list[ProbeResult]:
    places = asyncio.Semaphore(PARALLEL)

    async def one(url: str) -> ProbeResult:
        async with places:
            return await probe(url, allow_private=settings.ALLOW_PRIVATE_ENDPOINTS)

    return await asyncio.gather(*(one(url) for url in urls))
