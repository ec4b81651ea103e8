"""Motion over time as the geometry of a picture and as a few figures for who would rather read."""

from dataclasses import dataclass

from evaluations.measures import BINS

WIDTH, HEIGHT = BINS * 4, 24
PARTS = 8


@dataclass(frozen=True)
class MotionChart:
    """path: an area of the shape that is filled, in a box of `width` x `height`. parts: percent of luma a second."""

    path: str
    parts: list[float]
    width: int = WIDTH
    height: int = HEIGHT


def motion_chart(motion: tuple[float, ...], *, most: float) -> MotionChart:
    """`most` is what reaches the top: the same for all charts that are compared."""
    each = WIDTH / len(motion)
    heights = [round(HEIGHT * value / most, 2) if most > 0 else 0.0 for value in motion]
    steps = " ".join(f"V{HEIGHT - height:g} H{(number + 1) * each:g}" for number, height in enumerate(heights))
    size = len(motion) // PARTS
    parts = [100 * sum(motion[start : start + size]) / size for start in range(0, size * PARTS, size)]
    return MotionChart(f"M0 {HEIGHT} {steps} V{HEIGHT} Z", parts)
