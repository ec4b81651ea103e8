"""Any sequence of calls, in any order and as often as it likes, leaves a session in one consistent state."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from arena.errors import ArenaError
from arena.models import AuditEvent
from evaluations import drafts, guesses, sessions, submissions
from evaluations.models import OPEN_STATES, Episode, Label, Preference, Result, Session, State
from evaluations.sessions import Judgement
from tests.factories import make_arena, open_session, upload_episode

STEPS = st.sampled_from(
    [
        *("upload A", "upload B", "upload A otherwise", "activity", "extend", "draft", "draft a judgement"),
        *(
            "submit",
            "submit invalid",
            "submit veiled",
            "submit the draft",
            "abandon",
            "sweep",
            "late",
            "reveal",
            "guess",
        ),
    ]
)
REFUSALS = {None, "session_ended", "session_open", "episode_exists", "incomplete"}
ENDS = {f"session:{state}" for state in (State.SUBMITTED, State.EXPIRED, State.ABANDONED)}


@pytest.mark.django_db
@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=st.lists(STEPS, max_size=9))
def test_a_session_ends_once_and_what_ended_it_stands(steps: list[str]) -> None:
    session, now = open_session(make_arena(), f"{timezone.now()}"), timezone.now()
    end: Mapping[str, Any] | None = None
    revealed: datetime | None = None
    for step in steps:
        if step == "late":
            now += settings.SESSION_LEASE + timedelta(seconds=1)
            continue
        assert refusal(step, session, now) in REFUSALS
        row: dict[str, Any] = dict(Session.objects.values().get(pk=session.pk))
        revealed_at = row.pop("revealed_at")
        assert revealed is None or revealed_at == revealed, f"{step} changed when it was revealed"
        revealed = revealed_at
        assert end is None or row == end, f"{step} changed a session that had ended"
        if row["state"] not in OPEN_STATES:
            end = row
    assert_consistent(session)


def refusal(step: str, session: Session, now: datetime) -> str | None:
    try:
        do(step, session, now)
    except ArenaError as error:
        return error.code
    return None


def do(step: str, session: Session, now: datetime) -> None:
    judgement = Judgement(preference=Preference.TIE, notes="", valid=step != "submit invalid")
    if step.startswith("upload"):
        progress = 0.9 if step.endswith("otherwise") else 0.5
        upload_episode(session, Label(step.split()[1]), progress=progress, now=now)
    elif step == "activity":
        sessions.record_activity(session_ids=[session.pk], now=now)
    elif step == "extend":
        sessions.extend(session=session, now=now)
    elif step.startswith("draft"):
        whole = {"a_progress": 70, "a_success": True, "b_progress": 30, "b_success": False, "preference": "A"}
        changes = {"a_progress": 50} if step == "draft" else whole
        drafts.save(session=session, revision=drafts.read(session).revision, changes=changes, now=now)
    elif step == "submit the draft":
        submissions.submit_draft(session=session, now=now)
    elif step.startswith("submit"):
        sessions.submit(session=session, judgement=judgement, now=now, veiled=step == "submit veiled")
    elif step == "abandon":
        assert session.evaluator is not None
        sessions.abandon(session=session, now=now, by=session.evaluator)
    elif step == "reveal":
        sessions.reveal(session=session, now=now)
    elif step == "guess":
        guesses.answer(session=session, policy_a=guesses.choices(session)[0].slug, policy_b=None, now=now)
    else:
        sessions.reveal_overdue(now=now)
        sessions.expire_overdue(now=now)


def assert_consistent(session: Session) -> None:
    session.refresh_from_db()
    events = AuditEvent.objects.filter(subject=f"session:{session.pk}", tag__in=ENDS)
    results, episodes = Result.objects.filter(session=session), Episode.objects.filter(side__session=session)
    assert events.count() == (0 if session.is_open else 1)
    assert results.count() <= 1
    assert session.revealed_at is None or not session.is_open
    assert not (session.is_blind and Session.objects.public().filter(pk=session.pk).exists())
    assert results.exists() or session.state != State.SUBMITTED
    assert episodes.count() <= len(Label)
    if session.valid:
        assert episodes.count() == len(Label)
