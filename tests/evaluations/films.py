"""Small real videos of which it is known what is in them."""

import io
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

RATE = 15
SIZE = (320, 240)
Picture = NDArray[np.uint8]


def scene(seed: int = 0) -> Picture:
    """A still life: fields of many shades with sharp edges."""
    shades = np.random.default_rng(seed).integers(60, 200, (24, 32), dtype=np.uint8)
    return np.repeat(np.repeat(shades, SIZE[1] // 24, axis=0), SIZE[0] // 32, axis=1)


def with_block(picture: Picture, left: float) -> Picture:
    made = picture.copy()
    made[100:140, round(left) : round(left) + 40] = 250
    return made


def blurred(picture: Picture, times: int = 8) -> Picture:
    luma = picture.astype(np.float64)
    for _ in range(times):
        for axis in (0, 1):
            luma = (np.roll(luma, 1, axis) + luma + np.roll(luma, -1, axis)) / 3
    return luma.astype(np.uint8)


def encoded(pictures: Sequence[Picture], **options: str) -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as output:
        stream: Any = output.add_stream("libx264", rate=Fraction(RATE), options={"preset": "veryfast", **options})
        stream.height, stream.width = pictures[0].shape
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="gray")))
        output.mux(stream.encode())
    return target.getvalue()


def moving_between(first: float, last: float, seconds: float, speed: float = 4.0) -> list[Picture]:
    """A block that rests, moves and rests again: `speed` is in pixels a frame."""
    frames, still = int(seconds * RATE), scene()
    return [with_block(still, 20 + speed * (np.clip(n / RATE, first, last) - first) * RATE) for n in range(frames)]


def noisy(seconds: float, spread: float) -> list[Picture]:
    random, still = np.random.default_rng(1), scene().astype(np.float64)
    frames = int(seconds * RATE)
    return [np.clip(still + random.normal(0, spread, still.shape), 0, 255).astype(np.uint8) for _ in range(frames)]
