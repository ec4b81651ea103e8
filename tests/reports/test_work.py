"""The queue of taggers and writers: done in the end, once, whatever dies meanwhile."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from arena import jobs
from arena.errors import AccessDenied, ArenaError, Conflict
from arena.jobs import Job
from arena.models import AuditEvent, Person
from reports import work
from reports.models import Work
from reports.providers import Misconfigured, Temporary, Unusable, Waiting
from tests.factories import make_steward


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The jobs that were sent, in order."""
    found: list[str] = []
    monkeypatch.setattr(jobs, "_dispatcher", lambda job, arguments: found.append(job))
    return found


pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 12, tzinfo=timezone.get_default_timezone())
TAG = Work.Kind.TAG_SESSION


def ask(subject: str = "s1", **fields: Any) -> Work:
    return work.ask(kind=TAG, subject=subject, now=NOW, **fields)


def taken(piece: Work, now: datetime = NOW) -> Work:
    found = work.take(work_id=piece.pk, now=now)
    assert found is not None
    return found


def test_what_is_asked_for_twice_is_one_piece_and_one_nudge(
    sent: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        assert ask() == ask()
    assert sent == [Job.TAG_SESSION]
    with django_capture_on_commit_callbacks(execute=True):
        assert work.ask_many(kind=TAG, subjects=["s1", "s2", "s2"], now=NOW) == 1
    assert sent == [Job.TAG_SESSION] * 2


def test_it_is_taken_by_one() -> None:
    piece = ask()
    first = taken(piece)
    assert (first.state, first.attempts) == (Work.State.RUNNING, 1)
    assert work.take(work_id=piece.pk, now=NOW) is None
    assert work.take(work_id=uuid.uuid4(), now=NOW) is None
    assert work.done(first, now=NOW)
    assert not work.done(first, now=NOW)
    assert work.take(work_id=piece.pk, now=NOW) is None


def test_what_is_over_may_be_asked_for_anew() -> None:
    work.done(taken(ask()), now=NOW)
    assert ask().state == Work.State.WAITING
    assert Work.objects.count() == 2


def test_a_lease_is_anybodys_once_it_ran_out_and_not_a_moment_before() -> None:
    piece = ask()
    lost = taken(piece)
    assert work.take(work_id=piece.pk, now=NOW + work.LEASE) is None
    again = taken(piece, NOW + work.LEASE + timedelta(seconds=1))
    assert again.attempts == 2
    assert not work.done(lost, now=NOW)
    assert not work.postpone(lost, until=NOW, reason="late")
    assert not work.fail(lost, now=NOW, reason="late")
    assert work.done(again, now=NOW)


def test_one_that_takes_its_worker_down_each_time_fails_in_the_end() -> None:
    piece, now = ask(), NOW
    for _ in range(work.MAX_ATTEMPTS):
        taken(piece, now)
        now += work.LEASE + timedelta(seconds=1)
    assert work.take(work_id=piece.pk, now=now) is None
    piece.refresh_from_db()
    assert piece.state == Work.State.FAILED
    assert "worker" in piece.reason


def test_in_vain_it_is_tried_later_and_later_and_then_no_more() -> None:
    piece, now = ask(), NOW
    for number in range(work.MAX_ATTEMPTS - 1):
        assert work.try_again(taken(piece, now), now=now, reason="busy")
        piece.refresh_from_db()
        assert piece.next_try_at == now + work.PAUSES[min(number, len(work.PAUSES) - 1)]
        assert work.take(work_id=piece.pk, now=piece.next_try_at - timedelta(seconds=1)) is None
        now = piece.next_try_at
    work.try_again(taken(piece, now), now=now, reason="busy")
    piece.refresh_from_db()
    assert (piece.state, piece.reason) == (Work.State.FAILED, "busy")
    assert AuditEvent.objects.filter(tag="work:failed").count() == 1


def test_waiting_for_a_service_is_no_attempt() -> None:
    piece = ask()
    for hour in range(20):
        now = NOW + timedelta(hours=hour)
        work.postpone(taken(piece, now), until=now + timedelta(hours=1), reason="away", waits_for="seer")
    piece.refresh_from_db()
    assert (piece.state, piece.attempts, piece.waits_for) == (Work.State.WAITING, 0, "seer")


@pytest.mark.parametrize(
    ("error", "state", "later", "waits_for"),
    [
        (Waiting("open", until=NOW + timedelta(hours=3)), Work.State.WAITING, timedelta(hours=3), "seer"),
        (Misconfigured("wrong key"), Work.State.WAITING, work.UNTIL_SETTINGS_CHANGE, "seer"),
        (Temporary("busy"), Work.State.WAITING, work.PAUSES[0], ""),
        (Temporary("busy", retry_after_s=7200), Work.State.WAITING, timedelta(hours=2), ""),
        (Unusable("nonsense"), Work.State.FAILED, None, ""),
        (ValueError("a fault of ours"), Work.State.WAITING, work.PAUSES[0], ""),
    ],
)
def test_what_goes_wrong_becomes_the_next_step(
    error: Exception, state: str, later: timedelta | None, waits_for: str
) -> None:
    piece = ask()
    with work.told_of_failure(taken(piece), service="seer", now=NOW):
        raise error
    piece.refresh_from_db()
    assert (piece.state, piece.waits_for) == (state, waits_for)
    if later:
        assert piece.next_try_at == NOW + later
    assert piece.reason


def test_the_sweep_nudges_what_nobody_is_at(sent: list[str], django_capture_on_commit_callbacks: Any) -> None:
    lost = ask("nudge lost")
    dead = ask("worker died")
    taken(dead)
    paused = ask("pause is over")
    work.try_again(taken(paused), now=NOW, reason="busy")
    at_it = ask("somebody is at it")
    later = NOW + work.LEASE + timedelta(seconds=1)
    taken(at_it, later)
    work.done(taken(ask("done")), now=NOW)
    sent.clear()
    with django_capture_on_commit_callbacks(execute=True):
        assert work.sweep(now=later) == 3
    assert sent == [Job.TAG_SESSION] * 3
    assert {lost.state, dead.state, paused.state} == {Work.State.WAITING}


def test_what_was_asked_for_just_now_is_not_nudged_again() -> None:
    ask()
    assert work.sweep(now=NOW + timedelta(seconds=1)) == 0


def test_a_steward_tries_again_and_skips() -> None:
    eve, piece = make_steward(), ask()
    work.fail(taken(piece), now=NOW, reason="nonsense")
    again = work.retry(work=piece, by=eve, now=NOW, provider="builtin")
    assert (again.state, again.attempts, again.provider, again.reason) == (Work.State.WAITING, 0, "builtin", "")
    skipped = work.skip(work=again, by=eve, comment="No use.", now=NOW)
    assert (skipped.state, skipped.reason) == (Work.State.SKIPPED, "No use.")
    assert work.take(work_id=piece.pk, now=NOW) is None
    for tag in ("work:retried", "work:skipped"):
        assert AuditEvent.objects.filter(tag=tag, person=eve).count() == 1


def test_what_runs_or_is_done_is_left_alone() -> None:
    eve, piece = make_steward(), ask()
    held = taken(piece)
    for _ in ("it runs", "it is done"):
        with pytest.raises(Conflict):
            work.retry(work=piece, by=eve, now=NOW)
        with pytest.raises(Conflict):
            work.skip(work=piece, by=eve, comment="No use.", now=NOW)
        work.done(held, now=NOW)


def test_what_failed_is_not_tried_beside_its_successor() -> None:
    eve, old = make_steward(), ask()
    work.fail(taken(old), now=NOW, reason="nonsense")
    ask()
    with pytest.raises(Conflict):
        work.retry(work=old, by=eve, now=NOW)


def test_only_stewards_and_never_without_a_word() -> None:
    piece, alice = ask(), Person.objects.create_user("alice@example.org")
    with pytest.raises(AccessDenied):
        work.retry(work=piece, by=alice, now=NOW)
    with pytest.raises(AccessDenied):
        work.skip(work=piece, by=alice, comment="No.", now=NOW)
    with pytest.raises(ArenaError):
        work.skip(work=piece, by=make_steward(), comment=" ", now=NOW)


def test_the_queues_say_what_waits_and_for_what() -> None:
    for number in range(3):
        work.postpone(
            taken(ask(f"s{number}")), until=NOW + timedelta(hours=1), reason="waiting for seer", waits_for="seer"
        )
    taken(ask("s4"))
    work.fail(taken(ask("s5")), now=NOW, reason="nonsense")
    tagging, reports = work.queues()
    assert (tagging.waiting, tagging.running, tagging.failed, tagging.oldest) == (3, 1, 1, NOW)
    assert [(one.service, one.in_line, one.reason) for one in tagging.awaited] == [("seer", 3, "waiting for seer")]
    assert (reports.waiting, reports.awaited) == (0, ())


@time_machine.travel(NOW, tick=False)
def test_an_hour_without_the_provider_and_then_all_is_done_once() -> None:
    """The broker was emptied meanwhile: only the sweep knows what waits."""
    pieces = [ask(f"s{number}") for number in range(10)]
    done: list[str] = []
    for minute in range(0, 120, 5):
        now = NOW + timedelta(minutes=minute)
        for piece in Work.objects.filter(pk__in=[one.pk for one in pieces]):
            held = work.take(work_id=piece.pk, now=now)
            if held is None:
                continue
            with work.told_of_failure(held, service="seer", now=now):
                if minute < 60:
                    raise Waiting("waiting for seer", until=now + timedelta(minutes=10))
                if work.done(held, now=now):
                    done.append(held.subject)
    assert sorted(done) == sorted(piece.subject for piece in pieces)


def test_the_probe_of_a_dead_service_costs_no_attempt() -> None:
    error = Temporary("still away")
    error.was_probe = True
    piece = ask()
    with work.told_of_failure(taken(piece), service="seer", now=NOW):
        raise error
    piece.refresh_from_db()
    assert (piece.state, piece.attempts, piece.waits_for) == (Work.State.WAITING, 0, "seer")


def test_a_service_that_is_back_wakes_those_who_wait_for_it_and_nobody_else() -> None:
    for subject, service in (("its", "seer"), ("another's", "writer")):
        work.postpone(taken(ask(subject)), until=NOW + timedelta(hours=1), reason="away", waits_for=service)
    assert work.wake(service="seer", now=NOW) == 1
    assert {one.subject for one in Work.objects.filter(next_try_at__lte=NOW)} == {"its"}


def test_each_of_many_is_nudged_once(sent: list[str], django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        ask("s1")
        work.ask_many(kind=TAG, subjects=["s1", "s2", "s3"], now=NOW)
    assert sent == [Job.TAG_SESSION] * 3
