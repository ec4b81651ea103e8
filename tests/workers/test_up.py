"""The platform as one command, with real processes. What a kill does to sessions is in test_loop.py."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.homes import temporary_home
from tests.processes import ROOT, belonging_to, eventually, is_alive, kill_running, running
from tests.workers.platform import Platform, running_platform

pytestmark = pytest.mark.slow

PARTS = ("gunicorn", "--hostname arena@", "--hostname models@", "celery -A workers.celery beat", "manage.py relay")
KEEPERS = ("embedded.keeper postgresql", "embedded.keeper valkey")


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """One for all tests here: a platform that was killed must start again."""
    with temporary_home() as home:
        yield home


@pytest.fixture
def up(home: Path) -> Iterator[Platform]:
    with running_platform(home) as platform:
        yield platform


def said(platform: Platform) -> str:
    return (platform.home / "up.log").read_text()


def try_up(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "up"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)


def test_ctrl_c_leaves_nothing(home: Path) -> None:
    with running_platform(home) as up:
        assert all(running(home, part) for part in (*PARTS, *KEEPERS))
        assert up.supervisor is not None
        up.supervisor.send_signal(signal.SIGINT)
        assert up.supervisor.wait(30) == 0
        assert belonging_to(home) == {}
        assert said(up).endswith("Policy Arena has stopped\n")


def test_whatever_is_killed_comes_back(home: Path, up: Platform) -> None:
    assert up.supervisor is not None
    assert eventually(lambda: said(up).splitlines()[-1].startswith("Policy Arena is at"), within_s=60), said(up)
    before = set(belonging_to(home)) - {up.supervisor.pid}
    for part in (*PARTS, *KEEPERS):
        pid = kill_running(home, part)
        # The number of a killed process is not given out again so soon.
        assert eventually(lambda part=part, pid=pid: running(home, part) not in (None, pid)), (part, said(up))  # type: ignore[misc]
    up.wait_until_well()
    assert eventually(lambda: not any(map(is_alive, before))), "what a killed part leaves behind is gone as well"


def test_a_killed_supervisor_takes_everything_along(home: Path) -> None:
    with running_platform(home) as up:
        assert up.supervisor is not None
        up.supervisor.kill()
        assert eventually(lambda: not belonging_to(home)), belonging_to(home)
        up.start()
        assert requests_are_answered(up)


def requests_are_answered(platform: Platform) -> bool:
    return all(platform.get("/healthz").values())


def test_a_second_platform_of_one_home_is_refused(home: Path, up: Platform) -> None:
    second = try_up(up.environment)
    assert second.returncode == 1
    assert up.supervisor is not None
    assert f"The platform of {home} runs already (process {up.supervisor.pid})" in second.stderr
    assert requests_are_answered(up)


def test_a_taken_port_is_said_with_what_to_do(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = try_up(Platform(home, port=port).environment)
    assert refused.returncode == 1
    assert re.search(rf"Port {port} is taken. Choose another one: PORT=\d+", refused.stderr)
    assert belonging_to(home) == {}


def test_an_address_of_another_machine_is_refused(home: Path) -> None:
    environment = Platform(home).environment
    command = [sys.executable, "manage.py", "up", "--host", "192.0.2.1"]
    refused = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert refused.returncode == 1
    assert "of 192.0.2.1 cannot be used" in refused.stderr
    assert "Traceback" not in refused.stderr
