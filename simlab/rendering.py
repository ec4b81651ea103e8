"""Pictures of a scene: rendered by MuJoCo where a GL library can be had, drawn from the state where not."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from simlab import drawing

if TYPE_CHECKING:
    from simlab.scene import Scene

Frame = NDArray[np.uint8]

WIDTH, HEIGHT = 320, 240
CAMERAS = ("left", "wrist")
DRAWN = "drawn"
GL_LIBRARIES = ("egl", "osmesa")

TRIAL_SECONDS = 60.0

_TRIAL = """
import mujoco, mujoco.{library}
gl = mujoco.{library}.GLContext(320, 240)
gl.make_current()
model = mujoco.MjModel.from_xml_string("<mujoco/>")
context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, context)
context.free()
gl.free()
"""


class Camera(Protocol):
    """Takes the pictures of a scene."""

    def begin(self) -> None:
        """A new rollout begins: nothing of the last one may be seen."""

    def look(self, scene: Scene) -> dict[str, Frame]:
        """One picture a camera: `left` from outside, `wrist` from the gripper."""

    def close(self) -> None: ...


@cache
def renderer() -> str:
    """`egl`, `osmesa` or `drawn`: the first that works, or the one that SIMLAB_RENDERER asks for."""
    wanted = os.environ.get("SIMLAB_RENDERER")
    if wanted is None:
        return next(filter(_works, GL_LIBRARIES), DRAWN)
    if wanted not in (*GL_LIBRARIES, DRAWN):
        raise ValueError(f"SIMLAB_RENDERER must be one of {', '.join((*GL_LIBRARIES, DRAWN))}")
    return wanted


def _works(library: str) -> bool:
    """Try in a process of its own: a broken GL library may end the process that tries it."""
    command = [sys.executable, "-c", _TRIAL.format(library=library)]
    environment = {**os.environ, "MUJOCO_GL": "disable"}
    try:
        subprocess.run(command, env=environment, capture_output=True, timeout=TRIAL_SECONDS, check=True)
    except subprocess.SubprocessError:
        return False
    return True


def camera_for(scene: Scene) -> Camera:
    return DrawnCamera() if renderer() == DRAWN else RenderedCamera(scene, library=renderer())


class DrawnCamera:
    """Draws hand, object and goal from the state, with the trail of the hand."""

    def __init__(self) -> None:
        self._trail: list[NDArray[np.float64]] = []

    def begin(self) -> None:
        self._trail.clear()

    def look(self, scene: Scene) -> dict[str, Frame]:
        state = scene.state
        self._trail.append(state[:3])
        return {
            "left": drawing.top_and_side(state, self._trail, width=WIDTH, height=HEIGHT),
            "wrist": drawing.from_the_wrist(state, width=WIDTH, height=HEIGHT),
        }

    def close(self) -> None:
        """Nothing to give back."""


class RenderedCamera:
    """MuJoCo's own renderer without what costs most and shows least: shadows, reflections, multisampling."""

    def __init__(self, scene: Scene, *, library: str) -> None:
        import mujoco

        model = scene.model
        model.vis.quality.offsamples = 0
        self._gl: Any = import_module(f"mujoco.{library}").GLContext(WIDTH, HEIGHT)
        self._gl.make_current()
        self._scene = mujoco.MjvScene(model, maxgeom=1000)
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = 0
        self._scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = 0
        self._context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        self._option = mujoco.MjvOption()
        self._cameras = {"left": _external(), "wrist": _fixed(model, "gripperPOV")}

    def begin(self) -> None:
        """A rendered picture shows the scene as it is."""

    def look(self, scene: Scene) -> dict[str, Frame]:
        self._gl.make_current()
        return {name: self._render(scene, camera) for name, camera in self._cameras.items()}

    def close(self) -> None:
        self._gl.make_current()
        self._context.free()
        self._gl.free()

    def _render(self, scene: Scene, camera: Any) -> Frame:
        import mujoco

        picture: Frame = np.empty((HEIGHT, WIDTH, 3), np.uint8)
        area = mujoco.MjrRect(0, 0, WIDTH, HEIGHT)
        kinds = mujoco.mjtCatBit.mjCAT_ALL
        mujoco.mjv_updateScene(scene.model, scene.data, self._option, None, camera, kinds, self._scene)
        mujoco.mjr_render(area, self._scene, self._context)
        mujoco.mjr_readPixels(picture, None, area, self._context)
        # GL counts rows from the bottom.
        return drawing.caption(np.ascontiguousarray(picture[::-1]), "SIMULATION")


def _external() -> Any:
    """In front of the table and to its side: the scene's own corner cameras are upside down or far away."""
    import mujoco

    camera = mujoco.MjvCamera()
    camera.lookat[:] = (0.0, 0.62, 0.1)
    camera.distance, camera.azimuth, camera.elevation = 1.25, 125.0, -28.0
    return camera


def _fixed(model: Any, name: str) -> Any:
    import mujoco

    camera = mujoco.MjvCamera()
    camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
    camera.fixedcamid = model.camera(name).id
    return camera
