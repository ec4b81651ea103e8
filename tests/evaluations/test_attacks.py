"""Ways to gain by cheating, each tried out, with what comes of it."""

from datetime import timedelta

import numpy as np
import pytest
from django.test import Client, override_settings
from django.utils import timezone

from arena import keys, stations
from arena.models import Role
from credits import ledger
from evaluations import assignments, pairs, sessions
from evaluations.models import Preference, Session
from evaluations.requests import orders
from leaderboard.ranking import fit
from leaderboard.ranking.result import FitResult
from tests.factories import Arena, finish_session, make_lab, make_person, make_station, make_version, open_session
from tests.leaderboard.ranking.samples import Row, table

TRIES = 40


def versions_of(session: Session) -> set[int]:
    return {side.version_id for side in session.sides.all()}


@pytest.mark.django_db
def test_aborting_unwelcome_pairs_brings_them_back(arena: Arena) -> None:
    """A lab gives up whatever holds a policy that it dislikes. It is dealt that policy all the more, is paid for none
    of these sessions, and all of them stand in its record."""
    unwelcome, now = arena.versions[0].pk, timezone.now()
    given_up = 0
    for number in range(TRIES):
        at = now + timedelta(minutes=number)
        session = open_session(arena, f"task {number}", now=at)
        if unwelcome in versions_of(session):
            sessions.abandon(session=session, now=at, by=arena.dana)
            given_up += 1
        else:
            finish_session(session, now=at)
    assert given_up > TRIES / 2
    assert Session.objects.filter(lab=arena.lab, state="abandoned").count() == given_up
    assert ledger.account_of(arena.lab).balance == 2 * (TRIES - given_up)


@pytest.mark.django_db
def test_a_second_account_does_not_evaluate_its_own_labs_policy(arena: Arena) -> None:
    """Neither at a station of the owners' own, nor by joining another lab, nor as a new account in both."""
    others = make_lab()
    for _ in range(2):
        make_version(lab=others)
    own = {version.pk for version in arena.versions}
    mallory = make_person("mallory@example.org", lab=arena.owners, role=Role.EVALUATOR)
    second = make_person("mallory+2@example.org", lab=arena.owners, role=Role.EVALUATOR)
    for person in (mallory, second):
        arena.lab.memberships.create(person=person, role=Role.EVALUATOR)
    home = make_station(lab=arena.owners)
    for person, station in ((mallory, home), (second, home), (mallory, arena.station), (second, arena.station)):
        for number in range(TRIES // 4):
            session = assignments.open_session(
                person=person, station=station, instruction=f"task {number}", now=timezone.now()
            )
            assert not versions_of(session) & own


@pytest.mark.django_db
def test_leaving_the_lab_first_frees_nobody_who_still_owns(arena: Arena) -> None:
    """Who evaluates for one lab and owns policies through another is barred by either, whichever came first."""
    alice = make_person("alice@example.org", lab=arena.owners, role=Role.OWNER)
    arena.lab.memberships.create(person=alice, role=Role.EVALUATOR)
    keys.create_client_key(person=alice, station=arena.station)
    for _ in range(2):
        make_version(lab=make_lab())
    barred = {version.pk for version in arena.versions}
    for number in range(TRIES // 2):
        session = assignments.open_session(
            person=alice, station=arena.station, instruction=f"task {number}", now=timezone.now()
        )
        assert not versions_of(session) & barred


@pytest.mark.django_db
def test_repeating_a_submission_earns_once(arena: Arena) -> None:
    """Through the domain, through the RoboArena call that a client repeats, and through the API."""
    session = finish_session(open_session(arena))
    judgement = sessions.Judgement(Preference.B, "again", valid=True)
    for _ in range(5):
        sessions.submit(session=session, judgement=judgement, now=timezone.now())
    notes = "VALID_SESSION:\nPREFERENCE=B\nLONGFORM_FEEDBACK=again"
    form = {"session_id": session.pk, "evaluator_code": arena.code, "evaluation_notes": notes}
    assert [Client().post("/terminate_session", form).status_code for _ in range(5)] == [200] * 5
    dana = Client()
    dana.force_login(arena.dana)
    for _ in range(5):
        dana.post(f"/api/v1/sessions/{session.pk}/submit", {}, content_type="application/json")
    assert ledger.account_of(arena.lab).balance == 2
    assert Session.objects.get(pk=session.pk).results.count() == 1


@pytest.mark.django_db
@override_settings(REQUESTED_SHARE=1.0)
def test_an_order_cannot_be_spent_twice(arena: Arena) -> None:
    """Many sessions are open at once while one credit is left: one serves the order, and one is paid."""
    ledger.earn(lab=arena.owners, amount=1, key="welcome")
    alice = make_person("alice@example.org", lab=arena.owners, role=Role.OWNER)
    request = orders.place(version=arena.versions[0], wanted=1, by=alice, now=timezone.now())
    opened = [open_session(arena, f"task {number}") for number in range(6)]
    assert [session.request for session in opened].count(request) == 1
    for session in opened:
        finish_session(session)
    request.refresh_from_db()
    assert (request.state, orders.done(request), ledger.account_of(arena.owners).balance) == ("done", 1, 0)


@pytest.mark.django_db
def test_retiring_a_station_or_moving_lab_sheds_no_debt(arena: Arena) -> None:
    """A pair that was given up at one station comes back at the lab's others, and to its other evaluators."""
    session = open_session(arena)
    sessions.abandon(session=session, now=timezone.now(), by=arena.dana)
    stations.retire_station(station=arena.station, now=timezone.now())
    elsewhere = make_station(lab=arena.lab)
    assert pairs.owed_by_lab_at(elsewhere, now=timezone.now()) == {tuple(sorted(versions_of(session)))}


def flooded(*, flood: int) -> FitResult:
    """Seven honest labs with 60 sessions each, among six policies of which `weak` is the worst; an eighth lab, with a
    stake that nobody knows of, prefers it in every one of its `flood` sessions."""
    rng = np.random.default_rng(3)
    names = ["weak", "p1", "p2", "p3", "p4", "p5"]
    score = dict(zip(names, np.linspace(-1.2, 1.2, 6), strict=True))
    rows: list[Row] = []
    for lab in range(7):
        for _ in range(60):
            a, b = rng.choice(names, 2, replace=False)
            p = 1 / (1 + np.exp(score[b] - score[a]))
            rows.append((str(a), str(b), "A" if rng.random() < p else "B", f"lab {lab}"))
    rows += [("weak", names[1 + number % 5], "A", "interested") for number in range(flood)]
    return fit(table(rows), model="joint")


def test_a_lab_that_floods_the_board_does_not_win_it() -> None:
    """It casts more votes than all others together. What one lab does to policies is that lab's own: its policy stays
    last, every interval says how little is known now, and the lab is named as the one that the order owes most to."""
    honest, attacked = flooded(flood=0), flooded(flood=450)
    before, after = (next(row for row in found.policies if row.policy == "weak") for found in (honest, attacked))
    assert (before.rank, after.rank) == (6, 6)
    assert after.score < 0
    assert all(row.se > 2 * before.se for row in attacked.policies)
    largest = max(attacked.influence, key=lambda one: one.largest_move)
    assert (largest.lab, largest.n, largest.of_policy) == ("interested", 450, "weak")
    assert largest.share > 0.5
