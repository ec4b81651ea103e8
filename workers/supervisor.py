"""Runs a few processes: starts them, says when they are ready, starts again what dies, and stops all in order.

Children are told apart by their process group, so that a Ctrl-C in the terminal reaches the supervisor alone and what a
child leaves behind can be found. Should the supervisor itself be killed, the kernel kills them.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue

from arena.embedded.children import ends_with_parent
from arena.embedded.logs import open_log, tail

_SHORTEST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 15.0
_STEADY_AFTER_S = 30.0
_READY_PAUSE_S = 0.05
_STOP_PAUSE_S = 0.02
_TICK_S = 1.0


class StopRequested(Exception):
    """Somebody asked for the end: Ctrl-C, or a SIGTERM."""


class NotReady(Exception):
    """A child that should be ready is not."""


@dataclass(frozen=True)
class Program:
    """What to run. `stop` are signals with the seconds that each is given before the next, and in the end SIGKILL."""

    name: str
    command: list[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[], bool] = lambda: True
    ready_within_s: float = 60.0
    stop: tuple[tuple[signal.Signals, float], ...] = ((signal.SIGTERM, 6.0),)
    # Programs of a higher wave use those of a lower one: they are stopped first.
    wave: int = 0
    # None: a program that ends was not meant to. A status here is one with which it may end for good.
    may_end_with: int | None = None


class Child:
    def __init__(self, program: Program, ended: Callable[["Child"], None]) -> None:
        self.program = program
        self.restarts = 0
        self.finished = False
        self.restart_at: float | None = None
        self._ended = ended
        self._pause_s = _SHORTEST_PAUSE_S
        self.spawn()

    def spawn(self) -> None:
        """To be called from the main thread: the child ends with the thread that started it."""
        self.restart_at = None
        self.started_at = time.monotonic()
        with open_log(self.program.log) as log:
            self.process = subprocess.Popen(
                self.program.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | self.program.environment,
                process_group=0,
                preexec_fn=ends_with_parent(signal.SIGKILL),
            )
        threading.Thread(target=self._await_end, args=(self.process.pid,), daemon=True).start()

    def is_running(self) -> bool:
        return not self.finished and self.restart_at is None and self.process.returncode is None

    def has_ended(self) -> bool:
        return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None

    def reap(self) -> int:
        """Take note of the end of the process. Until then its number, which is its group's, cannot be another's."""
        self.send_to_group(signal.SIGKILL)
        return self.process.wait()

    def plan_restart(self) -> float:
        """The pause before the next start grows while starts fail, and is short again after a steady time."""
        steady = time.monotonic() - self.started_at > _STEADY_AFTER_S
        self._pause_s = _SHORTEST_PAUSE_S if steady else min(self._pause_s * 2, _LONGEST_PAUSE_S)
        self.restart_at = time.monotonic() + self._pause_s
        self.restarts += 1
        return self._pause_s

    def send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, number)

    def send_to_group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def _await_end(self, pid: int) -> None:
        with suppress(ChildProcessError):  # reaped already
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        self._ended(self)


class Supervisor:
    """`say` takes a line for whoever watches; `look_after` is called every second while waiting."""

    def __init__(self, *, say: Callable[[str], None], look_after: Callable[[], None] = lambda: None) -> None:
        self._say = say
        self._look_after = look_after
        self._children: list[Child] = []
        self._ended: SimpleQueue[Child | None] = SimpleQueue()
        self._stop_requests = 0
        self._next_tick = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Signals ask for the end from here on; when the block is left, everything is stopped."""
        before = {number: signal.signal(number, self._request_stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            self.stop()
            for number, handler in before.items():
                signal.signal(number, handler)

    def start(self, program: Program) -> Child:
        child = Child(program, self._ended.put)
        self._children.append(child)
        return child

    def await_ready(self, *children: Child) -> None:
        waiting = list(children)
        while waiting:
            for child in list(waiting):
                if child.is_running() and child.program.ready():
                    waiting.remove(child)
                    self._say(f"{child.program.name} is ready")
                elif time.monotonic() - child.started_at > child.program.ready_within_s or child.restarts > 3:
                    raise NotReady(f"{child.program.name} did not start. {tail(child.program.log)}")
            self.wait(_READY_PAUSE_S if waiting else 0)

    def wait(self, seconds: float) -> None:
        """Look after the children for some time. Raises StopRequested."""
        until = time.monotonic() + seconds
        while True:
            self._start_due_children()
            with suppress(Empty):
                child = self._ended.get(timeout=max(0.0, min(until, self._wake_at()) - time.monotonic()))
                if child is not None:
                    self._take_note_of_end(child)
            if self._stop_requests:
                raise StopRequested
            if time.monotonic() >= until:
                return

    def run(self) -> None:
        while True:
            self.wait(_LONGEST_PAUSE_S)

    def stop(self) -> None:
        """Stop the children, the highest wave first. A further Ctrl-C kills them."""
        for wave in sorted({child.program.wave for child in self._children}, reverse=True):
            self._stop_together([child for child in self._children if child.program.wave == wave])
        self._children.clear()

    def _stop_together(self, children: list[Child]) -> None:
        waiting = {child: _steps(child.program) for child in children if child.process.returncode is None}
        begun, asked_before = time.monotonic(), self._stop_requests
        while waiting:
            hurried = self._stop_requests > max(asked_before, 1)
            for child, steps in list(waiting.items()):
                if child.has_ended():
                    child.reap()
                    del waiting[child]
                elif hurried:
                    child.send_to_group(signal.SIGKILL)
                elif steps and time.monotonic() - begun >= steps[0][0]:
                    child.send(steps.pop(0)[1])
            with suppress(Empty):
                self._ended.get(timeout=_STOP_PAUSE_S)

    def _request_stop(self, *_: object) -> None:
        self._stop_requests += 1
        self._ended.put(None)

    def _wake_at(self) -> float:
        restarts = [child.restart_at for child in self._children if child.restart_at is not None]
        return min([self._next_tick, *restarts])

    def _start_due_children(self) -> None:
        now = time.monotonic()
        if now >= self._next_tick:
            self._next_tick = now + _TICK_S
            self._look_after()
        for child in self._children:
            if child.restart_at is not None and now >= child.restart_at:
                child.spawn()

    def _take_note_of_end(self, child: Child) -> None:
        status = child.reap()
        if status == child.program.may_end_with:
            child.finished = True
            return
        pause = child.plan_restart()
        self._say(f"{child.program.name} ended with {status}; it starts again in {pause:.1f} s ({child.program.log})")


def _steps(program: Program) -> list[tuple[float, signal.Signals]]:
    """When to send which signal, in seconds from the beginning of the end."""
    steps, at = [], 0.0
    for number, seconds in program.stop:
        steps.append((at, number))
        at += seconds
    return [*steps, (at, signal.SIGKILL)]
