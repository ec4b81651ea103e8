"""What the built-in rules answer, and what they look at. Where nothing tells, the answer is None: it is not guessed."""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Finding(Generic[Answer]):
    """`moment_s`: when it is seen, in seconds from the beginning of the rollout's videos."""

    answer: Answer | None
    why: str
    moment_s: float | None = None


class RolloutFacts(Protocol):
    """What was measured of a rollout over all its cameras.

    Brightness is mean luma, 0 to 1; sharpness the variance of the Laplacian of luma, 0 to 255, at 320 × 240, of the
    sharpest camera. Idle and still is it while no camera sees motion. Black and frozen are the videos, all of them.
    """

    @property
    def duration_s(self) -> float: ...
    @property
    def brightness(self) -> float: ...
    @property
    def sharpness(self) -> float: ...
    @property
    def idle_at_start_s(self) -> float: ...
    @property
    def still_at_end_s(self) -> float: ...
    @property
    def moved(self) -> bool: ...
    @property
    def black(self) -> bool: ...
    @property
    def frozen(self) -> bool: ...
