"""Which requests a draw at a station may serve."""

from collections import Counter
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from arena.models import Station
from evaluations.models import OPEN_STATES, EvaluationRequest, Session, State, TaskCategory
from evaluations.pairing import Order
from evaluations.requests.orders import lock

_STILL_COUNTS = Q(state__in=OPEN_STATES) | Q(state=State.SUBMITTED, valid=True)


def orders_at(*, station: Station, category: TaskCategory, now: datetime) -> list[Order]:
    """The orders that a session at this station, on a task of this kind, may serve, as far as the station decides."""
    requests = EvaluationRequest.objects.filter(
        Q(until=None) | Q(until__gt=now),
        state=EvaluationRequest.State.OPEN,
        version__embodiment=station.embodiment_id,
        version__policy__simulated=station.simulated,
    ).prefetch_related("opponents")
    fitting = [request for request in requests if not request.categories or category in request.categories]
    caused = _caused(fitting)
    return [
        Order(
            order_id=request.pk,
            owner_id=request.lab_id,
            version_id=request.version_id,
            opponents=frozenset(opponent.pk for opponent in request.opponents.all()),
        )
        for request in fitting
        if _has_room(request, caused, station.lab_id)
    ]


def claim(*, order_id: UUID, station: Station, now: datetime) -> EvaluationRequest | None:
    """The request, locked, if it still has room for one more session; another draw may have been quicker.

    One that has none is let go at once: the draw takes up another next, and that may be kept by who waits for this one.
    """
    with transaction.atomic():
        request = lock(order_id)
        timely = request.until is None or now < request.until
        open_still = request.state == EvaluationRequest.State.OPEN
        if open_still and timely and _has_room(request, _caused([request]), station.lab_id):
            return request
        transaction.set_rollback(True)
    return None


def _caused(requests: list[EvaluationRequest]) -> Counter[tuple[object, int]]:
    """How many sessions of each request, by lab, are open or were valid."""
    rows = Session.objects.filter(_STILL_COUNTS, request__in=requests).values_list("request_id", "lab_id")
    return Counter(rows)


def _has_room(request: EvaluationRequest, caused: Counter[tuple[object, int]], lab_id: int) -> bool:
    from_all = sum(count for (pk, _), count in caused.items() if pk == request.pk)
    cap = request.most_from_one_lab
    return from_all < request.wanted and (cap is None or caused[request.pk, lab_id] < cap)
