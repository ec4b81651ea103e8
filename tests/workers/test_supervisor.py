"""The supervisor with small programs: what it starts, starts again, and stops."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import eventually, is_alive, kill, python
from workers.supervisor import Child, NotReady, Program, StopRequested, Supervisor

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
TELLS_WHEN_IT_ENDS = """
import signal, sys, time

def end(*_):
    print(time.monotonic(), flush=True)
    sys.exit()

signal.signal(signal.SIGTERM, end)
print("up", flush=True)
signal.pause()
"""
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"


class Said(list[str]):
    def about(self, words: str) -> list[str]:
        return [line for line in self if words in line]


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def supervisor(said: Said) -> Iterator[Supervisor]:
    made = Supervisor(say=said.append)
    with made.running():
        yield made


def program(tmp_path: Path, code: str = SLEEPER, name: str = "sleeper", **fields: object) -> Program:
    command = [sys.executable, "-c", code]
    log = tmp_path / f"{name}.log"
    return Program(name=name, command=command, log=log, **({"ready": lambda: is_up(log)} | fields))  # type: ignore[arg-type]


def is_up(log: Path) -> bool:
    return log.exists() and "up" in log.read_text()


def until(supervisor: Supervisor, condition: object) -> bool:
    """Let the supervisor work until `condition` holds."""
    deadline = time.monotonic() + 10
    while not condition():  # type: ignore[operator]
        if time.monotonic() > deadline:
            return False
        supervisor.wait(0.01)
    return True


def test_what_is_ready_is_said(supervisor: Supervisor, said: Said, tmp_path: Path) -> None:
    supervisor.await_ready(supervisor.start(program(tmp_path)))
    assert said == ["sleeper is ready"]


def test_a_child_that_dies_is_started_again(supervisor: Supervisor, said: Said, tmp_path: Path) -> None:
    child = supervisor.start(program(tmp_path))
    supervisor.await_ready(child)
    first = child.process.pid
    kill_now(child)
    assert until(supervisor, lambda: child.is_running() and child.process.pid != first)
    assert len(said.about("sleeper ended with -9; it starts again in")) == 1
    assert str(tmp_path / "sleeper.log") in said[-1]


def test_the_pause_grows_while_starts_fail(supervisor: Supervisor, said: Said, tmp_path: Path) -> None:
    child = supervisor.start(program(tmp_path, "raise SystemExit(3)", name="broken"))
    assert until(supervisor, lambda: child.restarts >= 3)
    assert [line.partition(" again in ")[2].split(" s")[0] for line in said] == ["0.4", "0.8", "1.6"]


def test_what_does_not_come_up_is_said_with_the_end_of_its_log(supervisor: Supervisor, tmp_path: Path) -> None:
    child = supervisor.start(program(tmp_path, name="broken", ready=lambda: False, ready_within_s=0.1))
    assert until(supervisor, lambda: is_up(child.program.log))
    with pytest.raises(NotReady, match=r"broken did not start\. The end of .*\nup"):
        supervisor.await_ready(child)


def test_a_child_that_may_end_is_left_in_peace(supervisor: Supervisor, said: Said, tmp_path: Path) -> None:
    child = supervisor.start(program(tmp_path, "print('up')", may_end_with=0))
    assert until(supervisor, lambda: child.finished)
    assert said == []
    failing = supervisor.start(program(tmp_path, "raise SystemExit(1)", name="failing", may_end_with=0))
    assert until(supervisor, lambda: failing.restarts == 1)


def test_what_a_dead_child_left_behind_goes_too(supervisor: Supervisor, tmp_path: Path) -> None:
    """A killed gunicorn leaves workers that hold the port."""
    code = f"import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]); print(child.pid)"
    child = supervisor.start(program(tmp_path, f"{code}; print('up', flush=True); child.wait()"))
    supervisor.await_ready(child)
    grandchild = int((tmp_path / "sleeper.log").read_text().split()[0])
    assert is_alive(grandchild)
    kill_now(child)
    assert until(supervisor, lambda: child.restarts == 1)
    assert eventually(lambda: not is_alive(grandchild))


def test_stopping_asks_first(said: Said, tmp_path: Path) -> None:
    supervisor = Supervisor(say=said.append)
    with supervisor.running():
        supervisor.await_ready(supervisor.start(program(tmp_path, TELLS_WHEN_IT_ENDS)))
    assert len((tmp_path / "sleeper.log").read_text().split()) == 2


def test_who_does_not_listen_is_killed_in_time(said: Said, tmp_path: Path) -> None:
    supervisor = Supervisor(say=said.append)
    with supervisor.running():
        child = supervisor.start(program(tmp_path, STUBBORN, stop=((signal.SIGTERM, 0.3),)))
        supervisor.await_ready(child)
        begun = time.monotonic()
    assert 0.3 <= time.monotonic() - begun < 5
    assert child.process.returncode == -signal.SIGKILL


def test_users_of_others_are_stopped_before_them(said: Said, tmp_path: Path) -> None:
    supervisor = Supervisor(say=said.append)
    with supervisor.running():
        lower = supervisor.start(program(tmp_path, TELLS_WHEN_IT_ENDS, name="lower", wave=0))
        upper = supervisor.start(program(tmp_path, TELLS_WHEN_IT_ENDS, name="upper", wave=1))
        supervisor.await_ready(lower, upper)
    ends = {name: float((tmp_path / f"{name}.log").read_text().split()[1]) for name in ("lower", "upper")}
    assert ends["upper"] < ends["lower"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_for_the_end(said: Said, tmp_path: Path, number: signal.Signals) -> None:
    supervisor = Supervisor(say=said.append)
    before = signal.getsignal(number)
    with supervisor.running():
        child = supervisor.start(program(tmp_path))
        supervisor.await_ready(child)
        threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
        with pytest.raises(StopRequested):
            supervisor.run()
    assert not is_alive(child.process.pid)
    assert signal.getsignal(number) == before


def test_a_second_signal_does_not_wait(said: Said, tmp_path: Path) -> None:
    supervisor = Supervisor(say=said.append)
    begun = time.monotonic()
    with supervisor.running():
        supervisor.await_ready(supervisor.start(program(tmp_path, STUBBORN, stop=((signal.SIGTERM, 60.0),))))
        for delay in (0.05, 0.3):
            threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(StopRequested):
            supervisor.run()
    assert time.monotonic() - begun < 20


def test_it_looks_after_things_while_it_waits(said: Said, tmp_path: Path) -> None:
    looks = []
    supervisor = Supervisor(say=said.append, look_after=lambda: looks.append(time.monotonic()))
    supervisor.wait(1.2)
    assert len(looks) == 2


def test_a_killed_supervisor_takes_its_children_along(tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from workers.supervisor import Program, Supervisor
supervisor = Supervisor(say=print)
child = supervisor.start(Program("sleeper", [sys.executable, "-c", {STUBBORN!r}], Path(sys.argv[1])))
print(child.process.pid, flush=True)
supervisor.run()
"""
    with python("-c", code, str(tmp_path / "log")) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert eventually(lambda: is_up(tmp_path / "log"))
        kill(process.pid)
        assert eventually(lambda: not is_alive(child))


def kill_now(child: Child) -> None:
    os.kill(child.process.pid, signal.SIGKILL)
