"""Stations for tests: small, quick, and obedient."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from arena_client.images import Frame
from arena_client.station import StepResult


class SmallStation:
    """Remembers what it was told. `ends_at` steps it is done; `breaks_at` it fails."""

    def __init__(self, *, ends_at: int = 6, breaks_at: int = 0) -> None:
        self.ends_at = int(os.environ.get("TEST_STEPS") or ends_at)
        self.breaks_at = breaks_at
        self.resets: list[str] = []
        self.actions: list[Any] = []
        self.observed = 0
        self.stops = 0

    def reset(self, instruction: str) -> None:
        self.resets.append(instruction)
        self.actions.clear()

    def observe(self) -> dict[str, Any]:
        self.observed += 1
        picture = self._picture()
        return {
            "observation/joint_position": np.zeros(7),
            "observation/gripper_position": np.zeros(1),
            "observation/exterior_image_1_left": picture,
            "observation/wrist_image_left": picture,
        }

    def step(self, action: Any) -> bool | StepResult | None:
        if self.breaks_at and len(self.actions) + 1 == self.breaks_at:
            raise RuntimeError("the gripper is stuck")
        self.actions.append(action)
        return len(self.actions) >= self.ends_at

    def frames(self) -> Mapping[str, Frame]:
        return {"left": self._picture(), "wrist": self._picture()}

    def stop(self) -> None:
        self.stops += 1

    def _picture(self) -> Frame:
        return np.full((48, 65, 3), 10 * len(self.actions) % 256, np.uint8)


class FilmingStation(SmallStation):
    """Has its own cameras' files."""

    def videos(self, folder: Path) -> Mapping[str, Path]:
        (folder / "mine.mp4").write_bytes(b"\x00\x00\x00\x18ftypisom a film")
        return {"left": folder / "mine.mp4"}


class Unfinished:
    """Lacks all but one method."""

    def reset(self, instruction: str) -> None: ...
