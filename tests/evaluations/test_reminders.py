from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone

from arena.models import Notice
from evaluations import media, reminders, sessions
from evaluations.episodes import EpisodeReport, record_episode
from evaluations.models import Label, Session
from tests.factories import Arena, make_arena, open_session


@pytest.fixture
def session(arena: Arena) -> Session:
    return open_session(arena, "fold the towel")


def test_a_session_that_runs_out_soon_is_told_of_once_an_end(arena: Arena, session: Session) -> None:
    assert session.lease_expires_at is not None
    before = session.lease_expires_at - reminders.AHEAD
    assert reminders.warn_of_expiry(now=before - timedelta(seconds=1)) == 0
    assert reminders.warn_of_expiry(now=before) == 1
    assert reminders.warn_of_expiry(now=before + timedelta(minutes=1)) == 1
    notice = Notice.objects.get(kind="session-expiring")
    assert (notice.person, notice.path) == (arena.dana, f"/sessions/{session.pk}")
    extended = sessions.extend(session=session, now=before).lease_expires_at
    assert extended is not None
    reminders.warn_of_expiry(now=extended - timedelta(minutes=1))
    assert Notice.objects.filter(kind="session-expiring").count() == 2


def test_a_session_that_ran_out_is_told_of(arena: Arena, session: Session) -> None:
    assert session.lease_expires_at is not None
    for _ in range(2):
        sessions.expire_overdue(now=session.lease_expires_at)
    notice = Notice.objects.get(kind="session-expired")
    assert notice.person == arena.dana
    assert "fold the towel" in notice.text


def test_a_video_that_cannot_be_read_is_told_of_without_naming_a_policy(arena: Arena, session: Session) -> None:
    report = EpisodeReport(progress=0.5, success=False)
    files = {"overhead": ContentFile(b"no video", name="x")}
    episode = record_episode(session=session, label=Label.B, report=report, uploads=files, now=timezone.now())
    media.check_side(side_id=episode.side_id, now=timezone.now())
    notice = Notice.objects.get(kind="media-unreadable")
    assert "overhead camera of side B" in notice.text
    assert not any(version.policy.name in notice.text + notice.subject for version in arena.versions)


@pytest.mark.django_db
def test_nobody_is_written_to_about_simulation() -> None:
    session = open_session(make_arena(simulated=True))
    assert session.lease_expires_at is not None
    reminders.warn_of_expiry(now=session.lease_expires_at - timedelta(minutes=1))
    sessions.expire_overdue(now=session.lease_expires_at)
    assert not Notice.objects.exists()
