"""A scene drawn from its state: top and side view with hand, object, goal and the hand's trail. NumPy only.

Also the caption that is burnt into every frame of the simulated lab, rendered or drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
Floats = NDArray[np.float64]
Colour = tuple[int, int, int]

PAPER: Colour = (244, 242, 236)
GRID: Colour = (222, 218, 208)
TABLE: Colour = (150, 120, 90)
HAND: Colour = (30, 90, 190)
TRAIL: Colour = (150, 180, 225)
OBJECT: Colour = (205, 60, 40)
SECOND: Colour = (90, 90, 100)
GOAL: Colour = (20, 140, 70)
INK: Colour = (20, 20, 20)

# Five rows a letter, one digit a row: the bits of its pixels. Only the letters that the captions need.
_GLYPHS = {
    "A": "25755",
    "D": "65556",
    "E": "74647",
    "F": "74644",
    "I": "72227",
    "L": "44447",
    "M": "57755",
    "N": "65555",
    "O": "75557",
    "P": "75744",
    "R": "65655",
    "S": "74717",
    "T": "72222",
    "U": "55557",
    "W": "55775",
    " ": "00000",
    "-": "00700",
}
_MAGNIFIED = 2
DRAWN_CAPTION = "SIMULATION - DRAWN FROM STATE"


def caption(frame: Frame, text: str) -> Frame:
    """Burn a caption into the lower left corner of a frame, in place."""
    rows = np.array([[int(bit) for letter in text for bit in f"{int(_GLYPHS[letter][row]):03b}0"] for row in range(5)])
    mask = np.pad(rows, 1).repeat(_MAGNIFIED, 0).repeat(_MAGNIFIED, 1).astype(bool)[:, : frame.shape[1]]
    corner = frame[-mask.shape[0] :, : mask.shape[1]]
    corner[...] = np.where(mask[..., None], np.uint8(255), corner // 3)
    return frame


@dataclass(frozen=True)
class View:
    """A part of a frame that shows two of the scene's axes; the second axis points up."""

    frame: Frame
    axes: tuple[int, int]
    low: tuple[float, float]
    high: tuple[float, float]

    def dot(self, place: Floats, radius: float, colour: Colour) -> None:
        """A filled circle of a radius in metres."""
        self._paint(self._distance(place) <= radius, colour)

    def ring(self, place: Floats, radius: float, colour: Colour) -> None:
        self._paint(np.abs(self._distance(place) - radius) <= 1.5 * self._pixel, colour)

    def bar(self, place: Floats, half: tuple[float, float], colour: Colour) -> None:
        """A filled rectangle around a place, by its half sizes in metres."""
        across, up = self._offsets(place)
        self._paint((np.abs(across) <= half[0]) & (np.abs(up) <= half[1]), colour)

    def line(self, places: Sequence[Floats], colour: Colour) -> None:
        for start, end in pairwise(places):
            self._paint(self._distance_to_segment(start, end) <= self._pixel, colour)

    def grid(self, step: float) -> None:
        self.frame[...] = PAPER
        across, up = self._offsets(np.zeros(3))
        on_line = (np.abs((across + step / 2) % step - step / 2) <= self._pixel / 2) | (
            np.abs((up + step / 2) % step - step / 2) <= self._pixel / 2
        )
        self._paint(on_line, GRID)

    @property
    def _pixel(self) -> float:
        """The width of a pixel in metres."""
        return (self.high[0] - self.low[0]) / float(self.frame.shape[1])

    def _offsets(self, place: Floats) -> tuple[Floats, Floats]:
        height, width = self.frame.shape[:2]
        across = np.linspace(self.low[0], self.high[0], width)[None, :] - place[self.axes[0]]
        up = np.linspace(self.high[1], self.low[1], height)[:, None] - place[self.axes[1]]
        return across, up

    def _distance(self, place: Floats) -> Floats:
        return np.hypot(*self._offsets(place))

    def _distance_to_segment(self, start: Floats, end: Floats) -> Floats:
        across, up = self._offsets(start)
        along = np.array([end[axis] - start[axis] for axis in self.axes])
        length = float(along @ along) or 1.0
        share = np.clip((across * along[0] + up * along[1]) / length, 0.0, 1.0)
        distance: Floats = np.hypot(across - share * along[0], up - share * along[1])
        return distance

    def _paint(self, mask: NDArray[np.bool_], colour: Colour) -> None:
        self.frame[mask] = colour


def top_and_side(state: Floats, trail: Sequence[Floats], *, width: int, height: int) -> Frame:
    """From above on the left, from the side on the right."""
    frame = np.empty((height, width, 3), np.uint8)
    middle = width // 2
    top = _view(frame[:, :middle], axes=(0, 1), across=(-0.3, 0.55), middle=0.65)
    side = _view(frame[:, middle:], axes=(1, 2), across=(0.35, 1.0), middle=0.3)
    for view in (top, side):
        view.grid(0.1)
    side.bar(np.array([0.0, 0.7, -0.02]), (0.5, 0.02), TABLE)
    for view in (top, side):
        _draw(view, state, trail)
    frame[:, middle] = INK
    return caption(frame, DRAWN_CAPTION)


def from_the_wrist(state: Floats, *, width: int, height: int) -> Frame:
    """What lies below the hand, with the hand in the middle."""
    frame = np.empty((height, width, 3), np.uint8)
    view = _view(frame, axes=(0, 1), across=(state[0] - 0.16, state[0] + 0.16), middle=state[1])
    view.grid(0.05)
    _draw(view, state, [])
    return caption(frame, DRAWN_CAPTION)


def _view(frame: Frame, *, axes: tuple[int, int], across: tuple[float, float], middle: float) -> View:
    """A view with square pixels: how far it reaches upwards follows from its width."""
    half = (across[1] - across[0]) / 2 * frame.shape[0] / frame.shape[1]
    return View(frame, axes, (across[0], middle - half), (across[1], middle + half))


def _draw(view: View, state: Floats, trail: Sequence[Floats]) -> None:
    hand, opening = state[:3], float(state[3])
    view.ring(state[-3:], 0.035, GOAL)
    if state[11:14].any():
        view.dot(state[11:14], 0.03, SECOND)
    view.line(trail, TRAIL)
    view.dot(state[4:7], 0.022, OBJECT)
    _draw_hand(view, hand, opening)


def _draw_hand(view: View, hand: Floats, opening: float) -> None:
    """Two fingers, as far apart as they are."""
    below = hand - np.array([0.0, 0.0, 0.03])
    for side in (-1.0, 1.0):
        finger = below + np.array([0.0, side * (0.01 + 0.04 * opening), 0.0])
        view.bar(finger, (0.008, 0.008 if view.axes == (0, 1) else 0.03), HAND)
    view.ring(hand, 0.03, HAND)
