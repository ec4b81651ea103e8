"""A station without a robot, in the shape of a DROID: to try connections, addresses and uploads before the real one.

What it uploads are pictures of nothing. It is meant for a platform of one's own, and for a policy server of one's own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from arena_client.images import Frame
from arena_client.policy import ACTION_SIZES

HEIGHT, WIDTH = 180, 320
STEPS_VARIABLE = "ARENA_PRETEND_STEPS"


class PretendStation:
    """Joints that go where they are told, and pictures of a square that moves with them."""

    rate = 15.0
    action_spaces = tuple(ACTION_SIZES)

    def __init__(self) -> None:
        self._limit = int(os.environ.get(STEPS_VARIABLE) or 0)
        if self._limit:
            self.rate = 1000.0  # a trial of the way there and back, not of the time that it takes
        self.reset("")

    def reset(self, instruction: str) -> None:
        self._joints = np.zeros(7)
        self._gripper = 0.0
        self._steps = 0

    def observe(self) -> dict[str, object]:
        frames = self.frames()
        return {
            "observation/joint_position": self._joints.copy(),
            "observation/cartesian_position": np.zeros(6),
            "observation/gripper_position": np.array([self._gripper]),
            "observation/exterior_image_1_left": frames["left"],
            "observation/exterior_image_2_left": frames["right"],
            "observation/wrist_image_left": frames["wrist"],
        }

    def step(self, action: NDArray[np.float64]) -> bool:
        self._joints[: len(action) - 1] = np.clip(action[:-1], -np.pi, np.pi)
        self._gripper = float(action[-1] > 0.5)
        self._steps += 1
        return bool(self._limit) and self._steps >= self._limit

    def frames(self) -> Mapping[str, Frame]:
        return {camera: self._picture(number) for number, camera in enumerate(("left", "right", "wrist"))}

    def _picture(self, camera: int) -> Frame:
        picture = np.full((HEIGHT, WIDTH, 3), 40 + 20 * camera, np.uint8)
        left = (20 * camera + 4 * self._steps) % (WIDTH - 40)
        picture[60:100, left : left + 40] = (230, 140, 40)
        return picture
