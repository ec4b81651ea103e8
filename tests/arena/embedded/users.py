"""Users of the services: this process, and others that can be killed."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import redis

from arena.embedded.servers import SERVERS
from tests.processes import python

_USER = """
import sys
from pathlib import Path
from arena.embedded import services
with services(Path(sys.argv[1]), sys.argv[2:], durable=False):
    print("ready", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_user(home: Path, *names: str) -> Iterator[subprocess.Popen[str]]:
    """Uses the named servers, or all, until its input is closed."""
    user = python("-c", _USER, str(home), *(names or SERVERS))
    with user:
        assert user.stdout is not None
        assert user.stdout.readline() == "ready\n"
        yield user
        user.kill()


def ask(env: dict[str, str], statement: str) -> object:
    with psycopg.connect(env["DATABASE_URL"], autocommit=True) as connection:
        cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def ping(env: dict[str, str]) -> bool:
    with redis.Redis.from_url(env["REDIS_URL"]) as client:
        return bool(client.ping())
