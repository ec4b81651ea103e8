"""Looking for processes: whose they are, and whether they have ended."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def eventually(condition: Callable[[], object], *, within_s: float = 20.0) -> bool:
    """Whether `condition` comes true in time; it is asked again and again."""
    until = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def belonging_to(home: Path) -> dict[int, str]:
    """Living processes that run for an ARENA_HOME, by what they were started with, where they work, or what they run.

    PostgreSQL writes over its environment, so no single one of the three finds all.
    """
    found = {}
    mark = os.fsencode(home)
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes()
            named = b"ARENA_HOME=" + mark in (entry / "environ").read_bytes().split(b"\0") or mark in command
            if (named or (entry / "cwd").readlink().is_relative_to(home)) and int(entry.name) != os.getpid():
                found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace").strip()
    return found


def running(home: Path, words: str) -> int | None:
    """The oldest process of a home whose command line holds `words`."""
    return min((pid for pid, command in belonging_to(home).items() if words in command), default=None)


def is_alive(pid: int) -> bool:
    """A zombie has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not is_alive(pid))


def kill_running(home: Path, words: str) -> int:
    """Kill the process of a home whose command line holds `words`. A server that has just started may still set it."""
    assert eventually(lambda: running(home, words)), belonging_to(home)
    pid = running(home, words)
    assert pid is not None
    kill(pid)
    return pid


def python(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    """A Python of ours, in the project's folder, whose input and output are ours to use."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
