"""kill -9 of anybody leaves no process and no data behind, and the next start goes well."""

import os
import signal
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
import redis

from arena.embedded import Services, ServicesError, services
from arena.embedded.post import Membership, Post
from tests.arena.embedded.users import another_user, ask, ping
from tests.processes import belonging_to, eventually, is_alive, kill, kill_running, running

pytestmark = pytest.mark.slow

KEEPERS = ("embedded.keeper postgresql", "embedded.keeper valkey")
SERVERS = ("bin/postgres -D", "valkey-server")


def pings(env: dict[str, str]) -> bool:
    with suppress(redis.ConnectionError):
        return ping(env)
    return False


def answers(env: dict[str, str]) -> bool:
    with suppress(psycopg.OperationalError):
        return ask(env, "select 1") == 1 and pings(env)
    return False


def test_a_killed_user_is_a_user_who_has_gone(home: Path) -> None:
    with another_user(home) as user:
        assert running(home, "bin/postgres")
        user.kill()
    assert eventually(lambda: not belonging_to(home))


def test_killed_keepers_take_their_servers_along(home: Path) -> None:
    used = Services(home, durable=False)
    used.join()
    for keeper in KEEPERS:
        kill_running(home, keeper)
    assert eventually(lambda: not belonging_to(home))
    used.leave()


def test_a_user_can_bring_back_servers_whose_keepers_were_killed(home: Path) -> None:
    used = Services(home)
    env = used.join()
    ask(env, "create table kept as select 42 as n")
    assert used.restore() == []
    for keeper in KEEPERS:
        kill_running(home, keeper)
    assert used.restore() == ["postgresql", "valkey"]
    assert used.join() == env  # they are where they were
    assert ask(env, "select n from kept") == 42
    assert ping(env)
    used.leave()


def test_killed_servers_are_started_again_by_their_keepers(home: Path) -> None:
    with services(home) as env:
        ask(env, "create table kept as select 42 as n")
        keepers = [running(home, keeper) for keeper in KEEPERS]
        for server in SERVERS:
            kill_running(home, server)
        assert eventually(lambda: answers(env))
        assert ask(env, "select n from kept") == 42
        assert [running(home, keeper) for keeper in KEEPERS] == keepers


def test_after_everything_was_killed_the_next_start_recovers(home: Path) -> None:
    with another_user(home) as user:
        with services(home) as env:
            ask(env, "create table kept as select 42 as n")
        user.kill()
        for words in (*KEEPERS, *SERVERS):
            pid = running(home, words)
            if pid is not None:
                kill(pid)
    with services(home) as env:
        assert ask(env, "select n from kept") == 42
        assert ping(env)


def test_a_recycled_process_number_in_the_lock_file_is_not_taken_for_a_server(home: Path) -> None:
    """After a reboot any process may have the number that PostgreSQL wrote down: here the server of another home."""
    with services(home, ["postgresql"], durable=False):
        pass
    data = home / "services" / "postgresql" / "files" / "data"
    with services(home.with_name("other"), ["postgresql"], durable=False):
        other = running(home.with_name("other"), "bin/postgres -D")
        (data / "postmaster.pid").write_text(f"{other}\n{data}\n0\n5432\n/tmp\n\n0 0\nready\n")
        with services(home, ["postgresql"], durable=False) as env:
            assert ask(env, "select 1") == 1


def test_a_keeper_that_is_asked_to_end_stops_its_server_in_order(home: Path) -> None:
    used = Services(home, ["valkey"], durable=False)
    used.join()
    keeper = running(home, "embedded.keeper valkey")
    assert keeper is not None
    os.kill(keeper, signal.SIGTERM)
    assert eventually(lambda: not belonging_to(home))
    assert "bye bye" in (home / "logs" / "valkey.log").read_text()
    used.leave()


def test_a_keeper_gives_up_a_server_that_keeps_dying(home: Path) -> None:
    used = Services(home, ["valkey"], durable=False)
    env = used.join()
    keeper = running(home, "embedded.keeper valkey")
    assert keeper is not None
    for _ in range(3):
        kill_running(home, "valkey-server")
        assert eventually(lambda: pings(env) or not is_alive(keeper))
    assert eventually(lambda: not is_alive(keeper))
    with pytest.raises(ServicesError, match="ended 3 times within seconds of its start"):
        Membership(Post(home, "valkey"), durable=False).url()
    assert used.join() == env
    assert ping(env)
    used.leave()
