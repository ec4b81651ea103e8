"""One rollout: the policy's actions in chunks, carried out by the station, filmed, until it is over."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from arena_client.policy import Observation, PolicyConnection, PolicyError, Unreachable
from arena_client.station import FilmingStation, Station, StepResult, StoppableStation, introduce
from arena_client.videos import Recorder

MAX_STEPS = 400
"""As many as RoboArena's client runs: at 15 a second, not quite half a minute."""
FILM_RATE = 15.0
"""Pictures a second where the station does not say how fast it steps."""


class Chooser(Protocol):
    """What decides: a PolicyConnection, or a stand-in for one."""

    def infer(self, observation: Observation) -> NDArray[np.float64]:
        """The next actions, one a row."""

    def reset(self) -> None:
        """The episode is over."""


@dataclass(frozen=True)
class Rollout:
    """What a rollout came to. `success` only where the station could tell."""

    steps: int
    seconds: float
    success: bool | None = None
    ended_by: str = "steps"
    """`station`, `operator` or `steps`: who ended it."""
    mean_latency: float = 0.0
    files: dict[str, Path] = field(default_factory=dict)
    """Videos by camera, and the `trajectory` where the station made one."""

    def save(self, folder: Path) -> None:
        facts = {**self.__dict__, "files": {kind: str(path) for kind, path in self.files.items()}}
        draft = folder / "rollout.json.part"
        draft.write_text(json.dumps(facts, indent=2), encoding="utf-8")
        draft.replace(folder / "rollout.json")

    @classmethod
    def load(cls, folder: Path) -> Rollout | None:
        """What an earlier run of the program saved there, if the rollout came to its end and its files are there."""
        try:
            facts = json.loads((folder / "rollout.json").read_text(encoding="utf-8"))
            facts["files"] = {kind: Path(path) for kind, path in facts["files"].items()}
            rollout = cls(**facts)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
        return rollout if all(path.exists() for path in rollout.files.values()) else None


def never() -> bool:
    return False


def untold(step: int, of: int) -> None:
    """Nobody watches this rollout."""


def run_rollout(
    station: Station,
    policy: Chooser,
    *,
    instruction: str = "",
    max_steps: int = MAX_STEPS,
    chunk: int | None = None,
    folder: Path | None = None,
    should_end: Callable[[], bool] = never,
    told: Callable[[int, int], None] = untold,
) -> Rollout:
    """Run one rollout. Of the actions that the policy gives at once the first `chunk` are carried out, or all.

    With a folder the rollout is filmed there and remembered in `rollout.json`. The station is told to stop however
    this ends; an error leaves no files that could be taken for a whole rollout.
    """
    running = _Running(station, policy, max_steps, chunk, should_end, told)
    with ExitStack() as stack:
        if isinstance(station, StoppableStation):
            stack.callback(station.stop)
        films = isinstance(station, FilmingStation)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            if not films:
                running.recorder = Recorder(folder, getattr(station, "rate", FILM_RATE))
        try:
            if isinstance(policy, PolicyConnection):
                introduce(station, policy.metadata)
            station.reset(instruction)
            running.run()
        except BaseException:
            if running.recorder is not None:
                running.recorder.discard()
            raise
    files = running.recorder.finish() if running.recorder is not None else {}
    if folder is not None and isinstance(station, FilmingStation):
        files = dict(station.videos(folder))
    rollout = running.rollout(files)
    if folder is not None:
        rollout.save(folder)
    with suppress(Unreachable, PolicyError):  # the rollout is done and stands
        policy.reset()
    return rollout


class _Running:
    """A rollout on its way."""

    def __init__(
        self,
        station: Station,
        policy: Chooser,
        max_steps: int,
        chunk: int | None,
        should_end: Callable[[], bool],
        told: Callable[[int, int], None],
    ) -> None:
        self.recorder: Recorder | None = None
        self._station = station
        self._policy = policy
        self._max_steps = max_steps
        self._chunk = chunk
        self._should_end = should_end
        self._told = told
        self._rate: float | None = getattr(station, "rate", None)
        self._steps = 0
        self._success: bool | None = None
        self._ended_by = "steps"
        self._latencies: list[float] = []
        self._seconds = 0.0

    def run(self) -> None:
        self._film()
        began = self._due = time.monotonic()
        while self._steps < self._max_steps and self._ended_by == "steps":
            if self._should_end():
                self._ended_by = "operator"
                break
            observation = self._station.observe()
            asked = time.perf_counter()
            actions = self._policy.infer(observation)
            self._latencies.append(time.perf_counter() - asked)
            self._carry_out(actions[: self._chunk] if self._chunk else actions)
        self._seconds = time.monotonic() - began

    def _carry_out(self, actions: NDArray[np.float64]) -> None:
        for action in actions[: self._max_steps - self._steps]:
            if self._should_end():
                self._ended_by = "operator"
                return
            self._keep_pace()
            result = _as_result(self._station.step(action))
            self._steps += 1
            self._film()
            self._told(self._steps, self._max_steps)
            if result.success is not None:
                self._success = result.success
            if result.done:
                self._ended_by = "station"
                return

    def _keep_pace(self) -> None:
        """Steps come at the station's rate; time that an inference took too long is not made up for by haste."""
        if self._rate:
            time.sleep(max(0.0, self._due - time.monotonic()))
            self._due = max(self._due, time.monotonic()) + 1.0 / self._rate

    def _film(self) -> None:
        if self.recorder is not None:
            self.recorder.take(self._station.frames())

    def rollout(self, files: dict[str, Path]) -> Rollout:
        return Rollout(
            steps=self._steps,
            seconds=round(self._seconds, 3),
            success=self._success,
            ended_by=self._ended_by,
            mean_latency=round(float(np.mean(self._latencies)), 4) if self._latencies else 0.0,
            files=files,
        )


def _as_result(answer: bool | StepResult | None) -> StepResult:
    return answer if isinstance(answer, StepResult) else StepResult(done=bool(answer))
