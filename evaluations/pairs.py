"""What draws remember: the weights of pairs, which pairs met on a task, and how often a task was put again."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from uuid import UUID, uuid4

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Max, Min, Q, QuerySet

from arena.models import Source, Station
from evaluations.models import PairWeight, Session, Weighing
from evaluations.pairing import DrawKind, Mix, Pair, Weights, repeat_chance

# A task counts as put again from here on: the scene has been laid out anew, and nobody recalls how the policies did.
REPEATED_AFTER = timedelta(days=1)
# Of the sessions on a task only so many of the last ones are looked at.
REMEMBERED = 100
# A pair that a lab did not finish comes back to it for so long, as far as so many of its last sessions tell.
OWED_FOR = timedelta(days=60)
OWED_LOOKED_AT = 500
# The share of repeats is kept over so many of a station's last draws.
COUNTED = 1000


def repeated_after(*, simulated: bool) -> timedelta:
    """How long a task rests at a station. Simulated evaluators recall nothing."""
    return timedelta(0) if simulated else REPEATED_AFTER


def weights() -> Weights:
    """The weights of all pairs that have one. They are read anew when they have changed.

    While one thread reads them, the others draw by the last ones, as they would have done a moment earlier.
    """
    global _kept
    stamp, kept = Weighing.objects.values_list("stamp", flat=True).first(), _kept
    if kept is not None and kept.stamp == stamp:
        return kept.weights
    if not _reading.acquire(blocking=kept is None):
        assert kept is not None
        return kept.weights
    try:
        if _kept is None or _kept.stamp != stamp:
            _kept = _read()
        return _kept.weights
    finally:
        _reading.release()


@dataclass(frozen=True)
class _Kept:
    stamp: UUID | None
    weights: Weights


_kept: _Kept | None = None
_reading = Lock()
_PAIR = np.dtype([("low", ">i8"), ("high", ">i8"), ("weight", ">f8")])
# Half a million rows as one value: taken one by one they would keep the whole process waiting for a second.
_READ = f"""
    select
        (select stamp from {Weighing._meta.db_table}),
        coalesce(string_agg(int8send(version_low_id) || int8send(version_high_id) || float8send(weight), ''), '')
    from {PairWeight._meta.db_table}
"""  # noqa: S608 names of our own tables


def _read() -> _Kept:
    with connection.cursor() as cursor:
        cursor.execute(_READ)
        stamp, packed = cursor.fetchone()
    pairs = np.frombuffer(packed, dtype=_PAIR)
    low, high = pairs["low"].astype(np.int64), pairs["high"].astype(np.int64)
    return _Kept(stamp, Weights(low, high, pairs["weight"].astype(np.float64)))


@transaction.atomic
def replace_weights(*, versions: Iterable[int], weights: Mapping[Pair, float], now: datetime) -> None:
    """From now on these are the weights of the pairs of these versions; those that are not named have none.

    Where none has moved by more than HARDLY_MOVED the stored ones stand, and nobody needs to read them again.
    """
    among = list(versions)
    # One renewal at a time.
    Weighing.objects.get_or_create(pk=Weighing.ONLY, defaults={"stamp": uuid4()})
    renewed = Weighing.objects.select_for_update().filter(pk=Weighing.ONLY)
    renewed.get()
    stored = PairWeight.objects.filter(version_low__in=among) | PairWeight.objects.filter(version_high__in=among)
    if _hardly_moved(stored, weights):
        return
    renewed.update(stamp=uuid4())
    stored.delete()
    pairs = sorted(weights)
    low, high = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, [now, low, high, [weights[pair] for pair in pairs]])


# Weights guide the draws of a while. Another estimate of the same scores is no reason to write all of them anew.
HARDLY_MOVED = 1e-3
_WRITE = f"""
    insert into {PairWeight._meta.db_table} (updated_at, version_low_id, version_high_id, weight)
    select %s, * from unnest(%s::bigint[], %s::bigint[], %s::float8[])
    on conflict (version_low_id, version_high_id)
    do update set weight = excluded.weight, updated_at = excluded.updated_at
"""  # noqa: S608 the name of our own table


def _hardly_moved(stored: QuerySet[PairWeight], weights: Mapping[Pair, float]) -> bool:
    if stored.count() != len(weights):
        return False
    rows = stored.values_list("version_low", "version_high", "weight").iterator(chunk_size=20_000)
    return all(abs(weights.get((low, high), math.inf) - weight) <= HARDLY_MOVED for low, high, weight in rows)


def earlier_on_task(*, station: Station, instruction: str, now: datetime) -> set[Pair]:
    """The pairs that met at this station on the same task, and not only just now."""
    sessions = (
        Session.objects.valid()
        .filter(
            station=station, instruction=instruction, closed_at__lt=now - repeated_after(simulated=station.simulated)
        )
        .exclude(draw_kind=DrawKind.SAME_POLICY)
    )
    met = set()
    for session in sessions.order_by("-closed_at").prefetch_related("sides")[:REMEMBERED]:
        low, high = sorted(side.version_id for side in session.sides.all())
        met.add((low, high))
    return met


def owed_by_lab_at(station: Station, *, now: datetime) -> set[Pair]:
    """The pairs that the station's lab was dealt for this robot and brought to no valid end since."""
    dealt = (
        Session.objects.closed()
        .filter(
            lab=station.lab_id,
            embodiment=station.embodiment_id,
            simulated=station.simulated,
            source=Source.REGISTERED,
            training=False,
            opened_at__gt=now - OWED_FOR,
        )
        .exclude(draw_kind=DrawKind.SAME_POLICY)
        .annotate(low=Min("sides__version"), high=Max("sides__version"))
        .order_by("-opened_at", "pk")
        .values_list("valid", "low", "high")[:OWED_LOOKED_AT]
    )
    latest: dict[Pair, bool] = {}
    for valid, low, high in dealt:
        latest.setdefault((low, high), bool(valid))
    return {pair for pair, valid in latest.items() if not valid}


def mix_at(station: Station) -> Mix:
    """How often the next draw here measures the noise or serves an order. Every draw counts, whatever became of it."""
    last = Session.objects.filter(station=station, training=False).order_by("-opened_at")[:COUNTED]
    counts = last.aggregate(drawn=Count("pk"), repeated=Count("pk", filter=Q(draw_kind=DrawKind.REPEAT)))
    return Mix(
        repeat=repeat_chance(share=settings.REPEAT_SHARE, **counts),
        same_policy=settings.SAME_POLICY_SHARE,
        requested=settings.REQUESTED_SHARE,
    )
