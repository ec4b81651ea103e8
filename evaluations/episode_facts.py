"""What was measured of an episode, over all its cameras: plain data, which taggers can be given, and its words."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from evaluations.measures import Measures

# What a reader would call so. Sharpness is a matter of the scene too, so only what is clearly soft is said to be.
DIM_BELOW, GLARING_ABOVE = 0.2, 0.8
CLIPPED_FROM = 0.25
SOFT_BELOW = 60.0


@dataclass(frozen=True, kw_only=True)
class CameraFacts:
    """One video."""

    kind: str
    title: str
    duration_s: float
    frames: int
    black: bool
    frozen: bool
    measures: Measures


@dataclass(frozen=True, kw_only=True)
class EpisodeFacts:
    """All videos of a side that were measured.

    seen: the cameras that show anything. Brightness, sharpness and motion are theirs, or of all where none does.
    duration_s, frames: of the longest. sharpness: of the sharpest. brightness: the mean.
    idle_at_start_s, still_at_end_s: while no camera sees motion. moved: one of them does.
    """

    cameras: tuple[CameraFacts, ...]
    seen: tuple[str, ...]
    duration_s: float
    frames: int
    brightness: float
    sharpness: float
    idle_at_start_s: float
    still_at_end_s: float
    moved: bool
    black: bool
    frozen: bool


def episode_facts(cameras: Sequence[CameraFacts]) -> EpisodeFacts | None:
    """None where no camera was measured."""
    if not cameras:
        return None
    seeing = [camera for camera in cameras if not camera.black]
    measures = [camera.measures for camera in seeing or cameras]
    return EpisodeFacts(
        cameras=tuple(cameras),
        seen=tuple(camera.kind for camera in seeing),
        duration_s=max(camera.duration_s for camera in cameras),
        frames=max(camera.frames for camera in cameras),
        brightness=fmean(one.brightness for one in measures),
        sharpness=max(one.sharpness for one in measures),
        idle_at_start_s=min(one.idle_at_start_s for one in measures),
        still_at_end_s=min(one.still_at_end_s for one in measures),
        moved=any(one.moved for one in measures),
        black=not seeing,
        frozen=all(camera.frozen for camera in cameras),
    )


def motion_words(facts: EpisodeFacts) -> str:
    if facts.black:
        return "No camera shows anything."
    if not facts.moved:
        return "Nothing moves."
    start, end = f"{facts.idle_at_start_s:.1f}", f"{facts.still_at_end_s:.1f}"
    begins = "It moves from the start" if start == "0.0" else f"It moves after {start} s"
    return f"{begins} and to the end." if end == "0.0" else f"{begins} and is still for the last {end} s."


def picture_words(camera: CameraFacts) -> str:
    """What is to be said of a camera's picture beside its figures; empty where there is nothing."""
    measures = camera.measures
    said = {
        "black": camera.black,
        "dim": not camera.black and measures.brightness < DIM_BELOW,
        "glaring": measures.brightness > GLARING_ABOVE,
        f"{measures.dark_share:.0%} without detail in the dark": not camera.black
        and measures.dark_share >= CLIPPED_FROM,
        f"{measures.bright_share:.0%} without detail in the light": measures.bright_share >= CLIPPED_FROM,
        "soft": not camera.black and measures.sharpness < SOFT_BELOW,
        "nothing moves": not camera.black and not measures.moved,
    }
    return ", ".join(words for words, applies in said.items() if applies)
