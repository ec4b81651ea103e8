"""What the relay measures, and what becomes of it while the database is away."""

import asyncio
from collections.abc import Collection, Sequence

import pytest

from evaluations.relay.limits import Limits
from evaluations.relay.measurements import BATCH, Measurements
from evaluations.relay.problems import Problem
from evaluations.relay.routes import Measurement, Refusal, Route
from tests.evaluations.relay.conftest import Rig
from tests.evaluations.relay.doubles import Platform, quick


def measurements(platform: Platform, **limits: int) -> Measurements:
    return Measurements(directory=platform, limits=quick(**limits))


def test_every_inference_is_timed_and_counted(rig: Rig) -> None:
    rig.serve_policy()
    client = rig.greeted()
    for _ in range(3):
        rig.asked(client)
    client.close()
    row = rig.platform.closed_row()
    assert (row["infers"], row["resets"], row["side_id"]) == (3, 0, 1)
    assert len(row["latencies_ms"]) == 3
    assert all(0 < latency < 5000 for latency in row["latencies_ms"])
    assert row["opened_at"] < row["closed_at"]


def test_a_running_connection_is_recorded_while_it_runs(rig: Rig) -> None:
    rig.serve_policy()
    client = rig.greeted()
    rig.asked(client)
    (row,) = rig.platform.wait_for(lambda rows: bool(rows) and rows[0]["infers"] == 1)
    assert row["closed_at"] is None


def test_each_connection_has_a_row_of_its_own(rig: Rig) -> None:
    rig.serve_policy()
    for _ in range(2):
        rig.asked(rig.greeted())
    rows = rig.platform.wait_for(lambda rows: sum(row["infers"] for row in rows) == 2)
    assert [row["infers"] for row in rows] == [1, 1]


def test_while_the_database_is_away_rollouts_run_and_lose_no_figure(rig: Rig) -> None:
    rig.serve_policy()
    client = rig.greeted()
    rig.platform.broken = True
    for _ in range(10):
        rig.asked(client)
    rig.platform.broken = False
    client.close()
    row = rig.platform.closed_row()
    assert row["infers"] == len(row["latencies_ms"]) == 10


def test_a_batch_that_was_written_but_not_acknowledged_counts_once() -> None:
    """The connection to the database may break between its commit and its answer."""

    class Forgetful(Platform):
        async def record(self, batch: Sequence[Measurement]) -> None:
            await super().record(batch)
            if len(self.batches) == 1:
                raise ConnectionError("lost after the commit")

    async def scenario() -> Platform:
        platform = Forgetful()
        books = measurements(platform)
        tally = books.open(side_id=1)
        tally.inferred(1.0)
        assert not await books.flush()
        tally.inferred(2.0)
        assert await books.flush()
        tally.inferred(3.0)
        books.close(tally)
        assert await books.flush()
        return platform

    (row,) = asyncio.run(scenario()).rows
    assert (row["infers"], row["latencies_ms"]) == (3, [1.0, 2.0, 3.0])


def test_what_happens_during_a_write_is_in_the_next_one() -> None:
    class Slow(Platform):
        async def record(self, batch: Sequence[Measurement]) -> None:
            tally.inferred(float(len(self.batches)))
            await super().record(batch)

    async def scenario(platform: Platform) -> None:
        assert await books.flush()
        assert await books.flush()

    platform = Slow()
    books = measurements(platform)
    tally = books.open(side_id=1)
    asyncio.run(scenario(platform))
    assert [list(batch[0].latencies_ms) for batch in platform.batches] == [[], [0.0]]
    assert platform.batches[1][0].infers == 1


def test_nothing_new_is_not_written_again() -> None:
    async def scenario(platform: Platform) -> None:
        books = measurements(platform)
        tally = books.open(side_id=1)
        tally.was_reset()
        tally.failed(Problem.NO_ANSWER)
        for _ in range(3):
            assert await books.flush()
        books.close(tally)
        for _ in range(3):
            assert await books.flush()

    platform = Platform()
    asyncio.run(scenario(platform))
    assert len(platform.batches) == 2
    (row,) = platform.rows
    assert (row["resets"], row["errors"]) == (1, {"no_answer": 1})


def test_many_are_written_in_batches() -> None:
    async def scenario(platform: Platform) -> None:
        books = measurements(platform)
        for side_id in range(BATCH + 1):
            books.open(side_id=side_id)
        assert await books.flush()

    platform = Platform()
    asyncio.run(scenario(platform))
    assert [len(batch) for batch in platform.batches] == [BATCH, 1]


def test_what_waits_for_a_database_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(platform: Platform) -> None:
        platform.broken = True
        books = measurements(platform, waiting_measurements=2)
        for side_id in range(5):
            books.close(books.open(side_id=side_id))
        assert not await books.flush()
        platform.broken = False
        assert await books.flush()

    platform = Platform()
    asyncio.run(scenario(platform))
    assert [row["side_id"] for row in platform.rows] == [3, 4]
    assert sum("lost" in record.message for record in caplog.records) == 3


def test_latencies_beyond_the_limit_are_counted_but_not_kept() -> None:
    async def scenario(platform: Platform) -> None:
        books = measurements(platform, latencies_per_connection=3)
        tally = books.open(side_id=1)
        for latency in range(2):
            tally.inferred(float(latency))
        assert await books.flush()
        for latency in range(2, 6):
            tally.inferred(float(latency))
        assert await books.flush()

    platform = Platform()
    asyncio.run(scenario(platform))
    (row,) = platform.rows
    assert (row["infers"], row["latencies_ms"]) == (6, [0.0, 1.0, 2.0])


def test_a_database_that_hangs_is_given_up() -> None:
    class Hanging:
        async def find(self, token: str) -> Route | Refusal:
            return Refusal.UNKNOWN_TOKEN

        async def record(self, batch: Sequence[Measurement]) -> None:
            await asyncio.Event().wait()

        async def ended(self, side_ids: Collection[int]) -> set[int]:
            return set()

    async def scenario() -> bool:
        books = Measurements(directory=Hanging(), limits=Limits(directory_s=0.05))
        books.open(side_id=1)
        return await books.flush()

    assert asyncio.run(scenario()) is False
