"""Plays the public evaluation client 1.5: its calls in its order, with its fields, content types and spellings."""

import io
import pickle
import zipfile
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

import numpy as np
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from numpy.lib import format as npy

from tests.factories import Arena


def episode_npz(steps: int = 3) -> bytes:
    """episode_data.npz as the client makes it: one pickled object array of dicts."""
    rows = [
        {
            "cartesian_position": [0.1] * 6,
            "joint_position": [0.2] * 7,
            "gripper_position": [0.0],
            "action": [0.0] * 8,
        }
        for _ in range(steps)
    ]
    array = np.empty(steps, dtype=object)
    array[:] = rows
    return npz_of(pickle.dumps(array, protocol=4), shape=(steps,))


def npz_of(pickled: bytes, *, shape: tuple[int, ...]) -> bytes:
    member = io.BytesIO()
    npy.write_array_header_1_0(member, {"descr": "|O", "fortran_order": False, "shape": shape})
    member.write(pickled)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(zipfile.ZipInfo("data.npy"), member.getvalue())  # without the time of day: always the same bytes
    return archive.getvalue()


def closing_notes(preference: str = "A", feedback: str = "A was steadier.", *, valid: bool = True) -> str:
    head = "VALID_SESSION:\n" if valid else ""
    return f"{head}PREFERENCE={preference}\nLONGFORM_FEEDBACK={feedback}\n"


@dataclass
class RoboArenaClient:
    arena: Arena
    http: Client = field(default_factory=Client)
    robot: str = "DROID"

    @property
    def email(self) -> str:
        return self.arena.dana.email

    def version_check(self, version: str = "1.5") -> Any:
        return self.http.post("/version_check", {"client_version": version}, content_type="application/json")

    def validate(self, **changes: Any) -> Any:
        body = {"evaluator_email": self.email, "institution": "Berkeley", "evaluator_code": self.arena.code}
        return self.http.post("/validate_evaluator_access", body | changes, content_type="application/json")

    def pair_fields(self, **changes: Any) -> dict[str, Any]:
        return {
            "eval_location": "Berkeley",
            "evaluator_name": self.email,
            "evaluator_code": self.arena.code,
            "language_instruction": "put the cup on the plate",
            "robot_name": self.robot,
        } | changes

    def pair(self, **changes: Any) -> Any:
        return self.http.post("/get_policies_to_compare", self.pair_fields(**changes), content_type="application/json")

    def upload_fields(self, session_id: str, label: str, **changes: Any) -> dict[str, Any]:
        return {
            "session_id": session_id,
            "evaluator_code": self.arena.code,
            "command": "put the cup on the plate",
            "binary_success": "0",
            "partial_success": "0.400",
            "duration": "31",
            "policy_ip": "127.0.0.1",
            "policy_port": "8001/relay/token",
            "third_person_camera_type": "right_image",
            "third_person_camera_id": "",
            "policy_letter": f"{label};avg_latency=0.003",
            "timestamp": "2026_11_21_03_01_25",
        } | changes

    def upload(self, session_id: str, label: str, *, video: bytes = b"not really a video", **changes: Any) -> Any:
        files = {
            "video_left": SimpleUploadedFile("left.mp4", video, "video/mp4"),
            "video_wrist": SimpleUploadedFile("wrist.mp4", video, "video/mp4"),
            "npz_file": SimpleUploadedFile("episode_data.npz", episode_npz(), "application/octet-stream"),
        }
        return self.http.post("/upload_eval_data", self.upload_fields(session_id, label, **changes) | files)

    def terminate(self, session_id: str, notes: str | None = None, **changes: Any) -> Any:
        fields = {
            "session_id": session_id,
            "evaluator_code": self.arena.code,
            "evaluation_notes": closing_notes() if notes is None else notes,
        }
        body = "&".join(f"{name}={quote_plus(value)}" for name, value in (fields | changes).items())
        return self.http.post("/terminate_session", body, content_type="application/x-www-form-urlencoded")

    def whole_session(self, notes: str | None = None) -> str:
        session_id: str = self.pair().json()["session_id"]
        for label in ("A", "B"):
            assert self.upload(session_id, label).status_code == 200
        assert self.terminate(session_id, notes).status_code == 200
        return session_id
