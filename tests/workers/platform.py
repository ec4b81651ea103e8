"""The whole platform as real processes under a folder of its own: what `manage.py up` starts, and simulated labs."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import requests
from django.conf import settings

T = TypeVar("T")
START_S = 180


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def eventually(look: Callable[[], T | None], *, within_s: float, what: str) -> T:
    """Ask again and again until the answer is neither None nor False; the processes asked have no event to await."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        with contextlib.suppress(requests.RequestException):
            found = look()
            if found:
                return found
        time.sleep(0.2)
    raise AssertionError(f"not within {within_s} s: {what}")


@dataclass
class Platform:
    home: Path
    port: int = field(default_factory=free_port)
    relay_port: int = field(default_factory=free_port)
    supervisor: subprocess.Popen[bytes] | None = None
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_URL", "REDIS_URL"))}
        return kept | {
            "ARENA_HOME": str(self.home),
            "PORT": str(self.port),
            "RELAY_PORT": str(self.relay_port),
            "ALLOW_PRIVATE_ENDPOINTS": "1",
            "BOARD_DEBOUNCE_SECONDS": "1",
            "REPEAT_SHARE": "0",
            "SAME_POLICY_SHARE": "0",
            **self.settings,
        }

    def start(self) -> None:
        if self.supervisor is not None:
            self.supervisor.wait(timeout=30)  # the killed predecessor
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "up.log").open("ab") as log:
            self.supervisor = subprocess.Popen(
                [sys.executable, "manage.py", "up"],
                cwd=settings.BASE_DIR,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.wait_until_well()

    def wait_until_well(self) -> None:
        def well() -> bool:
            assert self.supervisor is not None
            assert self.supervisor.poll() is None, (self.home / "up.log").read_text()
            parts = requests.get(f"{self.url}/healthz", timeout=5).json()
            return all(parts.values())

        eventually(well, within_s=START_S, what="web, worker and relay are well")

    def stop(self) -> None:
        if self.supervisor is not None and self.supervisor.poll() is None:
            self.supervisor.send_signal(signal.SIGINT)
            self.supervisor.wait(timeout=30)

    def command(self, *arguments: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments, "--json"],
            cwd=settings.BASE_DIR,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer

    def shell(self, script: str, **values: object) -> str:
        """Run a script in the platform's environment; gives the last line that it printed."""
        named = "\n".join(f"{name} = {value!r}" for name, value in values.items())
        command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", f"{named}\n{script}"]
        done = subprocess.run(command, cwd=settings.BASE_DIR, env=self.environment, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return (done.stdout.splitlines() or [""])[-1]

    def get(self, path: str) -> Any:
        answer = requests.get(self.url + path, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def page(self, path: str) -> str:
        answer = requests.get(self.url + path, timeout=10)
        answer.raise_for_status()
        return answer.text

    def processes(self, *words: str) -> list[int]:
        """Living processes of this home whose command line holds all the words, oldest first."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal() and self._is_ours(entry):
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if all(word in line for word in words):
                    found.append(int(entry.name))
        return sorted(found)

    def _is_ours(self, process: Path) -> bool:
        with contextlib.suppress(OSError):
            return f"ARENA_HOME={self.home}".encode() in (process / "environ").read_bytes().split(b"\0")
        return False


@contextlib.contextmanager
def running_platform(home: Path, **settings: str) -> Iterator[Platform]:
    platform = Platform(home, settings=settings)
    try:
        platform.start()
        yield platform
    finally:
        platform.stop()
        left = platform.processes()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert not left, f"processes left after the end: {left}"


@contextlib.contextmanager
def policy_servers(*names: str) -> Iterator[list[dict[str, str]]]:
    """Real policy servers, as the simulated lab serves them: name, version and endpoint of each."""
    arguments = [argument for name in names for argument in ("--policy", name)]
    server = subprocess.Popen(
        [sys.executable, "-m", "simlab", "serve", "--first-port", "0", *arguments],
        cwd=settings.BASE_DIR,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert server.stdout is not None
    try:
        yield json.loads(server.stdout.readline())["policies"]
    finally:
        server.terminate()
        server.wait(timeout=20)
        server.stdout.close()


@dataclass
class SimulatedLab:
    """A simulated lab at work on a platform, in a process of its own."""

    process: subprocess.Popen[str]

    def events(self) -> list[dict[str, Any]]:
        """All that it says until it ends."""
        out, _ = self.process.communicate(timeout=300)
        return [json.loads(line) for line in out.splitlines()]


@contextlib.contextmanager
def simulated_lab(platform: Platform, *, profile: str, email: str, code: str, sessions: int) -> Iterator[SimulatedLab]:
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "simlab", "lab", profile, "--server", platform.url, "--institution", profile),
            *("--email", email, "--sessions", str(sessions), "--seed", "7", "--json"),
        ],
        cwd=settings.BASE_DIR,
        env=os.environ | {"SIMLAB_ACCESS_CODE": code},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield SimulatedLab(process)
    finally:
        process.terminate()
        process.wait(timeout=20)
        assert process.stdout is not None
        process.stdout.close()
