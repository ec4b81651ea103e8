"""One Meta-World scene, driven the way a robot station is: matched starts, held actions, a binary gripper."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from simlab.tasks import Task

# simlab.rendering brings its own GL library; MuJoCo must not look for another one, and fail, when it is imported.
os.environ["MUJOCO_GL"] = "disable"

TICKS_PER_ACTION = 5
TICKS_PER_SECOND = 80
ACTIONS_PER_SECOND = TICKS_PER_SECOND // TICKS_PER_ACTION
MAX_ACTIONS = 100
HOLD_TICKS = 10
"""Success is momentary in Meta-World; it counts when it lasts this long (an eighth of a second)."""

STATE_SIZE = 39
GRIPPER_DOWN = (np.pi, 0.0, np.pi / 2)
"""The hand always points down: Meta-World moves it by position only."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Reading:
    """What the judge looks at after each action."""

    reach: float
    """Distance of the gripper from the object, in metres."""
    gap: float
    """How far the object still is from where it should be, in metres."""
    height: float
    """Height of the object above where it started, in metres."""
    gripper_closed: bool
    done: bool
    """The task has been done for HOLD_TICKS without a break."""


class Scene:
    """A task's scene. The same seed gives the same start, in a fresh scene and in one that was used before."""

    def __init__(self, task: Task) -> None:
        from metaworld.env_dict import ALL_V3_ENVIRONMENTS_GOAL_OBSERVABLE

        self.task = task
        self._env: Any = ALL_V3_ENVIRONMENTS_GOAL_OBSERVABLE[f"{task.name}-goal-observable"]()
        # Only with both of these does seed() decide where things stand; reset(seed=...) alone does not.
        self._env._freeze_rand_vec = False
        self._env.seeded_rand_vec = True

    @property
    def model(self) -> Any:
        return self._env.model

    @property
    def data(self) -> Any:
        return self._env.data

    def reset(self, seed: int) -> Reading:
        import mujoco

        self._env.seed(seed)
        self._env.reset()
        # Meta-World reads its first observation before the moved fixtures have taken their places.
        mujoco.mj_forward(self.model, self.data)
        self._state = self._env._get_obs()
        self._state[18:36] = self._state[:18]
        self._held = 0
        self._closed = False
        self._start_height = float(self._state[6])
        _, info = self._env.evaluate_state(self._state, np.zeros(4, np.float32))
        return self._read(info)

    def act(self, action: Floats) -> Reading:
        """Carry out one action (dx, dy, dz, 0, 0, 0, gripper), clipped to full speed and with a binary gripper."""
        self._closed = bool(action[6] > 0.5)
        command = np.array([*np.clip(action[:3], -1.0, 1.0), 1.0 if self._closed else -1.0], np.float32)
        for _ in range(TICKS_PER_ACTION):
            self._state, _, _, _, info = self._env.step(command)
            self._held = self._held + 1 if info["success"] else 0
        return self._read(info)

    @property
    def state(self) -> Floats:
        """Meta-World's whole observation: hand, gripper, objects, the same one tick ago, goal. Privileged."""
        return np.array(self._state, np.float64)

    @property
    def cartesian_position(self) -> Floats:
        return np.array([*self._state[:3], *GRIPPER_DOWN])

    @property
    def joint_position(self) -> Floats:
        return np.array(self.data.qpos[:7], np.float64)

    @property
    def gripper_position(self) -> Floats:
        """0 is open and 1 is closed, as DROID has it; Meta-World says how far the fingers are apart."""
        return np.array([1.0 - self._state[3]])

    def _read(self, info: dict[str, Any]) -> Reading:
        return Reading(
            reach=float(np.linalg.norm(self._env.tcp_center - self._state[4:7])),
            gap=self._gap(info),
            height=float(self._state[6]) - self._start_height,
            gripper_closed=self._closed,
            done=self._held >= HOLD_TICKS,
        )

    def _gap(self, info: dict[str, Any]) -> float:
        state = self._state
        match self.task.name:
            # These three report no distance, or one that says nothing of the object.
            case "door-open-v3":
                return float(abs(state[4] - state[-3]))
            case "hammer-v3":
                return float(abs(state[12] - state[-2]))
            case "lever-pull-v3":
                return float(np.linalg.norm(state[4:7] - state[-3:]))
            case _:
                return float(info["obj_to_target"])
