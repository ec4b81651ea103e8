"""Readings, outcomes and states for tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from simlab.judging import Outcome
from simlab.scene import STATE_SIZE, Floats, Reading


def reading(**changes: Any) -> Reading:
    values: dict[str, Any] = {"reach": 0.2, "gap": 0.3, "height": 0.0, "gripper_closed": False, "done": False}
    return Reading(**values | changes)


def outcome(**changes: Any) -> Outcome:
    values: dict[str, Any] = {
        "progress": 0.0,
        "success": False,
        "steps": 100,
        "reached": False,
        "lifted": False,
        "dropped": False,
        "approach": 0.0,
        "moved": 0.0,
        "kept": 0.0,
    }
    return Outcome(**values | changes)


def state() -> Floats:
    """Hand above the table, an object before it, a goal to its left."""
    values = np.zeros(STATE_SIZE)
    values[:4] = (0.0, 0.6, 0.2, 1.0)
    values[4:7] = (0.1, 0.7, 0.02)
    values[18:36] = values[:18]
    values[-3:] = (-0.1, 0.8, 0.1)
    return values
