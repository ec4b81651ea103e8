"""Films a rollout: one MP4 a camera, written while it runs. Needs PyAV, which is imported only here."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from arena_client.images import Frame, require_frame


class NoVideo(Exception):
    """Videos cannot be made here; the text says what is missing."""


def require_av() -> None:
    if importlib.util.find_spec("av") is None:
        raise NoVideo(
            "To write videos PyAV is needed (pip install 'arena-client[video]'), "
            "or a station with a method videos() that hands over its own."
        )


class Recorder:
    """Writes the frames of each camera to FOLDER/CAMERA.mp4: H.264, its index in front, in real time."""

    def __init__(self, folder: Path, rate: float) -> None:
        require_av()
        self._folder = folder
        self._rate = Fraction(rate).limit_denominator(1000)
        self._films: dict[str, _Film] = {}

    def take(self, frames: Mapping[str, Frame]) -> None:
        for camera, frame in frames.items():
            film = self._films.get(camera)
            if film is None:
                film = self._films[camera] = _Film(self._folder / f"{camera}.mp4", self._rate)
            film.add(require_frame(frame, camera))

    def finish(self) -> dict[str, Path]:
        """The videos, whole. What a rollout that broke off leaves is named .part and is no video of it."""
        return {camera: film.finish() for camera, film in self._films.items()}

    def discard(self) -> None:
        for film in self._films.values():
            film.discard()


class _Film:
    def __init__(self, path: Path, rate: Fraction) -> None:
        import av

        self._path = path
        self._part = path.with_suffix(".mp4.part")
        self._part.parent.mkdir(parents=True, exist_ok=True)
        self._av = av
        self._file: Any = av.open(str(self._part), "w", format="mp4", options={"movflags": "+faststart"})
        self._stream: Any = self._file.add_stream("libx264", rate=rate)
        self._stream.pix_fmt = "yuv420p"
        self._stream.options = {"preset": "veryfast", "crf": "23"}
        self._shape: tuple[int, int] | None = None

    def add(self, frame: Frame) -> None:
        # H.264 halves the colours' resolution: sides must be even.
        frame = np.ascontiguousarray(frame[: frame.shape[0] // 2 * 2, : frame.shape[1] // 2 * 2])
        if self._shape is None:
            self._shape = (frame.shape[0], frame.shape[1])
            self._stream.height, self._stream.width = self._shape
        if frame.shape[:2] != self._shape:
            raise ValueError(f"the pictures for {self._path.stem} change their size")
        picture = self._av.VideoFrame.from_ndarray(frame, format="rgb24")
        self._file.mux(self._stream.encode(picture))

    def finish(self) -> Path:
        self._file.mux(self._stream.encode())
        self._file.close()
        return self._part.replace(self._path)

    def discard(self) -> None:
        try:
            self._file.close()
        finally:
            self._part.unlink(missing_ok=True)
