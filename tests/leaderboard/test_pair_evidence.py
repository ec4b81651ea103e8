"""Evidence of pairs: written once for what is new, never taken back, read from either side."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.db import ProgrammingError, connection
from django.utils import timezone

from evaluations import evidence, sessions
from evaluations.models import PairEvidence, Preference, Session
from leaderboard import pair_evidence, snapshots
from leaderboard.ranking import anytime
from leaderboard.ranking.anytime import SCORE
from tests.factories import Arena, finish_session, make_arena, make_steward, open_session


@pytest.fixture
def arena(db: None) -> Arena:
    """Two policies, which always meet."""
    return make_arena(policies_in_pool=2)


def play(arena: Arena, times: int, *, winner: int | None = None) -> list[Session]:
    """The version with this id is preferred; without one every session is a tie."""
    made = []
    for number in range(times):
        session = open_session(arena, f"put the cup on the plate {number}")
        sides = {side.label: side.version_id for side in session.sides.all()}
        preference = Preference.TIE
        if winner is not None:
            preference = Preference.A if sides["A"] == winner else Preference.B
        progress = (0.9, 0.3) if preference == Preference.A else (0.3, 0.9)
        made.append(finish_session(session, preference=preference, progress=progress))
    return made


def write() -> int:
    now = timezone.now()
    snapshots.recompute_all(now=now)
    return pair_evidence.write(now=now)


def ids(arena: Arena) -> tuple[int, int]:
    low, high = sorted(version.pk for version in arena.versions)
    return low, high


def test_what_two_versions_have_shown_is_written_down(arena: Arena) -> None:
    low, high = ids(arena)
    play(arena, 3, winner=high)
    play(arena, 1)
    assert write() == 1
    stored = PairEvidence.objects.get()
    assert (stored.version_low_id, stored.version_high_id) == (low, high)
    assert (stored.wins, stored.ties, stored.losses) == (0, 1, 3)
    assert stored.verdict == "undecided"
    assert stored.preference["n"] == stored.progress["n"] == 4
    assert stored.preference["mean"] == pytest.approx(0.125)
    assert stored.progress["mean"] < 0
    assert stored.more_sessions is not None
    assert stored.more_sessions > 1


def test_a_verdict_is_told_from_either_side_and_stands(arena: Arena) -> None:
    low, high = ids(arena)
    play(arena, 14, winner=high)
    write()
    found, turned = evidence.decision(low, high), evidence.decision(high, low)
    assert found is not None
    assert turned is not None
    assert (found.verdict, turned.verdict) == ("worse", "better")
    assert found.decided_after is not None
    assert found.decided_after <= 14
    assert found.in_family
    play(arena, 20, winner=low)
    write()
    later = evidence.decision(low, high)
    assert later is not None
    assert (later.verdict, later.decided_after) == (found.verdict, found.decided_after)
    with pytest.raises(ProgrammingError, match="Cannot update"):
        PairEvidence.objects.update(verdict="better")


def test_nothing_new_writes_nothing(arena: Arena) -> None:
    play(arena, 3)
    assert write() == 1
    before = PairEvidence.objects.get().updated_at
    assert pair_evidence.write(now=timezone.now() + timedelta(hours=1)) == 0
    assert PairEvidence.objects.get().updated_at == before


def test_pairs_without_news_ask_for_nothing(db: None, django_assert_max_num_queries: Any) -> None:
    """Of six pairs one has met anew: the others cost no question of their own."""
    arena = make_arena(policies_in_pool=4)
    play(arena, 40)
    assert write() == PairEvidence.objects.count() == 6
    with django_assert_max_num_queries(20):
        assert pair_evidence.write(now=timezone.now()) == 0
    play(arena, 1)
    assert write() == 1


def test_a_session_in_place_of_another_is_noticed(arena: Arena) -> None:
    """One is excluded and one is added that was preferred alike: only the progress tells."""
    low, _ = ids(arena)
    first, _ = play(arena, 2, winner=low)
    write()
    before = PairEvidence.objects.get()
    sessions.exclude(session=first, reason="stake", comment="c", by=make_steward())
    session = open_session(arena, "another task")
    preference = Preference.A if session.sides.get(label="A").version_id == low else Preference.B
    finish_session(session, preference=preference, progress=(0.5, 0.5))
    assert write() == 1
    after = PairEvidence.objects.get()
    assert (before.wins, before.losses) == (after.wins, after.losses)
    assert after.progress["mean"] == pytest.approx(before.progress["mean"] / 2)


def test_those_that_never_met_have_no_decision(arena: Arena) -> None:
    assert evidence.decision(*ids(arena)) is None
    assert pair_evidence.write(now=timezone.now()) == 0


def test_bodies_of_evidence_are_not_mixed(db: None) -> None:
    real, simulated = make_arena(policies_in_pool=2), make_arena(policies_in_pool=2, simulated=True)
    play(real, 2)
    play(simulated, 3)
    assert write() == 2
    by_n = {row.version_low_id: row.ties for row in PairEvidence.objects.all()}
    assert by_n == {ids(real)[0]: 2, ids(simulated)[0]: 3}


def test_how_many_are_needed_is_none_where_nobody_would_run_them() -> None:
    assert pair_evidence.sessions_needed(0.4, 0.2) is None
    few, many = pair_evidence.sessions_needed(0.7, 0.1), pair_evidence.sessions_needed(0.55, 0.1)
    assert few is not None
    assert many is not None
    assert few < many


def test_the_rate_of_false_certificates_is_bounded_however_often_one_looks() -> None:
    """Equal policies, ties among them, looked at after each of 300 sessions."""
    rng = np.random.default_rng(5)
    settings = anytime.AnytimeSettings(alpha=0.1)
    runs = 300
    equal = [SCORE[rng.choice(3, size=300, p=[0.4, 0.2, 0.4])] for _ in range(runs)]
    verdicts = [anytime.evidence(one, low=0.0, high=1.0, settings=settings).verdict for one in equal]
    false = sum(verdict != "undecided" for verdict in verdicts)
    # 0.1 and three standard errors of 300 runs.
    assert false / runs <= 0.1 + 3 * (0.1 * 0.9 / runs) ** 0.5


@pytest.mark.django_db(transaction=True)
def test_two_workers_write_one_row() -> None:
    arena = make_arena(policies_in_pool=2)
    play(arena, 3)
    snapshots.recompute_all(now=timezone.now())

    def work(_: Any) -> int:
        try:
            return pair_evidence.write(now=timezone.now())
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert PairEvidence.objects.count() == 1
