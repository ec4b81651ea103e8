"""What draws remember: the weights of pairs, which pairs met on a task, and how often a task was put again."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q

from arena.models import Station
from evaluations.models import PairWeight, Session
from evaluations.pairing import DrawKind, Mix, Pair, repeat_chance

# A task counts as put again from here on: the scene has been laid out anew, and nobody recalls how the policies did.
REPEATED_AFTER = timedelta(days=1)
# Of the sessions on a task only so many of the last ones are looked at.
REMEMBERED = 100
# The share of repeats is kept over so many of a station's last draws.
COUNTED = 1000


def repeated_after(*, simulated: bool) -> timedelta:
    """How long a task rests at a station. Simulated evaluators recall nothing."""
    return timedelta(0) if simulated else REPEATED_AFTER


def weights_among(version_ids: Iterable[int]) -> dict[Pair, float]:
    """The weights of the pairs of these versions that have one."""
    among = list(version_ids)
    stored = PairWeight.objects.filter(version_low__in=among, version_high__in=among)
    return {(low, high): weight for low, high, weight in stored.values_list("version_low", "version_high", "weight")}


@transaction.atomic
def replace_weights(*, versions: Iterable[int], weights: Mapping[Pair, float], now: datetime) -> None:
    """From now on these are the weights of the pairs of these versions; those that are not named have none."""
    among = list(versions)
    stored = PairWeight.objects.filter(version_low__in=among) | PairWeight.objects.filter(version_high__in=among)
    stored.delete()
    PairWeight.objects.bulk_create(
        [
            PairWeight(version_low_id=low, version_high_id=high, weight=weight, updated_at=now)
            for (low, high), weight in sorted(weights.items())
        ],
        update_conflicts=True,
        unique_fields=["version_low", "version_high"],
        update_fields=["weight", "updated_at"],
    )


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


def mix_at(station: Station) -> Mix:
    """How often the next draw here measures the noise or serves an order. Every draw counts, whatever became of it."""
    last = Session.objects.filter(station=station, training=False).order_by("-opened_at")[:COUNTED]
    counts = last.aggregate(drawn=Count("pk"), repeated=Count("pk", filter=Q(draw_kind=DrawKind.REPEAT)))
    return Mix(
        repeat=repeat_chance(share=settings.REPEAT_SHARE, **counts),
        same_policy=settings.SAME_POLICY_SHARE,
        requested=settings.REQUESTED_SHARE,
    )
