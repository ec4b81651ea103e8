"""What the relay measures, written in the background: no inference waits for the database, and no rollout needs it."""

import asyncio
import contextlib
import logging
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from evaluations.relay.limits import Limits
from evaluations.relay.problems import Problem
from evaluations.relay.routes import Directory, Measurement

logger = logging.getLogger(__name__)

BATCH = 200


class Tally:
    """What is counted of one connection."""

    def __init__(self, *, side_id: int, most_latencies: int) -> None:
        self.side_id = side_id
        self._connection_id = uuid.uuid4().hex
        self._opened_at = datetime.now(UTC)
        self._closed_at: datetime | None = None
        self._infers = 0
        self._resets = 0
        self._latencies_ms: list[float] = []
        self._recorded_latencies = 0
        self._most_latencies = most_latencies
        self._errors: Counter[str] = Counter()
        self._metadata: Mapping[str, Any] | None = None
        self._version = 1
        self._recorded_version = 0

    def connected(self, metadata: Mapping[str, Any]) -> None:
        self._metadata = metadata
        self._version += 1

    def inferred(self, latency_ms: float) -> None:
        self._infers += 1
        if self._recorded_latencies + len(self._latencies_ms) < self._most_latencies:
            self._latencies_ms.append(latency_ms)
        self._version += 1

    def was_reset(self) -> None:
        self._resets += 1
        self._version += 1

    def failed(self, problem: Problem) -> None:
        self._errors[problem.value] += 1
        self._version += 1

    def close(self) -> None:
        self._closed_at = datetime.now(UTC)
        self._version += 1

    @property
    def open(self) -> bool:
        return self._closed_at is None

    @property
    def waits(self) -> bool:
        return self._version != self._recorded_version

    def measurement(self) -> Measurement:
        return Measurement(
            connection_id=self._connection_id,
            side_id=self.side_id,
            opened_at=self._opened_at,
            closed_at=self._closed_at,
            infers=self._infers,
            resets=self._resets,
            latencies_from=self._recorded_latencies,
            latencies_ms=tuple(self._latencies_ms),
            errors=dict(self._errors),
            metadata=self._metadata,
        )

    @property
    def version(self) -> int:
        return self._version

    def recorded(self, measurement: Measurement, version: int) -> None:
        """The database has this measurement, which was taken at this version."""
        del self._latencies_ms[: len(measurement.latencies_ms)]
        self._recorded_latencies += len(measurement.latencies_ms)
        self._recorded_version = version


class Measurements:
    """The tallies that are not written yet. Those of a database that does not answer are kept and tried again."""

    def __init__(self, *, directory: Directory, limits: Limits) -> None:
        self._directory = directory
        self._limits = limits
        self._tallies: dict[Tally, None] = {}
        self._closed = asyncio.Event()

    def open(self, side_id: int) -> Tally:
        tally = Tally(side_id=side_id, most_latencies=self._limits.latencies_per_connection)
        self._tallies[tally] = None
        return tally

    def close(self, tally: Tally) -> None:
        tally.close()
        self._closed.set()
        self._forget_beyond_limit()

    async def tick(self) -> None:
        """Wait until it is time to write: at the interval, or when a connection has closed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.flush_every_s):
                await self._closed.wait()
        self._closed.clear()

    async def flush(self) -> bool:
        """Write what waits. False where the directory failed; what it did not take is kept."""
        waiting = [tally for tally in self._tallies if tally.waits]
        for first in range(0, len(waiting), BATCH):
            if not await self._record(waiting[first : first + BATCH]):
                return False
        return True

    async def _record(self, tallies: Sequence[Tally]) -> bool:
        taken = [(tally, tally.measurement(), tally.version) for tally in tallies]
        try:
            async with asyncio.timeout(self._limits.directory_s):
                await self._directory.record([measurement for _, measurement, _ in taken])
        except Exception:
            logger.exception("measurements could not be written; they are kept and tried again")
            return False
        for tally, measurement, version in taken:
            tally.recorded(measurement, version)
            if not tally.open and not tally.waits:
                self._tallies.pop(tally, None)
        return True

    def _forget_beyond_limit(self) -> None:
        closed = [tally for tally in self._tallies if not tally.open]
        for tally in closed[: max(0, len(closed) - self._limits.waiting_measurements)]:
            del self._tallies[tally]
            logger.error("the measurements of a connection are lost: too many wait for the database")
