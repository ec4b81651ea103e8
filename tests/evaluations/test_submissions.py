from datetime import timedelta
from typing import Any

import pytest
from django.db import Error, transaction
from django.utils import timezone

from arena.errors import ArenaError
from arena.models import PolicyVersion
from evaluations import drafts, guesses, sessions, submissions
from evaluations.models import Episode, Guess, Label, Result, Session, State
from evaluations.scopes import REAL
from tests.factories import Arena, make_version, open_session, upload_episode

JUDGED = {
    "a_progress": 80,
    "a_success": True,
    "b_progress": 30,
    "b_success": False,
    "preference": "A",
    "notes": " A was steadier. ",
}


@pytest.fixture
def session(arena: Arena) -> Session:
    return open_session(arena)


def enter(session: Session, **values: Any) -> None:
    drafts.save(session=session, revision=drafts.read(session).revision, changes=values, now=timezone.now())


def submit(session: Session) -> Session:
    return submissions.submit_draft(session=session, now=timezone.now())


def test_a_draft_becomes_two_episodes_and_a_result(session: Session) -> None:
    enter(session, **JUDGED, b_failure_modes=["dropped", "froze"], b_recovered=False)
    ended = submit(session)
    assert (ended.state, ended.valid, ended.reason) == (State.SUBMITTED, True, "")
    a, b = Episode.objects.order_by("side__label")
    assert (a.progress, a.success, a.failure_modes, a.recovered) == (0.8, True, [], None)
    assert (b.progress, b.success, b.failure_modes, b.recovered) == (0.3, False, ["dropped", "froze"], False)
    result = Result.objects.get()
    assert (result.preference, result.notes) == ("A", "A was steadier.")


def test_what_is_missing_is_said_and_nothing_is_lost(session: Session) -> None:
    enter(session, a_progress=10, notes="half a draft")
    lacking = submissions.missing(session, drafts.read(session).values)
    assert [one.field for one in lacking] == ["a_success", "b_progress", "b_success", "preference"]
    assert lacking[0].text == "Did A do the task?"
    with pytest.raises(ArenaError) as refused:
        submit(session)
    assert refused.value.code == "incomplete"
    session.refresh_from_db()
    assert session.is_open
    assert Episode.objects.count() == Result.objects.count() == 0
    assert drafts.read(session).values["notes"] == "half a draft"


def test_an_episode_that_the_client_uploaded_stands(session: Session) -> None:
    upload_episode(session, Label.A, progress=0.55)
    enter(session, a_progress=90, b_progress=30, b_success=False, preference="B")
    assert submit(session).valid
    assert Episode.objects.get(side__label="A").progress == 0.55


def test_a_session_that_is_not_to_count_needs_only_its_reason(session: Session) -> None:
    enter(session, valid=False, a_progress=40)
    with pytest.raises(ArenaError):
        submit(session)
    enter(session, invalid_reason="robot_fault", invalid_comment="The gripper  lost power.")
    ended = submit(session)
    assert (ended.state, ended.valid, ended.reason) == (State.SUBMITTED, False, "robot_fault")
    assert ended.reason_comment == "The gripper lost power."
    assert Episode.objects.get().success is None  # it was never said


def test_submitting_twice_is_submitting_once(session: Session) -> None:
    enter(session, **JUDGED)
    first, again = submit(session), submit(session)
    assert (first.closed_at, Result.objects.count(), Episode.objects.count()) == (again.closed_at, 1, 2)


def test_after_the_lease_the_judgement_is_kept_and_does_not_count(session: Session) -> None:
    enter(session, **JUDGED)
    session.refresh_from_db()
    assert session.lease_expires_at is not None
    late = submissions.submit_draft(session=session, now=session.lease_expires_at)
    assert late.state == State.EXPIRED
    assert Result.objects.get().preference == "A"


def test_until_the_reveal_nothing_is_published(arena: Arena, session: Session) -> None:
    enter(session, **JUDGED)
    assert submit(session).is_blind
    assert not Session.objects.valid().exists()
    sessions.reveal_overdue(now=timezone.now() + sessions.GUESS_WINDOW - timedelta(seconds=1))
    assert not Session.objects.public().exists()
    assert sessions.reveal_overdue(now=timezone.now() + sessions.GUESS_WINDOW + timedelta(seconds=1)) == 1
    assert Session.objects.valid().get() == session


def test_an_open_session_is_not_revealed(session: Session) -> None:
    with pytest.raises(ArenaError) as refused:
        sessions.reveal(session=session, now=timezone.now())
    assert refused.value.code == "session_open"
    with pytest.raises(Error), transaction.atomic():
        Session.objects.update(revealed_at=timezone.now())


def test_the_guess_is_recorded_and_reveals(arena: Arena, session: Session) -> None:
    enter(session, **JUDGED)
    submit(session)
    a = session.sides.get(label="A").version.policy
    guesses.answer(session=session, policy_a=a.slug, policy_b=a.slug, now=timezone.now())
    session.refresh_from_db()
    assert not session.is_blind
    rate = guesses.hit_rate(REAL)
    assert (rate.sessions, rate.named, rate.hits) == (1, 2, 1)
    assert rate.by_chance == pytest.approx(2 / 3)


def test_a_guess_after_the_reveal_counts_for_nothing(arena: Arena, session: Session) -> None:
    enter(session, **JUDGED)
    submit(session)
    guesses.answer(session=session, policy_a=None, policy_b=None, now=timezone.now())
    guesses.answer(session=session, policy_a=arena.versions[0].policy.slug, policy_b=None, now=timezone.now())
    assert not Guess.objects.exists()
    assert guesses.hit_rate(REAL) == guesses.HitRate(sessions=0, named=0, hits=0, by_chance=0.0)


def test_a_guess_names_one_of_the_choices(arena: Arena, session: Session) -> None:
    enter(session, **JUDGED)
    submit(session)
    elsewhere = make_version("other robot", lab=arena.owners, embodiment="UR5")
    with pytest.raises(ArenaError) as refused:
        guesses.answer(session=session, policy_a=elsewhere.policy.slug, policy_b=None, now=timezone.now())
    assert refused.value.code == "policy_unknown"
    assert Session.objects.get().is_blind


def test_the_choices_say_nothing_about_the_pair(arena: Arena, session: Session) -> None:
    every = {version.policy.slug for version in arena.versions}
    make_version("of the evaluating lab", lab=arena.lab)
    PolicyVersion.objects.update(pool=PolicyVersion.Pool.RETIRED)
    assert {policy.slug for policy in guesses.choices(session)} == every
