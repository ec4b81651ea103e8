"""Pictures in the size that a policy asks for: scaled into it with black bars, as RoboArena's client does."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
"""Height x width x 3, red, green and blue."""


def fit(picture: Frame, height: int, width: int) -> Frame:
    """The whole picture, as large as it fits, in the middle of height x width."""
    given_height, given_width = picture.shape[:2]
    if (given_height, given_width) == (height, width):
        return picture
    scale = min(height / given_height, width / given_width)
    rows, columns = max(1, round(given_height * scale)), max(1, round(given_width * scale))
    framed = np.zeros((height, width, 3), np.uint8)
    top, left = (height - rows) // 2, (width - columns) // 2
    framed[top : top + rows, left : left + columns] = _scaled(picture, rows, columns)
    return framed


def require_frame(picture: Any, name: str) -> Frame:
    if not isinstance(picture, np.ndarray) or picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise ValueError(f"{name} must be an array of height x width x 3, uint8, RGB")
    if 0 in picture.shape:
        raise ValueError(f"{name} is empty")
    return picture


def _scaled(picture: Frame, rows: int, columns: int) -> Frame:
    """Bilinear, and blurred first where it shrinks, so that fine patterns do not flicker."""
    lower = _along_rows(picture, rows)
    scaled = _along_rows(lower.transpose(1, 0, 2), columns).transpose(1, 0, 2)
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def _along_rows(picture: NDArray[Any], wanted: int) -> NDArray[np.float32]:
    """Line by line of few, not a product of matrices: that would start threads, in the way of the robot's own."""
    lines, weights = _taps(picture.shape[0], wanted)
    total = np.zeros((wanted, *picture.shape[1:]), np.float32)
    for line, weight in zip(lines, weights, strict=True):
        total += picture[line] * weight[:, None, None]
    return total


@lru_cache(maxsize=32)
def _taps(given: int, wanted: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Which given lines make each wanted one, and how much each adds: a triangle about its centre."""
    step = given / wanted
    reach = max(1.0, step)
    centres = (np.arange(wanted) + 0.5) * step - 0.5
    lines = np.floor(centres - reach)[None, :] + np.arange(int(np.ceil(2 * reach)) + 2)[:, None]
    weights = np.clip(1.0 - np.abs(lines - centres) / reach, 0.0, None)
    weights[(lines < 0) | (lines >= given)] = 0.0
    weights /= weights.sum(axis=0, keepdims=True)
    return np.clip(lines, 0, given - 1).astype(np.intp), weights.astype(np.float32)
