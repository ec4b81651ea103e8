"""A provider that fails is left alone, and one worker at a time finds out whether it is back."""

from datetime import UTC, datetime, timedelta

import pytest

from reports import circuits
from reports.circuits import FIRST_DELAY, LONGEST_ASKED, LONGEST_DELAY, OPENS_AFTER, Entry
from reports.models import Circuit
from reports.providers import Waiting

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LEASE = timedelta(minutes=3)


def enter(now: datetime = NOON, provider: str = "vllm") -> Entry:
    return circuits.enter(provider=provider, now=now, lease=LEASE)


def fail(now: datetime = NOON, *, times: int = 1, retry_after_s: float | None = None) -> None:
    for _ in range(times):
        circuits.failed(entry=enter(now), now=now, problem="no answer", retry_after_s=retry_after_s)


def until(now: datetime) -> datetime:
    with pytest.raises(Waiting) as caught:
        enter(now)
    return caught.value.until


def test_it_opens_at_the_failure_that_is_one_too_many() -> None:
    fail(times=OPENS_AFTER - 1)
    assert enter() == Entry("vllm")
    fail()
    assert until(NOON) == NOON + FIRST_DELAY
    assert enter(provider="other") == Entry("other")


def test_a_success_in_between_begins_the_count_anew() -> None:
    fail(times=OPENS_AFTER - 1)
    circuits.succeeded(entry=enter())
    fail(times=OPENS_AFTER - 1)
    assert enter() == Entry("vllm")
    fail()
    assert until(NOON) == NOON + FIRST_DELAY


def test_a_wrong_setting_opens_it_at_once() -> None:
    circuits.failed(entry=enter(), now=NOON, problem="the key is refused", at_once=True)
    with pytest.raises(Waiting, match=r"waiting for vllm since 12:00 UTC: the key is refused"):
        enter(NOON + SECOND)


def test_one_worker_probes_when_the_delay_is_over_and_not_a_second_before() -> None:
    fail(times=OPENS_AFTER)
    due = NOON + FIRST_DELAY
    assert until(due - SECOND) == due
    assert enter(due) == Entry("vllm", probing_since=due)
    assert until(due) == due + LEASE
    assert Circuit.objects.get().state == "half-open"


def test_a_probe_that_succeeds_closes_it() -> None:
    fail(times=OPENS_AFTER)
    circuits.succeeded(entry=enter(NOON + FIRST_DELAY))
    circuit = Circuit.objects.get()
    assert (circuit.state, circuit.failures, circuit.retry_at, circuit.problem) == ("closed", 0, None, "")
    assert circuits.open_circuits() == []


def test_each_probe_that_fails_waits_twice_as_long_up_to_a_limit() -> None:
    fail(times=OPENS_AFTER)
    now, delays = NOON + FIRST_DELAY, []
    for _ in range(7):
        fail(now)
        delays.append(until(now) - now)
        now += delays[-1]
    assert delays[:4] == [2 * FIRST_DELAY, 4 * FIRST_DELAY, 8 * FIRST_DELAY, 16 * FIRST_DELAY]
    assert delays[-1] == LONGEST_DELAY
    assert Circuit.objects.get().open_since == NOON


def test_a_worker_that_dies_while_it_probes_gives_way_when_its_lease_is_over() -> None:
    fail(times=OPENS_AFTER)
    due = NOON + FIRST_DELAY
    dead = enter(due)
    assert until(due + LEASE - SECOND) == due + LEASE
    alive = enter(due + LEASE)
    assert alive.probing_since == due + LEASE
    circuits.failed(entry=dead, now=due + LEASE + SECOND, problem="late")
    assert Circuit.objects.get().state == "half-open"
    circuits.succeeded(entry=alive)
    assert enter(due + LEASE) == Entry("vllm")


def test_calls_that_were_under_way_when_it_opened_delay_nothing() -> None:
    late = enter()
    fail(times=OPENS_AFTER)
    circuits.failed(entry=late, now=NOON + FIRST_DELAY - SECOND, problem="late")
    assert enter(NOON + FIRST_DELAY).probing_since == NOON + FIRST_DELAY


def test_a_probe_that_was_not_asked_is_the_next_ones() -> None:
    fail(times=OPENS_AFTER)
    due = NOON + FIRST_DELAY
    circuits.gave_back(entry=enter(due), now=due)
    assert enter(due + SECOND).probing_since == due + SECOND


@pytest.mark.parametrize(
    ("asked", "granted"),
    [(5.0, timedelta(seconds=5)), (90.0, timedelta(seconds=90)), (1e9, LONGEST_ASKED), (float("inf"), LONGEST_ASKED)],
)
def test_a_pause_that_a_provider_asks_for_is_kept_by_all(asked: float, granted: timedelta) -> None:
    fail(retry_after_s=asked)
    assert until(NOON) == NOON + granted
    assert until(NOON + granted - SECOND) == NOON + granted
    assert enter(NOON + granted).probing_since == NOON + granted


@pytest.mark.parametrize("asked", [4.9, 0.0, -5.0, None])
def test_a_short_pause_is_kept_by_the_one_that_was_asked_for_it(asked: float | None) -> None:
    fail(retry_after_s=asked)
    assert enter() == Entry("vllm")


def test_a_broken_provider_is_left_alone_for_the_longer_of_both() -> None:
    fail(times=OPENS_AFTER - 1)
    fail(retry_after_s=10.0)
    assert until(NOON) == NOON + FIRST_DELAY
    fail(NOON + FIRST_DELAY, retry_after_s=600.0)
    assert until(NOON + FIRST_DELAY) == NOON + FIRST_DELAY + timedelta(seconds=600)


def test_the_page_says_since_when_it_waits() -> None:
    fail(times=OPENS_AFTER)
    (circuit,) = circuits.open_circuits()
    assert circuits.waiting(circuit, now=NOON + 11 * SECOND) == "waiting for vllm since 12:00 UTC"
    assert circuits.waiting(circuit, now=NOON + timedelta(days=1)) == "waiting for vllm since 5 Mar, 12:00 UTC"
    assert circuits.waiting(Circuit(provider="other"), now=NOON) == ""
