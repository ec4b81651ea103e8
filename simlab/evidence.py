"""What is uploaded of a rollout, in the shape in which RoboArena's evaluation client uploads it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from simlab.rollout import Rollout, Step

if TYPE_CHECKING:
    from simlab.calls import Side


@dataclass(frozen=True)
class Evidence:
    """One side's rollout, its videos by camera and the policy's mean latency in seconds."""

    rollout: Rollout
    films: dict[str, bytes]
    latency: float


def form(evidence: Evidence, *, session_id: str, side: Side, instruction: str, now: datetime) -> dict[str, str]:
    outcome = evidence.rollout.outcome
    return {
        "session_id": session_id,
        "command": instruction,
        "binary_success": "1" if outcome.success else "0",
        "partial_success": f"{outcome.progress:.3f}",
        # The client sends the index of the last step here, neither a count nor seconds.
        "duration": str(max(0, outcome.steps - 1)),
        "policy_ip": side.ip,
        "policy_port": side.port,
        "third_person_camera_type": "left_image",
        "third_person_camera_id": "",
        "policy_letter": f"{side.label};avg_latency={evidence.latency:.3f}",
        "timestamp": now.strftime("%Y_%m_%d_%H_%M_%S"),
    }


def files(evidence: Evidence) -> dict[str, tuple[str, bytes, str]]:
    videos = {f"video_{camera}": (f"{camera}.mp4", film, "video/mp4") for camera, film in evidence.films.items()}
    data = ("episode_data.npz", trajectory_file(evidence.rollout.trajectory), "application/octet-stream")
    return {**videos, "npz_file": data}


def trajectory_file(trajectory: Sequence[Step]) -> bytes:
    """An npz of one object array: a pickled list of dicts of floats, as the client makes it."""
    rows = np.empty(len(trajectory), dtype=object)
    for number, step in enumerate(trajectory):
        rows[number] = {
            "cartesian_position": step.cartesian_position.tolist(),
            "joint_position": step.joint_position.tolist(),
            "gripper_position": step.gripper_position.tolist(),
            "action": step.action.tolist(),
        }
    buffer = io.BytesIO()
    np.savez(buffer, data=rows)
    return buffer.getvalue()


def ending(*, valid: bool, preference: str, feedback: str) -> str:
    """The evaluation notes with which a session is terminated."""
    mark = "VALID_SESSION:\n" if valid else ""
    return f"{mark}PREFERENCE={preference}\nLONGFORM_FEEDBACK={feedback}\n"
