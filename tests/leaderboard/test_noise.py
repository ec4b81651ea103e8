"""The noise floor from real sessions."""

from datetime import datetime, timedelta
from unittest.mock import patch

import pytest
from django.core.cache import cache
from django.test import override_settings
from django.utils import timezone

from evaluations import assignments, sessions
from evaluations.models import Preference, Session
from evaluations.pairing import Draw, DrawKind
from evaluations.scopes import REAL, SIMULATION
from leaderboard import noise
from leaderboard.noise import measure, noise_floor
from leaderboard.noise_words import told
from tests.factories import Arena, finish_session, make_arena, make_steward, open_session

A, B, TIE = Preference.A, Preference.B, Preference.TIE
DAY = timedelta(days=2)
START = timezone.now() - timedelta(days=300)


def play_twice(arena: Arena, preference: Preference, progress: tuple[float, float]) -> Session:
    """One policy on both sides."""
    with override_settings(SAME_POLICY_SHARE=1.0):
        return finish_session(open_session(arena), preference=preference, progress=progress)


def play(
    arena: Arena, pair: tuple[int, int], preference: Preference, progress: tuple[float, float], at: datetime, task: str
) -> Session:
    """The pair's places among the arena's versions: A first."""
    a, b = (arena.versions[place].pk for place in pair)
    with patch.object(assignments, "_draw", return_value=(Draw(a, b, 0.1, 3, DrawKind.REPEAT), None)):
        session = open_session(arena, task, now=at)
    return finish_session(session, preference=preference, progress=progress, now=at)


def said() -> str:
    return " ".join(line.sentence for group in told(measure(REAL)) for line in group.lines)


def test_without_sessions_nothing_is_measured(db: None) -> None:
    for scope in (REAL, SIMULATION):
        floor = measure(scope)
        assert (floor.same_policy.sessions, floor.repeats.asked_again) == (0, 0)
        assert [(group.measured, {line.figure for line in group.lines}) for group in told(floor)] == [(0, {""})] * 2


def test_one_policy_on_both_sides(arena: Arena) -> None:
    for preference, progress in ((A, (0.5, 0.3)), (A, (0.9, 0.5)), (B, (0.2, 0.2)), (TIE, (1.0, 1.0))):
        play_twice(arena, preference, progress)
    found = measure(REAL).same_policy
    assert found.ties is not None
    assert found.a_preferred is not None
    assert found.distance is not None
    assert found.a_ahead is not None
    assert found.spread is not None
    assert found.sessions == 4
    assert (found.ties.value, found.ties.n) == (1 / 4, 4)
    assert (found.a_preferred.value, found.a_preferred.n) == (2 / 3, 3)
    assert found.distance.value == pytest.approx(0.15)
    assert found.a_ahead.value == pytest.approx(0.15)
    assert found.spread.value == pytest.approx(0.19148542)  # of .2, .4, 0, 0


def test_the_same_question_again(arena: Arena) -> None:
    """Three tasks are asked twice, sides changed the second time: the same answer, the other one, a tie."""
    for task, second in (("one", B), ("two", A), ("three", TIE)):
        play(arena, (0, 1), A, (0.8, 0.4), START, task)
        play(arena, (1, 0), second, (0.3, 0.5), START + DAY, task)
    found = measure(REAL).repeats
    assert found.same is not None
    assert found.flipped is not None
    assert found.spread is not None
    assert found.asked_again == 3
    assert (found.same.value, found.flipped.value) == (1 / 3, 1 / 3)
    assert found.spread.value == 0  # .4 ahead, then .2: luck, but the same each time
    assert found.agreement is None  # three are too few


def test_what_is_no_question_again(arena: Arena) -> None:
    play(arena, (0, 1), A, (0.8, 0.4), START, "one")
    play(arena, (0, 1), A, (0.8, 0.4), START + timedelta(hours=3), "one")  # the same day
    play(arena, (0, 2), A, (0.8, 0.4), START + DAY, "one")  # another pair
    play(arena, (0, 1), A, (0.8, 0.4), START + DAY, "two")  # another task
    assert measure(REAL).repeats.asked_again == 0
    play(arena, (0, 1), A, (0.8, 0.4), START + DAY, "one")
    assert measure(REAL).repeats.asked_again == 1


def test_only_sessions_that_stand_are_measured(arena: Arena) -> None:
    play_twice(arena, A, (0.5, 0.3))
    steward = make_steward()
    sessions.exclude(session=play_twice(arena, A, (0.5, 0.3)), reason="r", comment="c", by=steward)
    with override_settings(SAME_POLICY_SHARE=1.0):
        finish_session(open_session(arena), valid=False)
        open_session(arena)
    play(arena, (0, 1), A, (0.8, 0.4), START, "one")
    again = play(arena, (0, 1), A, (0.8, 0.4), START + DAY, "one")
    sessions.exclude(session=again, reason="r", comment="c", by=steward)
    floor = measure(REAL)
    assert (floor.same_policy.sessions, floor.repeats.asked_again) == (1, 0)


def test_simulation_is_measured_apart_and_needs_no_rest(db: None) -> None:
    arena = make_arena(simulated=True)
    for minute in range(5):
        play(arena, (0, 1), A, (0.8, 0.1 * minute), START + timedelta(minutes=minute), "one")
    assert measure(REAL).repeats.asked_again == 0
    found = measure(SIMULATION).repeats
    assert (found.asked_again, found.same and found.same.value) == (4, 1)


def test_figures_are_kept_for_a_while(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    first = noise_floor(REAL)
    play_twice(arena, A, (0.5, 0.3))
    assert noise_floor(REAL) == first
    monkeypatch.setattr(noise, "KEPT_S", 0)
    cache.clear()
    assert noise_floor(REAL).same_policy.sessions == 1
    play_twice(arena, A, (0.5, 0.3))
    assert noise_floor(REAL).same_policy.sessions == 2


@pytest.mark.parametrize(
    ("preference", "progress", "preferred", "further"),
    [
        (A, (0.6, 0.4), "A is preferred more often", "The first rollout gets further"),
        (B, (0.4, 0.6), "B is preferred more often", "The second rollout gets further"),
    ],
)
def test_the_sentences_follow_the_figures(
    arena: Arena, preference: Preference, progress: tuple[float, float], preferred: str, further: str
) -> None:
    for number in range(6):
        play_twice(arena, preference, (progress[0] + number / 100, progress[1]))
    sentences = said()
    assert preferred in sentences
    assert further in sentences
    assert "one side is preferred all the same in 100 of 100" in sentences


def test_a_balance_shows_no_habit(arena: Arena) -> None:
    for preference, progress in ((A, (0.6, 0.4)), (B, (0.4, 0.6))) * 2:
        play_twice(arena, preference, progress)
    sentences = said()
    assert sentences.count("These sessions do not show") == 2
