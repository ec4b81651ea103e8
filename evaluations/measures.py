"""What the luma of a video tells: light, sharpness, and when something moves. Arrays in, numbers out.

Luma is 0 to 255. Each frame comes as CELLS, the means of parts of the picture, in which the noise of cameras and codecs
is mostly gone; some come as a LOOK too, a picture of fixed size, so that figures of different videos can be compared.

Something moves where more than a few cells differ from what they were LAG_S before, and go on to differ for longer than
that. A change that happens at once, as a keyframe's or a lamp's, differs for exactly as long and is none.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

CELLS = (32, 24)
LOOK = (320, 240)
BINS = 32
"""Parts of the video for which motion is told, all of the same length."""
LAG_S = 0.4
MOVED_BY = 4
"""By so much a cell's luma changes at least where it shows motion."""
NEAR_BLACK = np.float32(8)
"""Added to luma before a gain of light is looked for: of what is black none can be seen."""
MOVING_CELLS = 3
"""So many cells do at least, of 768."""
DARK, BRIGHT = 5, 250
"""Luma at which a pixel says nothing but that it is dark or bright."""
_EPSILON_S = 1e-6

Luma = NDArray[np.uint8]
Cells = NDArray[np.float32]
Floats = NDArray[np.float64]
Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What was measured of one video.

    sharpness: variance of the Laplacian of luma, in a picture of LOOK; the median of the frames that were looked at.
    brightness: mean luma, 0 to 1. dark_share, bright_share: of the pixels that are as good as black or white.
    idle_at_start_s, still_at_end_s: time without motion before the first and after the last; all of it where none is.
    motion: for each of BINS the mean change of luma per second, as a share of its whole range.
    """

    sharpness: float
    brightness: float
    dark_share: float
    bright_share: float
    moved: bool
    idle_at_start_s: float
    still_at_end_s: float
    motion: tuple[float, ...]


def measures_from(stored: dict[str, Any]) -> Measures:
    return Measures(**{**stored, "motion": tuple(stored["motion"])})


class Meter:
    """Takes the frames of a video one by one. It keeps those of the last LAG_S, and of the others only numbers."""

    def __init__(self) -> None:
        self._recent: deque[tuple[float, Cells]] = deque()
        self._times: list[float] = []
        self._begun: list[float] = []
        self._changes: list[tuple[int, float]] = []
        self._lumas: list[float] = []
        self._looks: list[tuple[float, float, float]] = []

    def add(self, cells: Luma, *, at: float) -> None:
        """A frame's CELLS, at so many seconds from the first."""
        at = max(at, self._times[-1]) if self._times else at
        luma = cells.astype(np.float32).ravel()
        self._recent.append((at, luma))
        while len(self._recent) > 1 and self._recent[1][0] <= at - LAG_S + _EPSILON_S:
            self._recent.popleft()
        then, earlier = self._recent[0]
        self._times.append(at)
        self._begun.append(self._recent[min(1, len(self._recent) - 1)][0])
        self._changes.append(_change(luma, earlier, max(at - then, LAG_S)))
        self._lumas.append(float(luma.mean()))

    def look(self, picture: Luma) -> None:
        dark, bright = np.mean(picture <= DARK), np.mean(picture >= BRIGHT)
        self._looks.append((sharpness(picture), float(dark), float(bright)))

    def measures(self, duration_s: float) -> Measures:
        """Expects at least one frame and one look."""
        times = np.minimum(self._times, duration_s)
        cells, rates = (np.array(values) for values in zip(*self._changes, strict=True))
        runs = _lasting(cells >= MOVING_CELLS, times)
        moving = np.zeros(len(times), dtype=bool)
        for first, last in runs:
            moving[first : last + 1] = True
        sharp, dark, bright = (np.array(values) for values in zip(*self._looks, strict=True))
        return Measures(
            sharpness=round(float(np.median(sharp)), 1),
            brightness=round(float(np.mean(self._lumas)) / 255, 4),
            dark_share=round(float(dark.mean()), 4),
            bright_share=round(float(bright.mean()), 4),
            moved=bool(runs),
            idle_at_start_s=round(float(times[runs[0][0]]) if runs else duration_s, 3),
            still_at_end_s=round(self._still_s(runs, duration_s), 3),
            motion=_binned(np.where(moving, rates, 0.0), times, duration_s),
        )

    def _still_s(self, runs: list[tuple[int, int]], duration_s: float) -> float:
        if not runs:
            return duration_s
        last = runs[-1][1]
        if last == len(self._times) - 1:  # it moves to the end
            return 0.0
        return max(0.0, duration_s - self._begun[last])


def sharpness(picture: Luma) -> float:
    luma = picture.astype(np.int16)
    inner = luma[1:-1, 1:-1]
    laplacian = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * inner
    return float(laplacian.var(dtype=np.float32))


def _change(luma: Cells, earlier: Cells, seconds: float) -> tuple[int, float]:
    """How many cells show motion, and how much of it a second. What light gains over the whole picture is taken off."""
    gain = np.float32(_middle((luma + NEAR_BLACK) / (earlier + NEAR_BLACK)))
    moved = np.abs(luma + NEAR_BLACK - gain * (earlier + NEAR_BLACK))
    moved = moved[moved >= MOVED_BY]
    return moved.size, float(moved.sum()) / luma.size / 255 / seconds


def _middle(values: Cells) -> float:
    return float(np.partition(values, values.size // 2)[values.size // 2])


def _lasting(moving: NDArray[np.bool_], times: Floats) -> list[tuple[int, int]]:
    """First and last frame of each run of motion that lasts longer than a change at once would."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], moving, [False]]).astype(np.int8)))
    runs = zip(edges[::2], edges[1::2] - 1, strict=True)
    return [(int(first), int(last)) for first, last in runs if times[last] - times[first] >= LAG_S - _EPSILON_S]


def _binned(rates: Floats, times: Floats, duration_s: float) -> tuple[float, ...]:
    """Means of the rates over equal parts of the time. A rate tells of the LAG_S before its frame."""
    if duration_s <= 0:
        return (0.0,) * BINS
    total = np.concatenate([[0.0], np.cumsum(rates[1:] * np.diff(times))])
    edges = np.linspace(0, duration_s, BINS + 1)
    until = np.interp(edges + LAG_S / 2, times, total)
    until[0], until[-1] = 0.0, total[-1]
    return tuple(round(float(mean), 6) for mean in np.diff(until) / (duration_s / BINS))


class Evenly(Generic[Item]):
    """Of a stream of unknown length as many items as are wanted, or up to twice as many, evenly spread."""

    def __init__(self, wanted: int) -> None:
        self.items: list[Item] = []
        self._wanted = wanted
        self._step = 1
        self._seen = 0

    def offer(self, make: Callable[[], Item]) -> None:
        """The next item of the stream. It is made only where it is kept."""
        if self._seen % self._step == 0:
            self.items.append(make())
        if len(self.items) == 2 * self._wanted:
            self.items = self.items[::2]
            self._step *= 2
        self._seen += 1
