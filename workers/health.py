"""Is everything that the platform needs alive? What could not be checked is said as such."""

import socket
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import Error as DatabaseError
from django.db import connection
from django.utils import timezone
from redis.exceptions import RedisError

from arena.relay_address import relay_address
from arena.texts import since
from workers import queues
from workers.tasks import HEARTBEAT_KEY

RELAY_TIMEOUT_S = 1.0
SILENT_AFTER = timedelta(minutes=3)


@dataclass(frozen=True)
class Part:
    name: str
    well: bool
    sentence: str


def parts() -> list[Part]:
    return [_database(), *_broker_and_workers(), _relay()]


def _database() -> Part:
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
    except DatabaseError:
        return Part("database", well=False, sentence="The database does not answer.")
    return Part("database", well=True, sentence="The database answers.")


def _broker_and_workers() -> list[Part]:
    try:
        reported = cache.get_many([HEARTBEAT_KEY.format(worker.queue) for worker in _WORKERS])
    except RedisError:
        away = [
            Part(worker.name, well=False, sentence=f"{worker.title} could not be checked: the broker does not answer.")
            for worker in _WORKERS
        ]
        return [Part("broker", well=False, sentence="The broker does not answer."), *away]
    told = [_worker(worker, reported.get(HEARTBEAT_KEY.format(worker.queue)), timezone.now()) for worker in _WORKERS]
    return [Part("broker", well=True, sentence="The broker answers."), *told]


@dataclass(frozen=True)
class _Worker:
    name: str
    title: str
    queue: str
    waits: str
    """What waits while it is not there."""


_WORKERS = (
    _Worker("worker", "The worker", queues.OTHERS, "boards and video checks wait until it does"),
    _Worker("models", "The worker for models", queues.TAGGING, "tags and reports wait until it does"),
)


def _worker(worker: _Worker, reported: str | None, now: datetime) -> Part:
    """Silent is a worker that did not report for SILENT_AFTER: one that is busy may be a minute late."""
    if reported is None:
        return Part(worker.name, well=False, sentence=f"{worker.title} has not reported yet: {worker.waits}.")
    at = datetime.fromisoformat(reported)
    if now - at <= SILENT_AFTER:
        return Part(worker.name, well=True, sentence=f"{worker.title} is at work.")
    return Part(
        worker.name, well=False, sentence=f"{worker.title} has not reported since {since(at, now)}: {worker.waits}."
    )


def _relay() -> Part:
    """A plain connection to the relay's port; where it runs on another machine its own health page is to be asked."""
    relay = relay_address()
    try:
        with socket.create_connection((relay.name, relay.port), timeout=RELAY_TIMEOUT_S):
            return Part("relay", well=True, sentence="The relay takes connections.")
    except OSError:
        return Part("relay", well=False, sentence="The relay takes no connections: nobody can run a rollout.")
