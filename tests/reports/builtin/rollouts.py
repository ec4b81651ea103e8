from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """As measured of a rollout in good light, in which the robot moves from the first second to the last."""

    duration_s: float = 40.0
    brightness: float = 0.5
    sharpness: float = 500.0
    idle_at_start_s: float = 0.5
    still_at_end_s: float = 0.5
    moved: bool = True
    black: bool = False
    frozen: bool = False
