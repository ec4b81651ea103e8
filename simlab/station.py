"""The simulated table as a station of the stations' client: it sees, acts, films and judges itself."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from arena_client.station import StepResult
from simlab import rendering
from simlab.evidence import trajectory_file
from simlab.judging import Judge
from simlab.rollout import Rollout, Step
from simlab.scene import Floats, Scene
from simlab.server import STATE_KEY
from simlab.tasks import Task, task_for
from simlab.video import Recorder

if TYPE_CHECKING:
    from simlab.rendering import Frame


class SimulatedStation:
    """One table. Unless it was prepared otherwise, the instruction says which task's scene is set up at a reset.

    Both sides of a session start alike: the same preparation, or the same instruction, gives the same start.
    """

    action_spaces = ("cartesian_velocity",)

    def __init__(self) -> None:
        self._set: tuple[Scene, rendering.Camera] | None = None
        self._prepared: tuple[Task, int] | None = None

    def prepare(self, task: Task, seed: int) -> None:
        """What the next resets set up."""
        self._prepared = task, seed

    def reset(self, instruction: str) -> None:
        task, seed = self._prepared or _of_the_words(instruction)
        self._scene, camera = self._set_up(task)
        self._judge = Judge(task, self._scene.reset(seed))
        self._trajectory: list[Step] = []
        self._recorder = Recorder(camera)
        self._recorder.show(self._scene)

    def observe(self) -> dict[str, Any]:
        scene, pictures = self._scene, self._recorder.last
        return {
            "observation/joint_position": scene.joint_position,
            "observation/cartesian_position": scene.cartesian_position,
            "observation/gripper_position": scene.gripper_position,
            "observation/exterior_image_1_left": pictures["left"],
            "observation/wrist_image_left": pictures["wrist"],
            STATE_KEY: scene.state,
        }

    def step(self, action: Floats) -> StepResult:
        scene = self._scene
        before = scene.cartesian_position, scene.joint_position, scene.gripper_position
        self._trajectory.append(Step(*before, np.array(action)))
        reading = scene.act(action)
        self._judge.watch(reading)
        self._recorder.show(scene)
        return StepResult(done=reading.done, success=reading.done)

    def frames(self) -> Mapping[str, Frame]:
        return self._recorder.last

    def videos(self, folder: Path) -> Mapping[str, Path]:
        """The films, with their captions, and the trajectory."""
        films = {camera: (f"{camera}.mp4", film) for camera, film in self._recorder.films().items()}
        made = {**films, "trajectory": ("trajectory.npz", trajectory_file(self._trajectory))}
        for name, content in made.values():
            (folder / name).write_bytes(content)
        return {kind: folder / name for kind, (name, _) in made.items()}

    def films(self) -> dict[str, bytes]:
        return self._recorder.films()

    def rollout(self) -> Rollout:
        """What the last rollout came to, as measured."""
        return Rollout(self._judge.outcome(), self._trajectory)

    def close(self) -> None:
        if self._set:
            self._set[1].close()
        self._set = None

    def _set_up(self, task: Task) -> tuple[Scene, rendering.Camera]:
        """The scene of a task with its camera. Only one is kept: model and renderer take over 100 MB."""
        if self._set is None or self._set[0].task != task:
            self.close()
            scene = Scene(task)
            self._set = scene, rendering.camera_for(scene)
        return self._set


def _of_the_words(instruction: str) -> tuple[Task, int]:
    task = task_for(instruction)
    if task is None:
        raise ValueError(f"the simulated table knows no task {instruction!r}")
    return task, zlib.crc32(instruction.encode())
