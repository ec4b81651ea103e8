"""Many workers and one provider."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from reports import circuits
from reports.circuits import FIRST_DELAY, OPENS_AFTER, Entry
from reports.models import Circuit, ProviderCall
from reports.providers import Waiting
from tests.workers.provider_server import Asked, ProviderServer
from tests.workers.providers.asking import RIGHT, options_for, provider, question

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
WORKERS = 6
LONG = 10.0


def together(call: Callable[[int], Any]) -> list[Any]:
    """The outcomes of all workers, which begin at once."""
    barrier = threading.Barrier(WORKERS, timeout=LONG)

    def run(number: int) -> Any:
        try:
            barrier.wait()
            return call(number)
        except Waiting as wait:
            return wait
        finally:
            connection.close()

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(run, range(WORKERS)))


def enter(now: datetime) -> Entry:
    return circuits.enter(provider="test", now=now, lease=timedelta(minutes=3))


def test_one_of_many_probes() -> None:
    for _ in range(OPENS_AFTER):
        circuits.failed(entry=enter(NOON), now=NOON, problem="down")
    found = together(lambda _: enter(NOON + FIRST_DELAY))
    assert sum(isinstance(one, Entry) for one in found) == 1
    assert sum(isinstance(one, Waiting) for one in found) == WORKERS - 1


def test_failures_at_the_same_time_are_all_counted() -> None:
    together(lambda _: circuits.failed(entry=Entry("test"), now=NOON, problem="down"))
    circuit = Circuit.objects.get()
    assert (circuit.failures, circuit.state, circuit.retry_at) == (WORKERS, "open", NOON + FIRST_DELAY)


def test_all_are_answered_and_never_more_at_once_than_allowed(model_server: ProviderServer) -> None:
    """Each answer is held until as many as may be are under way."""
    full = threading.Barrier(2, timeout=LONG)

    def answer(_: Asked) -> dict[str, Any]:
        full.wait()
        return RIGHT

    model_server.always = answer
    with provider(options_for(model_server, concurrency=2, timeout_s=60)) as made:
        assert made.exchange  # made before there are threads
        found = together(lambda number: made.ask(question(f"number {number}"), now=NOON).value.words)
    assert found == [RIGHT["words"]] * WORKERS
    assert model_server.most_under_way == 2
    assert ProviderCall.objects.filter(outcome="answered").count() == WORKERS
