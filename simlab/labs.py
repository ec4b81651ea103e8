"""The simulated labs: what each likes to test, how its evaluators judge and write, how often something goes wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from simlab.judging import Habits
from simlab.rendering import CAMERAS
from simlab.tasks import FAMILIES, TASKS, Task

if TYPE_CHECKING:
    import numpy as np

NoteStyle = Literal["plain", "wordy", "curt"]


@dataclass(frozen=True)
class Profile:
    """A lab as its sessions show it. Nothing here is told to the platform."""

    name: str
    title: str
    mix: dict[str, float]
    """Weight of each family of tasks; within a family all tasks are equally likely."""
    habits: Habits
    style: NoteStyle
    evaluators: tuple[str, ...]
    invalid: float = 0.03
    """Chance that something spoils a session, which is then submitted as not valid."""
    walks_away: float = 0.02
    """Chance that the evaluator leaves after the first rollout and never ends the session."""

    def weights(self) -> dict[str, float]:
        """The chance of each task."""
        sizes = {family: sum(task.family == family for task in TASKS.values()) for family in FAMILIES}
        total = sum(self.mix.values())
        return {task.name: self.mix[task.family] / sizes[task.family] / total for task in TASKS.values()}

    def choose_task(self, rng: np.random.Generator) -> tuple[Task, str]:
        """A task and the words in which it is asked for."""
        weights = self.weights()
        task = TASKS[str(rng.choice(list(weights), p=list(weights.values())))]
        return task, str(rng.choice(task.instructions))

    def row(self) -> dict[str, object]:
        return {
            "name": self.name,
            "title": self.title,
            "cameras": list(CAMERAS),
            "evaluators": list(self.evaluators),
            "task_mix": self.mix,
            "noise": self.habits.noise,
            "tie_band": self.habits.tie_band,
            "lapses": self.habits.lapses,
            "note_style": self.style,
            "invalid": self.invalid,
            "walks_away": self.walks_away,
        }


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            name="aurora",
            title="Aurora Robotics Lab (simulated)",
            mix={"pick": 1.0, "push": 1.0, "press": 1.0, "articulated": 1.0},
            habits=Habits(noise=0.05, tie_band=0.05, lapses=0.02),
            style="plain",
            evaluators=("aki", "astrid"),
        ),
        Profile(
            name="borealis",
            title="Borealis Household Robots (simulated)",
            mix={"pick": 0.5, "push": 0.5, "press": 2.0, "articulated": 6.0},
            habits=Habits(noise=0.10, tie_band=0.08, lapses=0.02),
            style="wordy",
            evaluators=("bela", "benedikt"),
        ),
        Profile(
            name="cascade",
            title="Cascade Manipulation Group (simulated)",
            mix={"pick": 6.0, "push": 2.5, "press": 0.5, "articulated": 1.0},
            habits=Habits(noise=0.03, tie_band=0.05, lapses=0.02),
            style="curt",
            evaluators=("chidi", "camille"),
        ),
        Profile(
            name="delta",
            title="Delta Students' Workshop (simulated)",
            mix={"pick": 1.0, "push": 5.0, "press": 1.5, "articulated": 1.5},
            habits=Habits(noise=0.20, tie_band=0.10, lapses=0.02),
            style="plain",
            evaluators=("dana",),
        ),
    )
}
