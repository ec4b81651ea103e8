"""The evaluator's judgement: progress from what was measured, and a preference with documented human failings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from simlab.scene import ACTIONS_PER_SECOND, MAX_ACTIONS, Reading

if TYPE_CHECKING:
    import numpy as np

    from simlab.tasks import Task

Preference = Literal["A", "B", "TIE"]

APPROACH_SHARE = 0.2
"""Progress for having reached the object; the rest of CEILING is for moving it where it belongs."""
CEILING = 0.95
"""No rollout that was not done gets more."""
SPEED_SHARE = 0.15
"""What finishing at once is worth, in progress, over finishing at the last action."""
LIFTED = 0.02
"""Metres above its start at which an object counts as lifted."""


@dataclass(frozen=True)
class Outcome:
    """What one rollout came to."""

    progress: float
    """0 to 1 in whole hundredths, as an evaluator would enter it; 1 only on success."""
    success: bool
    steps: int
    reached: bool
    lifted: bool
    dropped: bool
    approach: float
    """Share of the way to the object that the gripper covered, at best."""
    moved: float
    """Share of the object's way that was covered, at best."""
    kept: float
    """The same at the end."""

    @property
    def seconds(self) -> float:
        return self.steps / ACTIONS_PER_SECOND

    @property
    def merit(self) -> float:
        """Progress, and for a success how soon it came."""
        speed = 1.0 - self.steps / MAX_ACTIONS if self.success else 0.0
        return self.progress + SPEED_SHARE * speed


@dataclass
class Judge:
    """Follows one rollout reading by reading."""

    task: Task
    start: Reading
    _readings: list[Reading] = field(default_factory=list)

    def watch(self, reading: Reading) -> None:
        self._readings.append(reading)

    def outcome(self) -> Outcome:
        seen = [self.start, *self._readings]
        last = seen[-1]
        approach = max(self._approach(reading) for reading in seen)
        moved = max(self._moved(reading) for reading in seen)
        lifted = self.task.family == "pick" and any(r.gripper_closed and r.height > LIFTED for r in seen)
        return Outcome(
            progress=self._progress(approach, moved, success=last.done),
            success=last.done,
            steps=len(self._readings),
            reached=approach >= 1.0,
            lifted=lifted,
            dropped=lifted and not last.done and last.height < LIFTED / 2,
            approach=approach,
            moved=moved,
            kept=self._moved(last),
        )

    def _approach(self, reading: Reading) -> float:
        return _share(self.start.reach, reading.reach, self.task.contact)

    def _moved(self, reading: Reading) -> float:
        return _share(self.start.gap, reading.gap, self.task.done)

    @staticmethod
    def _progress(approach: float, moved: float, *, success: bool) -> float:
        if success:
            return 1.0
        return round(min(CEILING, APPROACH_SHARE * approach + (CEILING - APPROACH_SHARE) * moved), 2)


def _share(start: float, now: float, done: float) -> float:
    """How much of the way from start to done has been covered, 0 to 1."""
    if start <= done:
        return 1.0
    return min(1.0, max(0.0, (start - now) / (start - done)))


@dataclass(frozen=True)
class Habits:
    """How reliably an evaluator prefers what was better."""

    noise: float = 0.0
    """Standard deviation of the evaluator's error in comparing two merits."""
    tie_band: float = 0.05
    """Differences smaller than this are called a tie."""
    lapses: float = 0.0
    """Chance that the preference has nothing to do with what was seen."""


def prefer(a: Outcome, b: Outcome, *, habits: Habits, rng: np.random.Generator) -> Preference:
    if rng.random() < habits.lapses:
        return ("A", "B", "TIE")[int(rng.integers(3))]
    return compare(a.merit - b.merit + rng.normal(0.0, 1.0) * habits.noise, tie_band=habits.tie_band)


def compare(difference: float, *, tie_band: float) -> Preference:
    if abs(difference) <= tie_band:
        return "TIE"
    return "A" if difference > 0 else "B"
