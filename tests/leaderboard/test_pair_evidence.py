"""Evidence of pairs: written once for what is new, never taken back, read from either side."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import numpy as np
import pgtrigger
import pytest
from django.db import ProgrammingError, connection
from django.utils import timezone

from arena.models import Policy, Source
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


@pytest.mark.parametrize("column", ["verdict", "progress_verdict"])
def test_the_database_keeps_a_verdict(arena: Arena, column: str) -> None:
    played = play(arena, 14, winner=ids(arena)[1])
    write()
    stored = PairEvidence.objects.get()
    assert (stored.verdict, stored.progress_verdict) == ("worse", "worse")
    assert stored.decided_after is not None
    assert stored.decided_at == played[stored.decided_after - 1].closed_at
    with pytest.raises(ProgrammingError, match="Cannot update"):
        PairEvidence.objects.update(**{column: "better"})


def test_another_progress_is_another_reading() -> None:
    score = np.array([1.0, 0.5])
    readings = {
        pair_evidence.Meeting(1, 2, score, np.array(difference), np.arange(2)).reading
        for difference in ([0.1, np.nan], [0.1, 0.2], [0.2, 0.1])
    }
    assert len(readings) == 3


def test_pairs_that_never_met_are_watched_too(db: None) -> None:
    arena = make_arena(policies_in_pool=4)
    for number in range(8):
        finish_session(open_session(arena, f"fold the towel {number}"))
    write()
    rows = list(PairEvidence.objects.all())
    assert rows
    assert {row.watched for row in rows} == {6}
    assert not any(row.in_family for row in rows)


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


def test_what_others_published_is_certified_too(arena: Arena) -> None:
    play(arena, 14, winner=ids(arena)[0])
    with pgtrigger.ignore("evaluations.Session:session_assignment_immutable"):
        Session.objects.update(source=Source.IMPORTED)
        Policy.objects.update(source=Source.IMPORTED)
    write()
    found = evidence.decision(*ids(arena))
    assert found is not None
    assert (found.verdict, found.watched, found.in_family) == ("better", 1, True)


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


LOOKS = 200


def paths(rng: np.random.Generator, *, equal: int, unequal: int) -> list[np.ndarray]:
    """(LOOKS, 2) of each pair: log E of both directions after each session. In the unequal ones the first is better."""
    found = []
    for win in [0.4] * equal + [0.6] * unequal:
        x = SCORE[rng.choice(3, size=LOOKS, p=[win, 0.2, 0.8 - win])]
        found.append(np.stack([anytime.log_e_path(x), anytime.log_e_path(1 - x)], axis=1))
    return found


def test_watching_many_equal_pairs_rarely_certifies_any_however_often_one_looks() -> None:
    """Twelve equal pairs, each looked at after every session: any certificate at all is a false one."""
    rng, runs = np.random.default_rng(11), 200
    settings = anytime.AnytimeSettings(alpha=0.2, pairs=12)
    alone = anytime.AnytimeSettings(alpha=0.2)
    highest = np.array([[path.max() for path in paths(rng, equal=12, unequal=0)] for _ in range(runs)])
    # Three standard errors above what is stated.
    assert np.mean(highest.max(axis=1) >= settings.threshold) <= 0.2 + 3 * (0.2 * 0.8 / runs) ** 0.5
    # Who picks the most striking of twelve, and reads its certificate as if named beforehand, errs far more often.
    assert np.mean(highest.max(axis=1) >= alone.threshold) > 0.3


def test_of_what_a_family_certifies_few_are_false_at_the_most_tempting_moment() -> None:
    """Eight equal pairs and four that differ; one stops when the false share of the certified is at its worst."""
    rng, runs, alpha = np.random.default_rng(12), 100, 0.2
    shares, found = [], []
    for _ in range(runs):
        log_e = np.stack(paths(rng, equal=8, unequal=4))
        # A look that certifies nothing false is no temptation: stop at the first that does, else at the last.
        certified = np.stack([anytime.e_bh(log_e[:, look].ravel(), alpha=alpha) for look in range(LOOKS)])
        true = np.arange(24) // 2 >= 8
        true[17::2] = False
        false_ones = (certified & ~true).sum(axis=1)
        stop = int(np.argmax(false_ones > 0)) if false_ones.any() else LOOKS - 1
        shares.append(false_ones[stop] / max(certified[stop].sum(), 1))
        found.append(certified[-1, 16::2].mean())
    assert np.mean(shares) <= alpha + 3 * np.std(shares) / runs**0.5
    assert np.mean(found) > 0.3


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
        assert sum(pool.map(work, range(4))) == 1
    assert PairEvidence.objects.count() == 1
