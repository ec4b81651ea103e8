"""Servers run while somebody uses them."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from arena.embedded import Services, ServicesError, missing_servers, services
from tests.arena.embedded.users import another_user, ask, ping
from tests.processes import belonging_to, eventually, python, running

# Where any server will do: this one starts in no time.
VALKEY = ["valkey"]


def test_they_answer_and_are_gone_afterwards(home: Path) -> None:
    with services(home, durable=False) as env:
        assert ask(env, "select current_database()") == "arena"
        assert ask(env, "show server_encoding") == "UTF8"
        assert ping(env)
    assert belonging_to(home) == {}


@pytest.mark.slow
def test_they_listen_on_no_port(home: Path) -> None:
    with services(home, durable=False) as env:
        assert ask(env, "show listen_addresses") == ""
        assert env["REDIS_URL"].startswith("unix://")


@pytest.mark.slow
def test_data_are_there_at_the_next_start(home: Path) -> None:
    with services(home) as env:
        ask(env, "create table kept as select 42 as n")
    with services(home) as env:
        assert ask(env, "select n from kept") == 42
        assert ask(env, "show fsync") == "on"


def test_the_first_user_may_leave_before_the_second(home: Path) -> None:
    first, second = Services(home, VALKEY, durable=False), Services(home, VALKEY, durable=False)
    env = first.join()
    assert second.join() == env
    first.leave()
    assert ping(env)
    second.leave()
    assert belonging_to(home) == {}


def test_a_user_in_another_process_keeps_them(home: Path) -> None:
    with another_user(home, *VALKEY):
        with services(home, VALKEY, durable=False) as env:
            server = running(home, "valkey-server")
        assert ping(env)
        assert running(home, "valkey-server") == server


def test_who_comes_while_they_stop_gets_new_ones(home: Path) -> None:
    for _ in range(3):
        with another_user(home, *VALKEY) as user:
            user.kill()
            with services(home, VALKEY, durable=False) as env:
                assert ping(env)


def test_many_at_once_share_one_server(home: Path) -> None:
    with ThreadPoolExecutor(4) as pool, ExitStack() as stack:
        users = [stack.enter_context(another_user(home, *VALKEY)) for _ in range(2)]
        for _ in pool.map(lambda _: stack.enter_context(services(home, VALKEY, durable=False)), range(4)):
            assert len([command for command in belonging_to(home).values() if "valkey-server" in command]) == 1
        assert all(user.poll() is None for user in users)


def test_only_what_is_asked_for_is_started(home: Path) -> None:
    with services(home, VALKEY, durable=False) as env:
        assert list(env) == ["REDIS_URL"]
        assert running(home, "postgres") is None


@pytest.mark.parametrize(
    ("environment", "missing"),
    [
        ({}, ["postgresql", "valkey"]),
        ({"DATABASE_URL": "postgresql:///x"}, ["valkey"]),
        ({"DATABASE_URL_FILE": "/run/secrets/database", "REDIS_URL": "redis://x"}, []),
        ({"DATABASE_URL": "", "REDIS_URL": ""}, ["postgresql", "valkey"]),
    ],
)
def test_servers_of_the_environment_are_used_instead(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], missing: list[str]
) -> None:
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert missing_servers() == missing


@pytest.mark.slow
def test_a_server_that_does_not_come_up_is_said_with_the_end_of_its_log(home: Path) -> None:
    with services(home, ["postgresql"], durable=False):
        pass
    (home / "services" / "postgresql" / "files" / "data" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(ServicesError, match="incompatible with server"):
        Services(home, ["postgresql"], durable=False).join()


@pytest.mark.slow
def test_the_environment_cannot_change_the_server(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "6666")
    monkeypatch.setenv("PGDATA", "/nowhere")
    with services(home, ["postgresql"], durable=False) as env:
        assert ask(env, "show port") == "5432"


def test_a_user_that_starts_programs_does_not_hand_them_its_use(home: Path) -> None:
    used = Services(home, VALKEY, durable=False)
    used.join()
    with python("-c", "import sys; sys.stdin.read()") as bystander:
        begun = time.monotonic()
        used.leave()
        assert time.monotonic() - begun < 5
        assert running(home, "valkey-server") is None
        assert bystander.poll() is None
        os.kill(bystander.pid, 9)


def test_the_logs_are_private(home: Path) -> None:
    with services(home, VALKEY, durable=False):
        pass
    logs = list((home / "logs").glob("*.log"))
    assert len(logs) == 2
    assert all(log.stat().st_mode & 0o077 == 0 for log in logs)


def test_leaving_twice_is_leaving_once(home: Path) -> None:
    used = Services(home, VALKEY, durable=False)
    used.join()
    used.leave()
    used.leave()
    assert eventually(lambda: running(home, "valkey-server") is None)
