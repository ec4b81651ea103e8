from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone

from evaluations import pairs
from evaluations.models import PairWeight, Session
from evaluations.pairing import FLOOR, REPEATS, Pair
from tests.factories import Arena, finish_session, open_session

TASK = "put the cup on the plate"
LATER = timedelta(days=2)


def ids(arena: Arena) -> list[int]:
    return sorted(version.pk for version in arena.versions)


def weigh(arena: Arena, weights: dict[Pair, float]) -> None:
    pairs.replace_weights(versions=ids(arena), weights=weights, now=timezone.now())


def pair_of(session: Session) -> Pair:
    low, high = sorted(side.version_id for side in session.sides.all())
    return low, high


def test_weights_are_replaced_as_a_whole(arena: Arena) -> None:
    a, b, c = ids(arena)
    weigh(arena, {(a, b): 0.5, (a, c): 0.1})
    weigh(arena, {(a, b): 0.2, (b, c): 1.0})
    assert pairs.weights_among([a, b, c]) == {(a, b): 0.2, (b, c): 1.0}
    assert pairs.weights_among([a, b]) == {(a, b): 0.2}


@pytest.mark.parametrize(("low", "high", "weight"), [(1, 0, 0.5), (0, 0, 0.5), (0, 1, 1.5), (0, 1, -0.1)])
def test_a_weight_has_one_place_and_a_range(arena: Arena, low: int, high: int, weight: float) -> None:
    among = ids(arena)
    with pytest.raises(IntegrityError):
        PairWeight.objects.create(version_low_id=among[low], version_high_id=among[high], weight=weight)


def test_sessions_are_drawn_by_the_weights_and_keep_their_probability(arena: Arena) -> None:
    a, b, c = ids(arena)
    weigh(arena, {(a, b): 1.0, (a, c): 0.0, (b, c): 0.0})
    chances = {(a, b): (1 - FLOOR * 2 / 3) / 2, (a, c): FLOOR / 6, (b, c): FLOOR / 6}
    for number in range(8):
        session = finish_session(open_session(arena, f"task {number}"))
        assert session.pair_probability == pytest.approx(chances[pair_of(session)])


def test_the_same_task_at_another_time_may_meet_the_same_pair(arena: Arena) -> None:
    now = timezone.now()
    first = finish_session(open_session(arena, TASK, now=now), now=now)
    met = pair_of(first)
    again = open_session(arena, TASK, now=now + LATER)
    even = (1 - REPEATS) / 3
    expected = (even + REPEATS if pair_of(again) == met else even) / 2
    assert again.pair_probability == pytest.approx(expected)


def test_what_met_on_a_task(arena: Arena) -> None:
    now = timezone.now()
    first = finish_session(open_session(arena, TASK, now=now), now=now)
    finish_session(open_session(arena, TASK, now=now), now=now, valid=False)
    finish_session(open_session(arena, "another task", now=now), now=now)

    def earlier(at: timedelta) -> list[Pair]:
        return pairs.earlier_on_task(station=arena.station, instruction=TASK, now=now + at)

    assert earlier(timedelta(hours=1)) == []
    assert earlier(LATER) == [pair_of(first)]
