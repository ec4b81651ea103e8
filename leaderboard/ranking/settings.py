"""Settings that every model shares. Frozen and made of plain values, so that a snapshot can store them."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from leaderboard.ranking.errors import InvalidSettings

Method = Literal["clustered", "model"]


@dataclass(frozen=True, kw_only=True)
class IntervalSettings:
    """level: of the intervals, and of the rank ranges together. method, min_labs: see `intervals.uncertainty`.

    draws, seed: of the simulation behind the rank ranges. Raises InvalidSettings.
    """

    level: float = 0.95
    method: Method = "clustered"
    min_labs: int = 3
    draws: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise InvalidSettings("level_out_of_range", "The level of intervals lies between 0 and 1.")
        if self.method not in get_args(Method):
            raise InvalidSettings("method_unknown", f"There is no interval method {self.method!r}.")
        if self.min_labs < 2:
            raise InvalidSettings("labs_too_few", "Clustering by lab needs at least 2 labs.")
        if self.draws < 1 or self.seed < 0:
            raise InvalidSettings("simulation_out_of_range", "draws is at least 1, and seed at least 0.")


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """What the settings of every model have in common."""

    intervals: IntervalSettings = field(default_factory=IntervalSettings)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
