"""Videos of a rollout: H.264 that every browser plays, the index in front so that playing starts at once."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
from numpy.typing import NDArray

from simlab.scene import ACTIONS_PER_SECOND

if TYPE_CHECKING:
    from simlab.rendering import Camera, Frame
    from simlab.scene import Scene

ACTIONS_PER_FRAME = 2
FRAMES_PER_SECOND = ACTIONS_PER_SECOND // ACTIONS_PER_FRAME
LINGER = 6
"""Frames for which the last picture stays: a button is pressed in half a second."""
WIRE_SIZE = 224


def encode(frames: Sequence[Frame]) -> bytes:
    height, width = frames[0].shape[:2]
    # The index can be moved to the front only in a file that has a name.
    with tempfile.TemporaryDirectory(prefix="simlab-") as folder:
        path = Path(folder) / "video.mp4"
        with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
            stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.options = {"preset": "veryfast", "crf": "26", "threads": "1"}
            for frame in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(stream.encode())
        return path.read_bytes()


class Recorder:
    """Films a rollout in real time: takes every second picture, and knows the last one taken."""

    def __init__(self, camera: Camera) -> None:
        camera.begin()
        self._camera = camera
        self._films: dict[str, list[Frame]] = {}
        self._wire: dict[str, Frame] = {}
        self._actions = 0

    def show(self, scene: Scene) -> None:
        if self._actions % ACTIONS_PER_FRAME == 0:
            pictures = self._camera.look(scene)
            for name, picture in pictures.items():
                self._films.setdefault(name, []).append(picture)
            self._wire = {name: for_the_wire(picture) for name, picture in pictures.items()}
        self._actions += 1

    @property
    def last(self) -> dict[str, Frame]:
        """The pictures last taken, in the size that policies ask for."""
        return self._wire

    def films(self) -> dict[str, bytes]:
        """One video a camera."""
        return {name: encode(frames + frames[-1:] * LINGER) for name, frames in self._films.items()}


def for_the_wire(picture: Frame) -> NDArray[np.uint8]:
    """Scaled into a square with black bars, as RoboArena's client does; by the nearest pixel, which is cheap."""
    height, width = picture.shape[:2]
    scale = WIRE_SIZE / max(height, width)
    rows, columns = round(height * scale), round(width * scale)
    square = np.zeros((WIRE_SIZE, WIRE_SIZE, 3), np.uint8)
    top, left = (WIRE_SIZE - rows) // 2, (WIRE_SIZE - columns) // 2
    row = np.arange(rows) * height // rows
    column = np.arange(columns) * width // columns
    square[top : top + rows, left : left + columns] = picture[row[:, None], column]
    return square
