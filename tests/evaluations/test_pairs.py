from collections import Counter
from datetime import timedelta

import pytest
from django.db import IntegrityError, ProgrammingError, transaction
from django.test import override_settings
from django.utils import timezone

from arena import affiliations
from arena.models import Policy
from evaluations import assignments, pairs, sessions
from evaluations.models import PairWeight, Session
from evaluations.pairing import FLOOR, UNWEIGHED, DrawKind, Mix, Pair, repeat_chance
from tests.factories import Arena, finish_session, make_arena, make_lab, make_version, open_session, stored_weights

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
    assert stored_weights([a, b, c]) == {(a, b): 0.2, (b, c): 1.0}
    assert stored_weights([a, b]) == {(a, b): 0.2}


def test_weights_in_memory_are_those_that_are_stored(arena: Arena) -> None:
    a, b, c = ids(arena)

    def in_memory() -> list[float]:
        return list(pairs.weights().among((a, b, c)).weights_of(b, [a, c]))

    assert in_memory() == [UNWEIGHED, UNWEIGHED]
    weigh(arena, {(a, b): 0.1, (a, c): 0.3})
    assert in_memory() == [0.1, UNWEIGHED]
    weigh(arena, {(b, c): 0.7})
    assert in_memory() == [UNWEIGHED, 0.7]
    assert pairs.weights() is pairs.weights()
    weigh(arena, {})
    assert in_memory() == [UNWEIGHED, UNWEIGHED]


def test_weights_that_hardly_move_are_left_as_they_are(arena: Arena) -> None:
    a, b, c = ids(arena)
    weigh(arena, {(a, b): 0.1, (a, c): 0.3})
    kept = pairs.weights()
    weigh(arena, {(a, b): 0.1, (a, c): 0.3 + pairs.HARDLY_MOVED / 2})
    assert pairs.weights() is kept
    assert stored_weights([a, b, c]) == {(a, b): 0.1, (a, c): 0.3}
    weigh(arena, {(a, b): 0.1, (b, c): 0.3})
    assert stored_weights([a, b, c]) == {(a, b): 0.1, (b, c): 0.3}


def test_weights_that_were_never_stored_are_forgotten(arena: Arena) -> None:
    a, b, c = ids(arena)
    with transaction.atomic():
        weigh(arena, {(a, b): 0.0})
        assert list(pairs.weights().among((a, b, c)).weights_of(a, [b])) == [0.0]
        transaction.set_rollback(True)
    assert list(pairs.weights().among((a, b, c)).weights_of(a, [b])) == [UNWEIGHED]


def test_nobody_waits_while_another_reads_the_weights(arena: Arena) -> None:
    before = pairs.weights()
    weigh(arena, {(ids(arena)[0], ids(arena)[1]): 0.5})
    with pairs._reading:
        assert pairs.weights() is before
    assert pairs.weights() is not before


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


@override_settings(REPEAT_SHARE=0.2)
def test_the_same_task_at_another_time_may_meet_the_same_pair(arena: Arena) -> None:
    now = timezone.now()
    first = finish_session(open_session(arena, TASK, now=now), now=now)
    met = pair_of(first)
    again = open_session(arena, TASK, now=now + LATER)
    chance = repeat_chance(share=0.2, drawn=1, repeated=0)
    even = (1 - chance) / 3
    expected = (even + chance if pair_of(again) == met else even) / 2
    assert again.pair_probability == pytest.approx(expected)


@override_settings(REPEAT_SHARE=0.1, SAME_POLICY_SHARE=0.1)
def test_every_session_keeps_the_kind_of_its_draw(arena: Arena) -> None:
    now = timezone.now() - 400 * LATER
    kinds: Counter[str] = Counter()
    for _ in range(60):
        now += LATER
        session = open_session(arena, TASK, now=now)
        same = len({side.version_id for side in session.sides.all()}) == 1
        assert same == (session.draw_kind == DrawKind.SAME_POLICY)
        if same:
            assert session.pair_probability == pytest.approx(0.1 / 3)
        kinds[session.draw_kind] += 1
        finish_session(session, now=now)
    assert 2 <= kinds[DrawKind.REPEAT] <= 7  # the share of 60 is 6
    assert 0 < kinds[DrawKind.SAME_POLICY] < 20
    assert kinds[DrawKind.NORMAL] > 30


def test_shares_of_0_leave_normal_draws(arena: Arena) -> None:
    now = timezone.now()
    for _ in range(12):
        now += LATER
        assert finish_session(open_session(arena, TASK, now=now), now=now).draw_kind == DrawKind.NORMAL


@override_settings(REPEAT_SHARE=0.25, SAME_POLICY_SHARE=1.0)
def test_training_measures_no_noise(arena: Arena) -> None:
    Policy.objects.update(practice=True)
    now = timezone.now()
    session = assignments.open_session(
        person=arena.dana, station=arena.station, instruction=TASK, now=now, training=True
    )
    assert session.draw_kind == DrawKind.NORMAL
    assert pairs.mix_at(arena.station) == Mix(
        repeat=0.25, same_policy=1.0, requested=0.5
    )  # and is not among the draws counted


@override_settings(SAME_POLICY_SHARE=1.0)
def test_a_policy_of_a_lab_with_a_stake_never_meets_itself(arena: Arena) -> None:
    neighbours = make_lab()
    own, close = make_version(lab=arena.lab), make_version(lab=neighbours)
    affiliations.declare(lab=arena.lab, other=neighbours, by=arena.dana)
    for number in range(12):
        session = open_session(arena, f"task {number}")
        assert not {side.version_id for side in session.sides.all()} & {own.pk, close.pk}


def test_the_kind_of_a_draw_never_changes(arena: Arena) -> None:
    session = open_session(arena)
    with pytest.raises(ProgrammingError):
        Session.objects.filter(pk=session.pk).update(draw_kind=DrawKind.REPEAT)


def test_what_met_on_a_task(arena: Arena) -> None:
    now = timezone.now()
    first = finish_session(open_session(arena, TASK, now=now), now=now)
    finish_session(open_session(arena, TASK, now=now), now=now, valid=False)
    finish_session(open_session(arena, "another task", now=now), now=now)

    def earlier(at: timedelta) -> set[Pair]:
        return pairs.earlier_on_task(station=arena.station, instruction=TASK, now=now + at)

    assert earlier(timedelta(hours=1)) == set()
    assert earlier(LATER) == {pair_of(first)}


@override_settings(SAME_POLICY_SHARE=1.0)
def test_a_policy_that_met_itself_is_nothing_to_repeat(arena: Arena) -> None:
    now = timezone.now()
    finish_session(open_session(arena, TASK, now=now), now=now)
    assert pairs.earlier_on_task(station=arena.station, instruction=TASK, now=now + LATER) == set()


@pytest.mark.django_db
def test_simulated_evaluators_recall_nothing() -> None:
    arena = make_arena(simulated=True)
    now = timezone.now()
    first = finish_session(open_session(arena, TASK, now=now), now=now)
    soon = now + timedelta(seconds=1)
    assert pairs.earlier_on_task(station=arena.station, instruction=TASK, now=soon) == {pair_of(first)}


@pytest.mark.parametrize("ending", ["abandoned", "expired", "invalid"])
def test_a_pair_that_was_not_finished_is_owed_until_it_is(arena: Arena, ending: str) -> None:
    now = timezone.now()
    session = open_session(arena, "first", now=now)
    assert pairs.owed_by_lab_at(arena.station, now=now) == set()
    match ending:
        case "abandoned":
            sessions.abandon(session=session, now=now, by=arena.dana)
        case "expired":
            sessions.expire_overdue(now=now + timedelta(days=1))
        case "invalid":
            finish_session(session, valid=False, now=now)
    assert pairs.owed_by_lab_at(arena.station, now=now) == {pair_of(session)}
    assert pairs.owed_by_lab_at(arena.station, now=now + pairs.OWED_FOR + timedelta(seconds=1)) == set()
    other = make_arena().station
    assert pairs.owed_by_lab_at(other, now=now) == set()
    draws = 0
    while pair_of(session) in pairs.owed_by_lab_at(arena.station, now=now):
        draws += 1
        at = now + timedelta(minutes=draws)
        finish_session(open_session(arena, f"again {draws}", now=at), now=at)
    assert draws < 25  # each gives it back with a chance of two thirds
    assert pairs.owed_by_lab_at(arena.station, now=now) == set()


def test_nobody_gets_rid_of_a_pair_by_giving_it_up(arena: Arena) -> None:
    """Whoever gives up every session with one policy is dealt it more often, not less."""
    unwelcome, now = arena.versions[0].pk, timezone.now()
    met = []
    for number in range(120):
        at = now + timedelta(minutes=number)
        session = open_session(arena, f"task {number}", now=at)
        met.append(unwelcome in pair_of(session))
        if met[-1]:
            sessions.abandon(session=session, now=at, by=arena.dana)
        else:
            finish_session(session, now=at)
    assert sum(met) / len(met) > 0.7  # two of three pairs hold it, and those that are owed come on top
