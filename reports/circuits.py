"""A provider that fails is left alone for a while, lest everything waits for its time-outs. One worker then probes.

Whoever asks calls `enter`, and then exactly one of `succeeded`, `failed` and `gave_back`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from arena.texts import since
from reports.models import Circuit
from reports.providers import Waiting

OPENS_AFTER = 5
"""Failures in a row."""
FIRST_DELAY = timedelta(seconds=30)
LONGEST_DELAY = timedelta(minutes=10)
# Where another one has just begun to probe.
SOONEST = timedelta(seconds=5)
# A provider that asks for so long a pause is given it by all, at once.
SHORTEST_ASKED = timedelta(seconds=5)
LONGEST_ASKED = timedelta(hours=1)


@dataclass(frozen=True)
class Entry:
    provider: str
    probing_since: datetime | None = None
    """Where this is the one that probes."""


def enter(*, provider: str, now: datetime, lease: timedelta) -> Entry:
    """Raises Waiting where the circuit is open. A probe that says nothing for `lease` is given up."""
    found = Circuit.objects.filter(provider=provider, open_since__isnull=False).first()
    if found is None or found.retry_at is None:
        return Entry(provider)
    is_ours = Circuit.objects.filter(pk=found.pk, open_since__isnull=False, retry_at__lte=now).update(
        retry_at=now + lease, probing_since=now
    )
    if is_ours:
        return Entry(provider, probing_since=now)
    until = found.retry_at if found.retry_at > now else now + SOONEST
    raise Waiting(f"{waiting(found, now=now)}: {found.problem}", until=until)


def succeeded(*, entry: Entry) -> bool:
    """It answers: closed, whoever found out. Whether it was in trouble before."""
    troubled = Circuit.objects.filter(provider=entry.provider).filter(Q(failures__gt=0) | Q(open_since__isnull=False))
    return bool(
        troubled.update(failures=0, failed_probes=0, open_since=None, retry_at=None, probing_since=None, problem="")
    )


@transaction.atomic
def failed(
    *, entry: Entry, now: datetime, problem: str, at_once: bool = False, retry_after_s: float | None = None
) -> None:
    """`at_once` where a further try would fail the same way. `retry_after_s` is what the provider asked for."""
    Circuit.objects.get_or_create(provider=entry.provider)
    circuit = Circuit.objects.select_for_update().get(provider=entry.provider)
    circuit.failures += 1
    circuit.problem = problem[:300]
    asked = timedelta(seconds=min(max(retry_after_s or 0.0, 0.0), LONGEST_ASKED.total_seconds()))
    is_broken = at_once or circuit.failures >= OPENS_AFTER
    if circuit.open_since is None:
        if is_broken or asked >= SHORTEST_ASKED:
            circuit.open_since, circuit.failed_probes = now, 0
            circuit.retry_at = now + (max(FIRST_DELAY, asked) if is_broken else asked)
    elif entry.probing_since is not None and circuit.probing_since == entry.probing_since:
        circuit.failed_probes += 1
        circuit.probing_since = None
        circuit.retry_at = now + max(_delay(circuit.failed_probes), asked)
    circuit.save()


def gave_back(*, entry: Entry, now: datetime) -> None:
    """It was not asked after all: the next may probe."""
    if entry.probing_since is not None:
        Circuit.objects.filter(provider=entry.provider, probing_since=entry.probing_since).update(
            retry_at=now, probing_since=None
        )


def open_circuits() -> Sequence[Circuit]:
    return list(Circuit.objects.filter(open_since__isnull=False))


def waiting(circuit: Circuit, *, now: datetime) -> str:
    """`waiting for vllm since 14:02 UTC`, with the day where it was another."""
    if circuit.open_since is None:
        return ""
    return f"waiting for {circuit.provider} since {since(circuit.open_since, now)}"


def _delay(failed_probes: int) -> timedelta:
    return min(FIRST_DELAY * (1 << min(failed_probes, 10)), LONGEST_DELAY)
