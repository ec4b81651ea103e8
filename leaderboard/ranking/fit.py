"""One interface to every model: comparisons in, ranking out."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from leaderboard.ranking import baselines, davidson, davidson_dense, joint, mixture
from leaderboard.ranking.comparisons import BoolArray, Cells, Comparisons, FloatArray, IntArray
from leaderboard.ranking.diagnostics import Tally, components, never_compared, notices, tally
from leaderboard.ranking.errors import InvalidSettings, NothingToRank, UnknownModel
from leaderboard.ranking.estimate import Estimate
from leaderboard.ranking.influence import LabInfluence, moves
from leaderboard.ranking.intervals import Uncertainty, uncertainty
from leaderboard.ranking.joint_settings import JointSettings
from leaderboard.ranking.ranks import Ranks, rank
from leaderboard.ranking.result import FitResult, IntervalMethod, Matrix, PartialMatrix, PolicyResult
from leaderboard.ranking.settings import IntervalSettings, ModelSettings


@dataclass(frozen=True)
class Model:
    """A model's settings, and the function that fits it to comparisons, their cells and their components."""

    settings: type[ModelSettings]
    estimate: Callable[[Comparisons, Cells, IntArray, Any], Estimate]


MODELS = {
    "joint": Model(JointSettings, joint.estimate),
    "davidson": Model(davidson.DavidsonSettings, davidson_dense.estimate),
    "mixture": Model(mixture.MixtureSettings, mixture.estimate),
    "win_rate": Model(baselines.BaselineSettings, baselines.win_rate),
    "mean_progress": Model(baselines.BaselineSettings, baselines.mean_progress),
    "paired_progress": Model(baselines.BaselineSettings, baselines.paired_progress),
    "elo": Model(baselines.EloSettings, baselines.elo),
}

# What won in benchmarks/ranking_accuracy.py: see docs/method.md.
DEFAULT_MODEL = "joint"


def default_settings(model: str) -> ModelSettings:
    """Raises UnknownModel."""
    return _model(model).settings()


def settings_from_json(model: str, stored: dict[str, Any]) -> ModelSettings:
    """The settings that `as_json` wrote. Raises UnknownModel, InvalidSettings."""
    settings_type = _model(model).settings
    _require_known(stored, settings_type)
    intervals = stored.get("intervals", {})
    _require_known(intervals, IntervalSettings)
    return settings_type(**{**stored, "intervals": replace(settings_type().intervals, **intervals)})


def fit(comparisons: Comparisons, *, model: str = DEFAULT_MODEL, settings: ModelSettings | None = None) -> FitResult:
    """The ranking of the policies that were compared. Identical input gives identical bits, in any order of the rows.

    Raises UnknownModel, InvalidSettings, NothingToRank, and NoFiniteEstimate where priors are switched off that the
    data need. Poor data have an answer with warnings: see `diagnostics.notices`.
    """
    settings = checked_settings(model, settings)
    compared, absent = to_rank(comparisons)
    cells = compared.cells()
    component = components(cells, n_policies=compared.n_policies)
    estimated = _model(model).estimate(compared, cells, component, settings)
    labs = np.unique(cells.lab).size
    unsure = uncertainty(estimated, settings.intervals, labs=labs)
    ranks = rank(estimated.score, component, unsure, settings.intervals)
    order = np.lexsort((np.array(compared.policies), ranks.rank, component))
    warnings = notices(
        compared.policies,
        cells,
        component,
        intervals=settings.intervals,
        labs=labs,
        lab_effects=estimated.lab_effects,
    )
    apart = component[:, None] != component
    return FitResult(
        model=model,
        settings=settings,
        n=len(compared),
        policies=_policies(compared, estimated, unsure, ranks, component, tally(compared, cells), order),
        covariance=_matrix(unsure.covariance, order),
        win=_partial_matrix(estimated.win, order, apart),
        tie=_partial_matrix(estimated.tie, order, apart),
        ties=estimated.ties,
        order=estimated.order,
        log_likelihood=estimated.log_likelihood,
        intervals=IntervalMethod(settings.intervals.level, unsure.method, unsure.df, labs),
        warnings=(*([never_compared(absent)] if absent else []), *warnings),
        unit=estimated.unit,
        tasks=estimated.tasks,
        labs=estimated.labs,
        parameters=estimated.parameters,
        missing=estimated.missing,
        influence=_influence(compared, estimated, component),
    )


def _influence(comparisons: Comparisons, estimated: Estimate, component: IntArray) -> tuple[LabInfluence, ...]:
    """Of each lab that took part, by name."""
    se = np.sqrt(np.diag(estimated.covariance))
    n = np.bincount(comparisons.lab, minlength=comparisons.n_labs)
    return tuple(
        LabInfluence(
            **asdict(moves(comparisons.policies, estimated.score, se, component, estimated.influence[g])),
            lab=comparisons.labs[g],
            n=int(n[g]),
            share=float(n[g] / len(comparisons)),
        )
        for g in np.flatnonzero(n)
    )


def estimate(
    comparisons: Comparisons, *, model: str = DEFAULT_MODEL, settings: ModelSettings | None = None
) -> Estimate:
    """What `fit` makes the ranking of, for those who need its parts: predictions, influence. Same errors."""
    settings = checked_settings(model, settings)
    compared, _ = to_rank(comparisons)
    cells = compared.cells()
    return _model(model).estimate(compared, cells, components(cells, n_policies=compared.n_policies), settings)


def checked_settings(model: str, settings: ModelSettings | None) -> ModelSettings:
    settings = settings or default_settings(model)
    if type(settings) is not _model(model).settings:
        raise InvalidSettings("settings_of_another_model", f"These settings do not belong to the model {model!r}.")
    return settings


def to_rank(comparisons: Comparisons) -> tuple[Comparisons, tuple[str, ...]]:
    if not len(comparisons):
        raise NothingToRank("no_comparisons", "There is no comparison, so there is nothing to rank.")
    return comparisons.compared()


def _policies(
    comparisons: Comparisons,
    estimated: Estimate,
    unsure: Uncertainty,
    ranks: Ranks,
    component: IntArray,
    counts: Tally,
    order: IntArray,
) -> tuple[PolicyResult, ...]:
    se = np.sqrt(np.diag(unsure.covariance))
    half_width = unsure.normal_quantile * se
    score = estimated.score
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
            mean_progress=_known(counts.mean_progress, p),
            unadjusted=_known(estimated.unadjusted, p),
            expected_progress=_known(estimated.expected_progress, p),
            expected_progress_se=_known(estimated.expected_progress_se, p),
        )
        for p in order
    )


def _known(values: FloatArray | None, p: int) -> float | None:
    return None if values is None or np.isnan(values[p]) else float(values[p])


def _matrix(values: FloatArray, order: IntArray) -> Matrix:
    return tuple(tuple(row) for row in values[np.ix_(order, order)].tolist())


def _partial_matrix(values: FloatArray, order: IntArray, unknown: BoolArray) -> PartialMatrix:
    shown = values.astype(object)
    shown[unknown | np.isnan(values)] = None
    return tuple(tuple(row) for row in shown[np.ix_(order, order)].tolist())


def _model(name: str) -> Model:
    if name not in MODELS:
        raise UnknownModel("model_unknown", f"There is no model {name!r}; there are: {', '.join(MODELS)}.")
    return MODELS[name]


def _require_known(stored: dict[str, Any], settings_type: type[Any]) -> None:
    unknown = set(stored) - {field.name for field in fields(settings_type)}
    if unknown:
        raise InvalidSettings("setting_unknown", f"There is no setting {sorted(unknown)[0]!r}.")
