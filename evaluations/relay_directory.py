"""What the relay asks the database: one read at connect, then measurements in batches.

The relay is asyncio and the database is not: each call runs in a thread, with a connection that is checked before use.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from django.db import close_old_connections, transaction
from django.utils import timezone

from arena.models import Endpoint
from evaluations import sessions
from evaluations.blinding import token_digest
from evaluations.models import RelayConnection, Session, Side
from evaluations.relay.routes import Measurement, Refusal, Route

T = TypeVar("T")


class DatabaseDirectory:
    async def find(self, token: str) -> Route | Refusal:
        return await _in_thread(lambda: find_route(token))

    async def record(self, batch: Sequence[Measurement]) -> None:
        await _in_thread(lambda: record_measurements(batch))

    async def ended(self, side_ids: Collection[int]) -> set[int]:
        return await _in_thread(lambda: ended_sides(side_ids))


def find_route(token: str) -> Route | Refusal:
    side = (
        Side.objects.filter(token_digest=token_digest(token))
        .select_related("session__station", "version__endpoint")
        .first()
    )
    if side is None:
        return Refusal.UNKNOWN_TOKEN
    session, station = side.session, side.session.station
    if station is None or side.pk in ended_sides([side.pk]):
        return Refusal.SESSION_ENDED
    return Route(
        side_id=side.pk,
        endpoint_url=side.version.endpoint.url,
        wire_session_id=side.wire_session_id,
        instruction=session.instruction,
        external_cameras=station.external_cameras,
        wrist_camera=station.has_wrist_camera,
        simulated=session.simulated,
    )


def ended_sides(side_ids: Collection[int]) -> set[int]:
    """Those of these sides whose session is over: closed, or its lease has run out."""
    running = Side.objects.filter(pk__in=side_ids, session__in=Session.objects.open())
    living = running.filter(session__lease_expires_at__gt=timezone.now())
    return set(side_ids) - set(living.values_list("pk", flat=True))


@transaction.atomic
def record_measurements(batch: Sequence[Measurement]) -> None:
    """Write what the relay saw. A batch that comes twice changes nothing the second time."""
    rows = RelayConnection.objects.select_for_update().in_bulk([UUID(one.connection_id) for one in batch])
    grown = [one for one in batch if _write(one, rows.get(UUID(one.connection_id)))]
    sides = Side.objects.filter(pk__in=[one.side_id for one in grown])
    sessions.record_activity(session_ids=list(sides.values_list("session", flat=True)), now=timezone.now())
    for one in batch:
        if one.metadata is not None:
            _learn_metadata(one.side_id, one.metadata)


def _write(seen: Measurement, row: RelayConnection | None) -> bool:
    """Store one connection's totals; True where something ran since the last time."""
    before = row.infers + row.resets if row else 0
    row = row or RelayConnection(pk=UUID(seen.connection_id), side_id=seen.side_id)
    row.opened_at, row.closed_at = seen.opened_at, seen.closed_at
    row.infers, row.resets, row.errors = seen.infers, seen.resets, dict(seen.errors)
    row.latencies_ms = [*row.latencies_ms[: seen.latencies_from], *seen.latencies_ms]
    row.save()
    return seen.infers + seen.resets > before


def _learn_metadata(side_id: int, metadata: Mapping[str, Any]) -> None:
    """Keep what the server last said of itself, so that pairing knows which cameras it needs."""
    endpoints = Endpoint.objects.filter(version__sides=side_id).exclude(metadata=dict(metadata))
    endpoints.update(metadata=dict(metadata))


async def _in_thread(call: Callable[[], T]) -> T:
    def run() -> T:
        close_old_connections()
        try:
            return call()
        finally:
            close_old_connections()

    return await asyncio.to_thread(run)
