"""Ten policies of graded skill: Meta-World's scripted expert, and the same expert with one documented defect each.

They read the privileged simulator state and never an image. They say nothing about vision, and a board that ranks them
ranks simulated skill only.
"""

from __future__ import annotations

import hashlib
import warnings
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from simlab.tasks import Task, task_for

if TYPE_CHECKING:
    from simlab.scene import Floats

ACTION_SIZE = 7
OBJECT_POSITIONS = (slice(4, 7), slice(22, 25))
"""Where the state holds the object's position: now and one tick ago."""


@dataclass(frozen=True)
class Defect:
    """What keeps a policy from being the expert. The defaults are no defect at all."""

    noise: float = 0.0
    """Standard deviation of Gaussian noise on each velocity (full speed is 1)."""
    delay: int = 0
    """Acts on an observation this many actions old (62.5 ms each)."""
    gain: float = 1.0
    """Factor on the velocities."""
    misplacement: float = 0.0
    """Metres by which it sees the object beside its true place, in a direction fixed for the episode."""
    slip: float = 0.0
    """Chance, at each action with a closed gripper, that the gripper opens."""
    blind: bool = False
    """Ignores the scene: every action is drawn at random."""


NO_DEFECT = Defect()
OUT_OF_PRACTICE = Defect(noise=0.8, misplacement=0.08)
"""How a specialist acts outside its families."""


@dataclass(frozen=True)
class Policy:
    name: str
    description: str
    defect: Defect = NO_DEFECT
    families: tuple[str, ...] = ()
    """Families of tasks in which a specialist has its (absent) defect; elsewhere it is out of practice."""
    version: str = "1"
    licence: str = "MIT (scripted experts of Meta-World 3.1.1)"

    def start(self, *, instruction: str, state: Floats) -> Actor:
        """Begin an episode. Chance depends on policy, task and start only, so that an episode can be repeated."""
        task = task_for(instruction)
        words = f"{self.name}@{self.version}/{task.name if task else ''}"
        # Adding zero turns -0.0 into 0.0; rounding forgets differences between processors.
        start = np.round(state, 4) + 0.0
        digest = hashlib.sha256(words.encode() + start.tobytes()).digest()
        defect = self.defect
        if task and self.families and task.family not in self.families:
            defect = OUT_OF_PRACTICE
        return Actor(task, defect, np.random.default_rng(int.from_bytes(digest[:16], "big")))


class Actor:
    """A policy in the middle of an episode: one action for one state."""

    def __init__(self, task: Task | None, defect: Defect, rng: np.random.Generator) -> None:
        self._defect = defect
        self._rng = rng
        self._expert: Any = load_experts()[task.name]() if task and not defect.blind else None
        self._seen: deque[Floats] = deque(maxlen=defect.delay + 1)
        angle = rng.uniform(0.0, 2.0 * np.pi)
        self._offset = defect.misplacement * np.array([np.cos(angle), np.sin(angle), 0.0])

    def act(self, state: Floats) -> Floats:
        """(dx, dy, dz, 0, 0, 0, gripper); the velocities in -1..1, the gripper 1 to close and 0 to open."""
        self._seen.append(np.array(state))
        action = np.zeros(ACTION_SIZE)
        if self._defect.blind:
            action[:3] = self._rng.uniform(-1.0, 1.0, 3)
            action[6] = self._rng.integers(2)
        elif self._expert is not None:
            action[:3], action[6] = self._move(self._seen[0])
        return action

    def _move(self, state: Floats) -> tuple[Floats, float]:
        state = state.copy()
        for place in OBJECT_POSITIONS:
            state[place] += self._offset
        with warnings.catch_warnings():
            # The expert's gains are meant to be clipped; it says so at every action.
            warnings.simplefilter("ignore")
            command = self._expert.get_action(state)
        velocity = np.clip(command[:3], -1.0, 1.0) * self._defect.gain
        velocity = velocity + self._rng.normal(0.0, 1.0, 3) * self._defect.noise
        slips = self._rng.random() < self._defect.slip
        return np.clip(velocity, -1.0, 1.0), float(command[3] > 0.0 and not slips)


def load_experts() -> dict[str, Any]:
    """Meta-World's scripted experts by task. The first call takes half a second: servers make it before they listen."""
    from metaworld.policies import ENV_POLICY_MAP

    experts: dict[str, Any] = ENV_POLICY_MAP
    return experts


POLICIES = {
    policy.name: policy
    for policy in (
        Policy("expert", "Scripted expert for every task, without a defect."),
        Policy("expert-noise-low", "The expert with Gaussian noise of 0.3 on its velocities.", Defect(noise=0.3)),
        Policy("expert-noise-high", "The expert with Gaussian noise of 0.7 on its velocities.", Defect(noise=0.7)),
        Policy("laggy", "The expert, acting on what it saw 125 ms ago.", Defect(delay=2)),
        Policy("slow", "The expert at 0.3 of its speed.", Defect(gain=0.3)),
        Policy(
            "poor-localizer",
            "The expert, seeing the object 2.5 cm beside its true place.",
            Defect(misplacement=0.025),
        ),
        Policy("flaky-gripper", "The expert with a gripper that opens by chance.", Defect(slip=0.1)),
        Policy(
            "picking-specialist",
            "The expert at picking and pushing; noisy and imprecise at buttons and fixtures.",
            families=("pick", "push"),
        ),
        Policy(
            "articulation-specialist",
            "The expert at fixtures and buttons; noisy and imprecise at picking and pushing.",
            families=("articulated", "press"),
        ),
        Policy("random", "Every action is drawn at random.", Defect(blind=True)),
    )
}
