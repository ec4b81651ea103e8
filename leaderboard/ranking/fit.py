"""One interface to every model: comparisons in, ranking out."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from leaderboard.ranking import davidson
from leaderboard.ranking.comparisons import BoolArray, Cells, Comparisons, FloatArray, IntArray
from leaderboard.ranking.diagnostics import Tally, components, never_compared, notices, tally
from leaderboard.ranking.errors import InvalidSettings, NothingToRank, UnknownModel
from leaderboard.ranking.estimate import Estimate
from leaderboard.ranking.intervals import Uncertainty, uncertainty
from leaderboard.ranking.ranks import Ranks, rank
from leaderboard.ranking.result import FitResult, IntervalMethod, Matrix, PartialMatrix, PolicyResult
from leaderboard.ranking.settings import IntervalSettings, ModelSettings


@dataclass(frozen=True)
class Model:
    """A model's settings, and the function that fits it to comparisons, their cells and their components."""

    settings: type[ModelSettings]
    estimate: Callable[[Comparisons, Cells, IntArray, Any], Estimate]


MODELS = {"davidson": Model(davidson.DavidsonSettings, davidson.estimate)}


def default_settings(model: str) -> ModelSettings:
    """Raises UnknownModel."""
    return _model(model).settings()


def settings_from_json(model: str, stored: dict[str, Any]) -> ModelSettings:
    """The settings that `as_json` wrote. Raises UnknownModel, InvalidSettings."""
    settings_type = _model(model).settings
    _require_known(stored, settings_type)
    intervals = stored.get("intervals", {})
    _require_known(intervals, IntervalSettings)
    return settings_type(**{**stored, "intervals": IntervalSettings(**intervals)})


def fit(comparisons: Comparisons, *, model: str = "davidson", settings: ModelSettings | None = None) -> FitResult:
    """The ranking of the policies that were compared. Identical input gives identical bits, in any order of the rows.

    Raises UnknownModel, InvalidSettings, NothingToRank, and NoFiniteEstimate where priors are switched off that the
    data need. Poor data have an answer with warnings: see `diagnostics.notices`.
    """
    settings = settings or default_settings(model)
    if type(settings) is not _model(model).settings:
        raise InvalidSettings("settings_of_another_model", f"These settings do not belong to the model {model!r}.")
    if not len(comparisons):
        raise NothingToRank("no_comparisons", "There is no comparison, so there is nothing to rank.")
    compared, absent = comparisons.compared()
    cells = compared.cells()
    component = components(cells, n_policies=compared.n_policies)
    estimate = _model(model).estimate(compared, cells, component, settings)
    labs = np.unique(cells.lab).size
    unsure = uncertainty(estimate, settings.intervals, labs=labs)
    ranks = rank(estimate.score, component, unsure, settings.intervals)
    order = np.lexsort((np.array(compared.policies), ranks.rank, component))
    warnings = notices(compared.policies, cells, component, intervals=settings.intervals, labs=labs)
    apart = component[:, None] != component
    return FitResult(
        model=model,
        settings=settings,
        n=len(compared),
        policies=_policies(compared, estimate.score, unsure, ranks, component, tally(compared, cells), order),
        covariance=_matrix(unsure.covariance, order),
        win=_partial_matrix(estimate.win, order, apart),
        tie=_partial_matrix(estimate.tie, order, apart),
        ties=estimate.ties,
        order=estimate.order,
        log_likelihood=estimate.log_likelihood,
        intervals=IntervalMethod(settings.intervals.level, unsure.method, unsure.df, labs),
        warnings=(*([never_compared(absent)] if absent else []), *warnings),
    )


def _policies(
    comparisons: Comparisons,
    score: FloatArray,
    unsure: Uncertainty,
    ranks: Ranks,
    component: IntArray,
    counts: Tally,
    order: IntArray,
) -> tuple[PolicyResult, ...]:
    se = np.sqrt(np.diag(unsure.covariance))
    half_width = unsure.normal_quantile * se
    return tuple(
        PolicyResult(
            policy=comparisons.policies[p],
            score=float(score[p]),
            se=float(se[p]),
            low=float(score[p] - half_width[p]),
            high=float(score[p] + half_width[p]),
            rank=int(ranks.rank[p]),
            rank_low=int(ranks.low[p]),
            rank_high=int(ranks.high[p]),
            group=ranks.group[p],
            component=int(component[p]),
            n=int(counts.n[p]),
            wins=int(counts.wins[p]),
            ties=int(counts.ties[p]),
            losses=int(counts.losses[p]),
            mean_progress=None if np.isnan(counts.mean_progress[p]) else float(counts.mean_progress[p]),
        )
        for p in order
    )


def _matrix(values: FloatArray, order: IntArray) -> Matrix:
    return tuple(tuple(row) for row in values[np.ix_(order, order)].tolist())


def _partial_matrix(values: FloatArray, order: IntArray, unknown: BoolArray) -> PartialMatrix:
    shown = values.astype(object)
    shown[unknown] = None
    return tuple(tuple(row) for row in shown[np.ix_(order, order)].tolist())


def _model(name: str) -> Model:
    if name not in MODELS:
        raise UnknownModel("model_unknown", f"There is no model {name!r}; there are: {', '.join(MODELS)}.")
    return MODELS[name]


def _require_known(stored: dict[str, Any], settings_type: type[Any]) -> None:
    unknown = set(stored) - {field.name for field in fields(settings_type)}
    if unknown:
        raise InvalidSettings("setting_unknown", f"There is no setting {sorted(unknown)[0]!r}.")
