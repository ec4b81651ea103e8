"""Is everything that the platform needs alive? What could not be checked is said as such."""

import socket
from dataclasses import dataclass

from django.core.cache import cache
from django.db import Error as DatabaseError
from django.db import connection
from redis.exceptions import RedisError

from arena.relay_address import relay_address
from workers.tasks import HEARTBEAT_KEY

RELAY_TIMEOUT_S = 1.0


@dataclass(frozen=True)
class Part:
    name: str
    well: bool
    sentence: str


def parts() -> list[Part]:
    return [_database(), *_broker_and_worker(), _relay()]


def _database() -> Part:
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
    except DatabaseError:
        return Part("database", well=False, sentence="The database does not answer.")
    return Part("database", well=True, sentence="The database answers.")


def _broker_and_worker() -> list[Part]:
    try:
        beat = cache.get(HEARTBEAT_KEY)
    except RedisError:
        return [
            Part("broker", well=False, sentence="The broker does not answer."),
            Part("worker", well=False, sentence="The worker could not be checked: the broker does not answer."),
        ]
    worker = (
        Part("worker", well=True, sentence="The worker is at work.")
        if beat
        else Part("worker", well=False, sentence="No worker answers: boards and video checks wait until one does.")
    )
    return [Part("broker", well=True, sentence="The broker answers."), worker]


def _relay() -> Part:
    """A plain connection to the relay's port; where it runs on another machine its own health page is to be asked."""
    relay = relay_address()
    try:
        with socket.create_connection((relay.name, relay.port), timeout=RELAY_TIMEOUT_S):
            return Part("relay", well=True, sentence="The relay takes connections.")
    except OSError:
        return Part("relay", well=False, sentence="The relay takes no connections: nobody can run a rollout.")
