import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone
from redis.exceptions import ConnectionError as RedisConnectionError

from arena import jobs
from arena.jobs import Job, enqueue
from evaluations import media
from evaluations.models import Label, MediaFile, Session
from leaderboard.models import OddityLook, Snapshot
from tests.factories import Arena, finish_session, open_session, upload_episode
from workers import health, queues, tasks
from workers.celery import app


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The jobs that reached the broker."""
    names: list[str] = []
    for job in Job:
        monkeypatch.setattr(
            app.tasks[job], "apply_async", lambda *_, name=str(job), **__: names.append(name), raising=True
        )
    return names


def test_every_job_is_a_registered_task() -> None:
    assert set(Job) <= set(app.tasks)
    assert set(tasks._TASKS) == set(Job)


def test_every_scheduled_task_is_registered() -> None:
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)


def test_the_web_knows_how_to_send_jobs() -> None:
    assert jobs._dispatcher is tasks.dispatch


@pytest.mark.django_db(transaction=True)
def test_a_job_is_sent_after_the_commit_and_not_without_one(sent: list[str]) -> None:
    with transaction.atomic():
        enqueue(Job.CHECK_MEDIA, side_id=1)
        transaction.set_rollback(True)
    assert sent == []
    with transaction.atomic():
        enqueue(Job.CHECK_MEDIA, side_id=1)
        assert sent == []
    assert sent == [Job.CHECK_MEDIA]


def test_results_that_arrive_together_are_answered_by_one_computation(sent: list[str]) -> None:
    for _ in range(5):
        tasks.dispatch(Job.RECOMPUTE_BOARDS, {})
    assert sent == [Job.RECOMPUTE_BOARDS]


def test_once_it_has_begun_a_new_result_asks_for_another(sent: list[str], db: None) -> None:
    tasks.dispatch(Job.RECOMPUTE_BOARDS, {})
    tasks.recompute_boards()
    tasks.dispatch(Job.RECOMPUTE_BOARDS, {})
    assert sent == [Job.RECOMPUTE_BOARDS] * 2


def test_boards_that_were_computed_are_followed_by_one_look_for_oddities(
    arena: Arena, sent: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    for number in range(2):
        finish_session(open_session(arena, f"task {number}"))
        with django_capture_on_commit_callbacks(execute=True):
            tasks.recompute_boards()
    assert sent.count(Job.LOOK_FOR_ODDITIES) == 1
    tasks.look_for_oddities()
    assert OddityLook.objects.count() == 2
    sent.clear()
    with django_capture_on_commit_callbacks(execute=True):
        tasks.recompute_boards()
    assert Job.LOOK_FOR_ODDITIES not in sent


def test_a_broker_that_is_away_fails_nobodys_request(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise RedisConnectionError

    monkeypatch.setattr(cache, "add", away)
    tasks.dispatch(Job.RECOMPUTE_BOARDS, {})


def test_the_sweeps_do_what_lost_nudges_left(arena: Arena) -> None:
    finish_session(open_session(arena))
    overdue = open_session(arena, "another task")
    Session.objects.filter(pk=overdue.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    for _ in range(2):
        run_sweeps()
        overdue.refresh_from_db()
        assert overdue.state == "expired"
        assert (Snapshot.objects.get().counted, Snapshot.objects.get().total) == (1, 2)


def test_the_check_of_files_that_wait_is_asked_for_again(
    arena: Arena, sent: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    uploaded = timezone.now() - 2 * media.STALE
    upload_episode(open_session(arena, now=uploaded), Label.A, video=b"not a video", now=uploaded)
    with django_capture_on_commit_callbacks(execute=True):
        tasks.recheck_media()
    assert sent == [Job.CHECK_MEDIA]
    assert MediaFile.objects.get().check_state == MediaFile.Check.PENDING


def run_sweeps() -> None:
    for entry in app.conf.beat_schedule.values():
        app.tasks[entry["task"]](*entry.get("args", ()))


@pytest.mark.parametrize(("queue", "worker"), [(queues.OTHERS, "worker"), (queues.TAGGING, "models")])
def test_the_heartbeat_is_seen_and_its_silence_is_told(db: None, queue: str, worker: str) -> None:
    """Silent is a worker after three minutes, and not a second before."""
    now = datetime(2026, 3, 2, 14, 2, tzinfo=UTC)

    def told(at: datetime) -> health.Part:
        with time_machine.travel(at, tick=False):
            return next(part for part in health.parts() if part.name == worker)

    cache.clear()
    assert not told(now).well
    assert "has not reported yet" in told(now).sentence
    with time_machine.travel(now, tick=False):
        tasks.heartbeat(queue)
    assert told(now + timedelta(minutes=3)).well
    silent = told(now + timedelta(minutes=3, seconds=1))
    assert not silent.well
    assert "since 14:02 UTC" in silent.sentence


def test_each_job_waits_in_its_queue_and_each_queue_has_a_worker() -> None:
    for job in Job:
        queue = app.amqp.router.route({}, job.value)["queue"]
        assert (queue if isinstance(queue, str) else queue.name) == queues.QUEUE_OF.get(job, queues.OTHERS)
    assert {*queues.QUEUE_OF.values(), queues.OTHERS} == {*queues.OF_COMPUTING, *queues.OF_MODELS}


def test_a_nudge_that_waits_in_the_queue_is_not_sent_twice(sent: list[str], db: None) -> None:
    piece = str(uuid.uuid4())
    for _ in range(3):
        tasks.dispatch(Job.TAG_SESSION, {"work_id": piece})
    assert sent == [Job.TAG_SESSION]
    tasks.tag_session(piece)
    tasks.dispatch(Job.TAG_SESSION, {"work_id": piece})
    assert sent == [Job.TAG_SESSION] * 2


def test_a_nudge_that_the_broker_did_not_take_is_sent_by_the_next_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []

    def away(*_: Any, **__: Any) -> None:
        raise RedisConnectionError

    arguments: dict[str, jobs.JobArgument] = {"work_id": str(uuid.uuid4())}
    monkeypatch.setattr(tasks.tag_session, "apply_async", away)
    tasks.dispatch(Job.TAG_SESSION, arguments)
    monkeypatch.setattr(tasks.tag_session, "apply_async", lambda *_, **__: taken.append("sent"))
    tasks.dispatch(Job.TAG_SESSION, arguments)
    assert taken == ["sent"]
