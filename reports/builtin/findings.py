"""What the built-in rules answer, and what they look at. Where nothing tells, the answer is None: it is not guessed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Finding(Generic[Answer]):
    answer: Answer | None
    why: str


class CameraFacts(Protocol):
    """What was measured of one camera's video. Brightness is mean luma, 0 to 1; sharpness the variance of the Laplacian
    of luma (0 to 255) at 320 × 240. None is not measured."""

    @property
    def camera(self) -> str: ...
    @property
    def brightness(self) -> float | None: ...
    @property
    def sharpness(self) -> float | None: ...
    @property
    def black(self) -> bool | None: ...
    @property
    def frozen(self) -> bool | None: ...


class RolloutFacts(Protocol):
    """What was measured of a rollout over all its cameras."""

    @property
    def duration_s(self) -> float | None: ...
    @property
    def still_at_end_s(self) -> float | None: ...
    @property
    def moved(self) -> bool | None: ...
    @property
    def cameras(self) -> Sequence[CameraFacts]: ...
