"""The page of the platform's state tells what waits, since when, and for what."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from evaluations.models import Label
from leaderboard.models import BoardRun
from reports import circuits, work
from reports.models import Work
from reports.providers import Waiting
from tests.factories import Arena, open_session, upload_episode
from workers import line

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
AT = NOW - timedelta(minutes=28)


def of(name: str) -> line.Line:
    return next(one for one in line.lines(now=NOW) if one.name == name)


def test_an_empty_line_says_so(client: Client) -> None:
    assert [(one.name, one.waiting, one.running, one.failed, one.sentences) for one in line.lines(now=NOW)] == [
        (name, 0, 0, 0, ()) for name in ("media", "ranking", "tagging", "reports")
    ]
    assert client.get("/status").content.decode().count("Nothing waits.") == 4


def test_a_service_that_is_away_is_told_with_the_time_and_the_line(client: Client) -> None:
    entry = circuits.enter(provider="seer", now=AT, lease=timedelta(minutes=1))
    circuits.failed(entry=entry, now=AT, problem="it does not answer", at_once=True)
    for number in range(37):
        work.ask(kind=Work.Kind.TAG_SESSION, subject=f"s{number}", now=AT)
    for piece in Work.objects.all():
        held = work.take(work_id=piece.pk, now=AT)
        assert held is not None
        with work.told_of_failure(held, service="seer", now=AT):
            with pytest.raises(Waiting) as away:
                circuits.enter(provider="seer", now=AT, lease=timedelta(minutes=1))
            raise away.value
    tagging = of("tagging")
    assert tagging.waiting == 37
    assert tagging.sentences[0] == "Waiting for seer since 14:02 UTC: it does not answer. 37 in line."
    assert "37 in line" in client.get("/status").content.decode()


def test_videos_boards_and_failed_work_are_counted(arena: Arena) -> None:
    upload_episode(open_session(arena), Label.A, video=b"not a video")
    BoardRun.objects.create(board="overall.lab.x", asked_at=AT)
    held = work.take(work_id=work.ask(kind=Work.Kind.WRITE_REPORT, subject="a@1", now=AT).pk, now=AT)
    assert held is not None
    work.fail(held, now=AT, reason="nonsense")
    assert of("media").waiting == 1
    assert (of("ranking").waiting, of("ranking").sentences) == (1, ("The first in line was asked for at 14:02 UTC.",))
    assert (of("reports").waiting, of("reports").failed) == (0, 1)


def test_the_page_takes_the_same_queries_whatever_waits(django_assert_max_num_queries: object, client: Client) -> None:
    for number in range(20):
        work.ask(kind=Work.Kind.TAG_SESSION, subject=f"s{number}", now=timezone.now())
    with django_assert_max_num_queries(8):  # type: ignore[operator]
        client.get("/status")
