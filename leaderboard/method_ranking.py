"""What the page on the method says of the ranking: the model's own constants, and what the boards found."""

from dataclasses import dataclass
from typing import Any

from evaluations.scopes import SCOPES, Scope
from leaderboard import accuracy, ranking, snapshots
from leaderboard.ranking import JointSettings, joint_fit, joint_weights, spreads
from leaderboard.ranking.joint_settings import SPREADS
from leaderboard.selectors import signed
from leaderboard.standing import KEPT_FROM
from leaderboard.standing import WORDS as STANDINGS

SPREAD_WORDS = {
    "psi_sd": "policies by task",
    "b_sd": "policies by lab",
    "a_sd": "the sessions that a policy meets",
    "own_progress_sd": "what progress shows and preferences do not",
    "lab_tie_sd": "tie habits of labs",
    "task_tie_sd": "ties by task",
    "category_sd": "difficulty of tasks",
    "lab_sd": "difficulty of labs’ scenes",
}


@dataclass(frozen=True)
class Prior:
    of: str
    mean: float
    sd: float

    @property
    def mean_text(self) -> str:
        return signed(f"{self.mean:g}")


@dataclass(frozen=True)
class FittedBoard:
    """What the last snapshot of a scope's board found of the readings and of the spreads (log-odds)."""

    scope: Scope
    counted: int
    scale: float | None
    weight_preference: float | None
    weight_progress: float | None
    tie_percent: float | None
    spreads: dict[str, float]


@dataclass(frozen=True)
class SpreadRow:
    """A kind of effects, and how far they lie apart on each board; None where the board has none."""

    name: str
    values: list[float | None]


def facts() -> dict[str, Any]:
    settings = JointSettings()
    fitted = [board for scope in SCOPES if (board := fitted_board(scope)) is not None]
    return {
        "model": ranking.DEFAULT_MODEL,
        "priors": priors(settings),
        "floor": spreads.SPREAD_FLOOR,
        "rate": joint_fit.RATE,
        "least_weight": joint_weights.LEAST_WEIGHT,
        "level": round(100 * settings.intervals.level),
        "draws": settings.intervals.draws,
        "min_labs": settings.intervals.min_labs,
        "standings": STANDINGS.items(),
        "kept_from": KEPT_FROM,
        "fitted": fitted,
        "spread_rows": [
            SpreadRow(words, [board.spreads.get(setting) for board in fitted])
            for setting, words in SPREAD_WORDS.items()
        ],
        "accuracy": accuracy.last_run(),
    }


def priors(settings: JointSettings) -> list[Prior]:
    return [
        Prior("scores", 0.0, settings.theta_sd),
        Prior("advantage of side B, in preference", 0.0, settings.order_sd),
        Prior("advantage of side B, in progress", 0.0, settings.progress_order_sd),
        Prior("log of the typical tie parameter", settings.tie_mean, settings.tie_sd),
        Prior("log-odds of the typical progress", 0.0, settings.progress_sd),
        Prior("log of the scale of progress", 0.0, settings.scale_sd),
    ]


def fitted_board(scope: Scope) -> FittedBoard | None:
    snapshot = snapshots.latest(scope.slug)
    if snapshot is None or not snapshot.result["policies"]:
        return None
    found: dict[str, float] = snapshot.result.get("parameters", {})
    nu = snapshot.result["ties"]["nu"]
    return FittedBoard(
        scope=scope,
        counted=snapshot.counted,
        scale=found.get("scale"),
        weight_preference=found.get("weight_preference"),
        weight_progress=found.get("weight_progress"),
        tie_percent=None if nu is None else 100 * nu / (1 + nu),
        spreads={setting: found[name] for setting, name in SPREADS.items() if found.get(name)},
    )
