from datetime import timedelta

import pytest
from django.conf import settings
from django.db import IntegrityError, ProgrammingError
from django.utils import timezone

from arena.errors import AccessDenied, ArenaError, Conflict
from arena.models import AuditEvent, Membership, Role
from evaluations import sessions
from evaluations.models import Exclusion, Label, Preference, Result, Session, State
from evaluations.reasons import Reason
from evaluations.sessions import Judgement
from tests.factories import Arena, finish_session, make_steward, open_session, upload_episode

JUDGEMENT = Judgement(preference=Preference.B, notes="B reached the cup.", valid=True)
SECOND = timedelta(seconds=1)


def test_a_session_runs_from_assigned_to_submitted(arena: Arena) -> None:
    session = open_session(arena)
    assert session.state == State.ASSIGNED
    upload_episode(session, Label.A)
    session.refresh_from_db()
    assert session.state == State.RUNNING
    upload_episode(session, Label.B)
    session = sessions.submit(session=session, judgement=JUDGEMENT, now=timezone.now())
    assert (session.state, session.valid) == (State.SUBMITTED, True)
    tags = AuditEvent.objects.filter(subject=f"session:{session.pk}").order_by("at").values_list("tag", flat=True)
    uploads = ["episode:uploaded-A", "session:started", "episode:uploaded-B"]
    assert list(tags) == ["session:opened", *uploads, "session:submitted"]


@pytest.mark.parametrize(("past_the_lease", "state"), [(-SECOND, State.ASSIGNED), (timedelta(), State.EXPIRED)])
def test_the_lease_ends_at_its_instant(arena: Arena, past_the_lease: timedelta, state: State) -> None:
    session = open_session(arena)
    assert session.lease_expires_at is not None
    sessions.expire_overdue(now=session.lease_expires_at + past_the_lease)
    session.refresh_from_db()
    assert session.state == state


def test_expiry_is_recorded_once_with_its_reason(arena: Arena) -> None:
    session = open_session(arena)
    late = timezone.now() + settings.SESSION_LEASE + SECOND
    assert [sessions.expire_overdue(now=late), sessions.expire_overdue(now=late)] == [1, 0]
    session.refresh_from_db()
    assert (session.state, session.reason, session.closed_at) == (State.EXPIRED, Reason.LEASE_EXPIRED, late)


def test_activity_extends_the_lease_and_starts_the_session(arena: Arena) -> None:
    session = open_session(arena)
    later = timezone.now() + timedelta(hours=1)
    sessions.record_activity(session_ids=[session.pk], now=later)
    session.refresh_from_db()
    assert (session.state, session.lease_expires_at) == (State.RUNNING, later + settings.SESSION_LEASE)


def test_activity_cannot_revive_a_session_that_ended(arena: Arena) -> None:
    session = sessions.abandon(session=open_session(arena), now=timezone.now(), by=arena.dana)
    sessions.record_activity(session_ids=[session.pk], now=timezone.now())
    session.refresh_from_db()
    assert session.state == State.ABANDONED


def test_activity_cannot_revive_an_overdue_lease(arena: Arena) -> None:
    session = open_session(arena)
    late = timezone.now() + settings.SESSION_LEASE + SECOND
    sessions.record_activity(session_ids=[session.pk], now=late)
    assert sessions.expire_overdue(now=late) == 1


@pytest.mark.parametrize("ended_by", ["submit", "abandon", "expire"])
def test_a_session_ends_once(arena: Arena, ended_by: str) -> None:
    session, now = open_session(arena), timezone.now()
    if ended_by == "submit":
        finish_session(session)
    elif ended_by == "abandon":
        sessions.abandon(session=session, now=now, by=arena.dana)
    else:
        sessions.expire_overdue(now=now + settings.SESSION_LEASE + SECOND)
    first = Session.objects.values().get(pk=session.pk)
    sessions.submit(session=session, judgement=JUDGEMENT, now=now + timedelta(days=1))
    sessions.abandon(session=session, now=now + timedelta(days=1), by=arena.dana)
    sessions.expire_overdue(now=now + timedelta(days=1))
    assert Session.objects.values().get(pk=session.pk) == first
    ends = AuditEvent.objects.filter(tag__in=["session:submitted", "session:abandoned", "session:expired"])
    assert ends.count() == 1


def test_a_judgement_after_the_lease_is_kept_and_does_not_count(arena: Arena) -> None:
    session = open_session(arena)
    late = timezone.now() + settings.SESSION_LEASE + SECOND
    for _ in range(2):
        session = sessions.submit(session=session, judgement=JUDGEMENT, now=late)
    assert (session.state, session.valid) == (State.EXPIRED, None)
    assert Result.objects.get().notes == JUDGEMENT.notes


@pytest.mark.parametrize("change", [{"state": "submitted"}, {"valid": False}, {"reason": "marked_invalid"}])
def test_how_a_session_ended_cannot_be_rewritten(arena: Arena, change: dict[str, object]) -> None:
    session = sessions.abandon(session=open_session(arena), now=timezone.now(), by=arena.dana)
    with pytest.raises((ProgrammingError, IntegrityError)):
        Session.objects.filter(pk=session.pk).update(**change)


def test_only_a_steward_excludes(arena: Arena) -> None:
    session = finish_session(open_session(arena))
    with pytest.raises(AccessDenied):
        sessions.exclude(session=session, reason="stake", comment="c", by=arena.dana)


def test_an_evaluator_is_not_dealt_the_policies_of_another_lab_of_theirs(arena: Arena) -> None:
    Membership.objects.create(lab=arena.owners, person=arena.dana, role=Role.OWNER)
    with pytest.raises(Conflict, match="Fewer than two policies"):
        open_session(arena)


@pytest.mark.parametrize(
    "instruction", ["put\u00a0it  on\tthe plate", "wave \U0001f44b\U0001f3fd", "置く", "дай чашку"]
)
def test_any_language_and_blank_is_a_task(arena: Arena, instruction: str) -> None:
    assert open_session(arena, instruction).instruction == " ".join(instruction.split())


def test_the_task_cannot_be_changed_once_the_pair_is_drawn(arena: Arena) -> None:
    session = open_session(arena)
    with pytest.raises(ProgrammingError, match="Cannot update"):
        Session.objects.filter(pk=session.pk).update(instruction="something easier")


@pytest.mark.parametrize("model", [Result, Exclusion])
def test_results_and_exclusions_are_never_edited(arena: Arena, model: type[Result] | type[Exclusion]) -> None:
    session = finish_session(open_session(arena))
    sessions.exclude(session=session, reason="stake", comment="the lab owns side A", by=make_steward())
    with pytest.raises(ProgrammingError, match=r"Cannot update or delete"):
        model.objects.all().delete()


def test_an_exclusion_needs_both_reason_and_comment(arena: Arena) -> None:
    session = finish_session(open_session(arena))
    with pytest.raises(ArenaError, match="published"):
        sessions.exclude(session=session, reason="stake", comment=" ", by=make_steward())


def test_only_a_valid_session_can_be_excluded(arena: Arena) -> None:
    with pytest.raises(Conflict):
        sessions.exclude(session=open_session(arena), reason="stake", comment="c", by=make_steward())


def test_excluding_twice_keeps_the_first_reason(arena: Arena) -> None:
    session = finish_session(open_session(arena))
    eve = make_steward()
    for reason in ("stake", "another"):
        sessions.exclude(session=session, reason=reason, comment="c", by=eve)
    assert Exclusion.objects.get().reason == "stake"
