"""The platform as a set of supervised programs: web, two workers, schedule, relay."""

import errno
import fcntl
import http.client
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings
from django.db import ProgrammingError
from kombu.exceptions import OperationalError
from psycopg.errors import InsufficientPrivilege
from redis.exceptions import RedisError

from arena import runtime_role
from arena.embedded import ServicesError
from arena.embedded import commands as embedded
from arena.schema import migrate_where_needed
from workers import queues
from workers.celery import app
from workers.supervisor import Program, Supervisor

# A killed predecessor's processes need a moment to let go of their ports.
_PORT_PATIENCE_S = 3.0
_SHORTEST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_NODE = f"arena@{socket.gethostname()}"
_MODELS_NODE = f"models@{socket.gethostname()}"


class CannotRun(Exception):
    """The platform cannot be started here; the message says what to do."""


@contextmanager
def running_platform(*, host: str, say: Callable[[str], None]) -> Iterator[Supervisor]:
    """The platform of this ARENA_HOME, ready for use, until the block is left; StopRequested when asked to end."""
    with _only_one(settings.ARENA_HOME):
        _check_port("PORT", settings.PORT, host)
        _check_port("RELAY_PORT", settings.RELAY_PORT, host)
        say(f"Starting Policy Arena in {settings.ARENA_HOME}")
        _prepare_database(say)
        supervisor = Supervisor(say=say, look_after=ServicesWatch(say))
        with supervisor.running():
            children = [supervisor.start(program) for program in _programs(host)]
            supervisor.await_ready(*children)
            yield supervisor


def _prepare_database(say: Callable[[str], None]) -> None:
    try:
        migrate_where_needed()
    except ProgrammingError as error:
        if not isinstance(error.__cause__, InsufficientPrivilege):
            raise
        raise CannotRun(
            "Migrations are missing, and the role of DATABASE_URL may not make them. Set MIGRATION_DATABASE_URL to the "
            "owner of the tables."
        ) from None
    for sentence in runtime_role.warnings():
        say(f"Warning: {sentence} See docs/operators.md.")
    # The programs that we start have no use for the owner's address.
    for name in ("MIGRATION_DATABASE_URL", "MIGRATION_DATABASE_URL_FILE"):
        os.environ.pop(name, None)


def log_path(name: str) -> Path:
    return settings.ARENA_HOME / "logs" / f"{name}.log"


def _programs(host: str) -> list[Program]:
    celery = [sys.executable, "-m", "celery", "-A", "workers.celery"]
    schedule = str(settings.ARENA_HOME / "schedule")
    worker = [*celery, "worker", "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
    computing = ["--concurrency", "2", "--hostname", _NODE, "--queues", ",".join(queues.OF_COMPUTING)]
    threads = ["--pool", "threads", "--concurrency", str(settings.MODEL_CALLS_AT_ONCE)]
    models = [*threads, "--hostname", _MODELS_NODE, "--queues", ",".join(queues.OF_MODELS)]
    # Finish what is at hand; then give it back to the broker.
    in_peace = ((signal.SIGTERM, 5.0), (signal.SIGQUIT, 2.0))
    address = f"{host}:{settings.PORT}"
    return [
        Program(
            name="web",
            command=[sys.executable, "-m", "gunicorn", "--config", "python:workers.gunicorn_settings", "-b", address],
            log=log_path("web"),
            ready=lambda: _answers(host, settings.PORT, "/healthz"),
        ),
        Program(
            name="worker",
            command=[*worker, "--include", "workers.lifetime", *computing],
            log=log_path("worker"),
            ready=lambda: _worker_answers(_NODE),
            stop=in_peace,
        ),
        Program(
            name="models",
            command=[*worker, *models],
            log=log_path("models"),
            ready=lambda: _worker_answers(_MODELS_NODE),
            stop=in_peace,
        ),
        Program(
            name="schedule",
            command=[*celery, "beat", "--loglevel", "INFO", "--pidfile", "", "--schedule", schedule],
            log=log_path("schedule"),
        ),
        Program(
            name="relay",
            command=[sys.executable, "manage.py", "relay", "--host", host],
            log=log_path("relay"),
            ready=lambda: _answers(host, settings.RELAY_PORT, "/health"),
        ),
    ]


@contextmanager
def _only_one(home: Path) -> Iterator[None]:
    """Two platforms on one ARENA_HOME would be two schedules and two owners of one port."""
    with (home / "running").open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise CannotRun(
                f"The platform of {home} runs already (process {holder}). Stop it, or set another ARENA_HOME."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _check_port(variable: str, port: int, host: str) -> None:
    until = time.monotonic() + _PORT_PATIENCE_S
    while True:
        try:
            with socket.create_server((host, port), family=_family(host)):
                return
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise CannotRun(f"Port {port} of {host} cannot be used: {error.strerror}.") from None
            if time.monotonic() > until:
                raise CannotRun(f"Port {port} is taken. Choose another one: {variable}={port + 10}") from None
        time.sleep(0.1)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _answers(host: str, port: int, path: str) -> bool:
    asked = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 compared, not bound
    connection = http.client.HTTPConnection(asked, port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": _allowed_host()})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _allowed_host() -> str:
    """A name that the site answers to, whatever the address by which we ask it."""
    named = [host.lstrip(".") for host in settings.ALLOWED_HOSTS if host != "*"]
    return named[0] if named else "localhost"


def _worker_answers(node: str) -> bool:
    with suppress(OSError, RedisError, OperationalError):
        return bool(app.control.ping(destination=[node], timeout=0.5, limit=1))
    return False


class ServicesWatch:
    """Starts embedded servers again whose keeper was killed or gave up; less often while that does not help."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._look_at = 0.0
        self._pause_s = _SHORTEST_PAUSE_S

    def __call__(self) -> None:
        now = time.monotonic()
        if now < self._look_at:
            return
        try:
            news = [f"{name} had no keeper; it starts again" for name in embedded.attached.restore()]
        except ServicesError as error:
            news = [str(error)]
        for line in news:
            self._say(line)
        if news:
            self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)
            self._look_at = now + self._pause_s
        elif now - self._look_at > _LONGEST_PAUSE_S:
            self._pause_s = _SHORTEST_PAUSE_S
