"""What a fitted ranking leaves unexplained, and who moves it: for a reader who wants to know how far to trust it.

Everything is seen from the model's own predictions of the sessions that it was fitted to. Standardised residuals z are
about N(0, 1) where the model is right (a little less, since it was fitted); beyond ±3 is worth a look, not a verdict.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from leaderboard.ranking.comparisons import BoolArray, Comparisons, FloatArray, IntArray, Outcome
from leaderboard.ranking.diagnostics import components
from leaderboard.ranking.errors import UnknownModel
from leaderboard.ranking.estimate import Estimate, Predict
from leaderboard.ranking.fit import DEFAULT_MODEL, estimate, to_rank
from leaderboard.ranking.influence import Moves, moves
from leaderboard.ranking.settings import ModelSettings

CYCLES_SHOWN = 10
CLASSES = 5


@dataclass(frozen=True)
class PairResidual:
    """What policy did against other, and what was expected. z: of wins less losses."""

    policy: str
    other: str
    n: int
    wins: int
    ties: int
    losses: int
    expected_wins: float
    expected_ties: float
    z: float


@dataclass(frozen=True)
class Cycle:
    """Three policies each of which won more sessions against the next than it lost, and the last against the first."""

    policies: tuple[str, str, str]
    margin: int
    """Wins less losses of the weakest of the three."""


@dataclass(frozen=True)
class Cycles:
    """count: of `triples` threes of which each pair was compared. shown: those with the largest margins."""

    count: int
    triples: int
    shown: tuple[Cycle, ...]


@dataclass(frozen=True)
class CalibrationClass:
    """Sessions with a chance of A between low and high: their mean predicted chance, and the share where A came."""

    low: float
    high: float
    n: int
    predicted: float
    observed: float


@dataclass(frozen=True)
class SourceReview:
    """A lab or an evaluator.

    z_ties, z_side: of ties, and of preferences for side A less those for side B, against what was expected. fit: chi²
    of its residuals by policy over their number (seen), about 1 where it sees the policies as the model says. log_loss:
    mean.
    largest_move: by how much its sessions move a score, to first order, in standard errors of that score; of_policy:
    which. places_changed: policies whose place would be another without it; leader_without: who would then be first.
    """

    name: str
    n: int
    z_ties: float
    z_side: float
    fit: float
    seen: int
    log_loss: float
    largest_move: float | None
    of_policy: str | None
    places_changed: int | None
    leader_without: str | None


@dataclass(frozen=True)
class Review:
    """pairs: all that met, the largest |z| first. calibration: in classes that occur. labs, evaluators: by name."""

    model: str
    pairs: tuple[PairResidual, ...]
    cycles: Cycles
    calibration: tuple[CalibrationClass, ...]
    labs: tuple[SourceReview, ...]
    evaluators: tuple[SourceReview, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Residuals:
    """(n,) each: y is +1 for A, 0 for a tie, -1 for B; error: y less its mean, of the given variance."""

    p: FloatArray
    error: FloatArray
    variance: FloatArray


def review(comparisons: Comparisons, *, model: str = DEFAULT_MODEL, settings: ModelSettings | None = None) -> Review:
    """Fits the model, and looks at what is left. Raises what `fit` raises, and UnknownModel where it cannot predict."""
    fitted = estimate(comparisons, model=model, settings=settings)
    if fitted.predict is None:
        raise UnknownModel("model_without_predictions", f"The model {model!r} predicts no preferences to review.")
    compared, _ = to_rank(comparisons)
    left = _residuals(compared, fitted.predict)
    return Review(
        model=model,
        pairs=pair_residuals(compared, left),
        cycles=find_cycles(compared),
        calibration=calibration(left.p[:, 0], compared.outcome == Outcome.A),
        labs=_sources(compared, fitted, left, compared.labs, compared.lab, fitted.influence),
        evaluators=_evaluators(compared, fitted, left),
    )


def pair_residuals(comparisons: Comparisons, left: Residuals) -> tuple[PairResidual, ...]:
    """Sides taken together; the pairs that fit worst first."""
    P = comparisons.n_policies
    turned = comparisons.policy_a > comparisons.policy_b
    one = np.minimum(comparisons.policy_a, comparisons.policy_b)
    keys, pair = np.unique(one * P + np.maximum(comparisons.policy_a, comparisons.policy_b), return_inverse=True)
    sign = np.where(turned, -1.0, 1.0)
    won, lost = (np.where(turned, comparisons.outcome == a, comparisons.outcome == b) for a, b in ((2, 0), (0, 2)))
    n, wins, ties, losses = (
        _sums(pair, x, keys.size) for x in (np.ones(len(comparisons)), won, comparisons.outcome == 1, lost)
    )
    expected = _sums(pair, np.where(turned, left.p[:, 2], left.p[:, 0]), keys.size)
    expected_ties = _sums(pair, left.p[:, 1], keys.size)
    z = _standardised(_sums(pair, sign * left.error, keys.size), _sums(pair, left.variance, keys.size))
    return tuple(
        PairResidual(
            policy=comparisons.policies[int(keys[k]) // P],
            other=comparisons.policies[int(keys[k]) % P],
            n=int(n[k]),
            wins=int(wins[k]),
            ties=int(ties[k]),
            losses=int(losses[k]),
            expected_wins=float(expected[k]),
            expected_ties=float(expected_ties[k]),
            z=float(z[k]),
        )
        for k in np.lexsort((keys, -np.abs(z)))
    )


def find_cycles(comparisons: Comparisons) -> Cycles:
    P = comparisons.n_policies
    signed = 1.0 - comparisons.outcome
    net = np.bincount(comparisons.policy_a * P + comparisons.policy_b, signed, P * P).reshape(P, P)
    net = net - net.T
    met = np.bincount(comparisons.policy_a * P + comparisons.policy_b, minlength=P * P).reshape(P, P) > 0
    met = (met | met.T).astype(np.float64)
    beats = (net > 0).astype(np.float64)
    found = []
    for p in range(P):
        # Each cycle once: from its policy with the smallest key.
        q, r = np.nonzero(beats * np.outer(beats[p], beats[:, p]))
        for second, third in zip(q.tolist(), r.tolist(), strict=True):
            if p < second and p < third:
                margin = int(min(net[p, second], net[second, third], net[third, p]))
                found.append((-margin, p, second, third))
    found.sort()
    shown = tuple(
        Cycle((comparisons.policies[p], comparisons.policies[q], comparisons.policies[r]), -margin)
        for margin, p, q, r in found[:CYCLES_SHOWN]
    )
    return Cycles(count=len(found), triples=round(float(np.trace(met @ met @ met)) / 6), shown=shown)


def calibration(predicted: FloatArray, happened: BoolArray) -> tuple[CalibrationClass, ...]:
    number = np.minimum((predicted * CLASSES).astype(np.int64), CLASSES - 1)
    return tuple(
        CalibrationClass(
            low=c / CLASSES,
            high=(c + 1) / CLASSES,
            n=int(np.sum(number == c)),
            predicted=float(predicted[number == c].mean()),
            observed=float(happened[number == c].mean()),
        )
        for c in np.unique(number).tolist()
    )


def _residuals(comparisons: Comparisons, predict: Predict) -> Residuals:
    p = predict(comparisons)
    mean = p[:, 0] - p[:, 2]
    return Residuals(p, 1.0 - comparisons.outcome - mean, p[:, 0] + p[:, 2] - mean**2)


def _evaluators(comparisons: Comparisons, fitted: Estimate, left: Residuals) -> tuple[SourceReview, ...]:
    if comparisons.evaluator is None:
        return ()
    influence = fitted.evaluator_influence(comparisons) if fitted.evaluator_influence else None
    return _sources(comparisons, fitted, left, comparisons.evaluators, comparisons.evaluator, influence)


def _sources(
    comparisons: Comparisons,
    fitted: Estimate,
    left: Residuals,
    names: tuple[str, ...],
    key: IntArray,
    influence: FloatArray | None,
) -> tuple[SourceReview, ...]:
    size, P = len(names), comparisons.n_policies
    n = np.bincount(key, minlength=size)
    tie_error = (comparisons.outcome == Outcome.TIE) - left.p[:, 1]
    z_ties = _standardised(_sums(key, tie_error, size), _sums(key, left.p[:, 1] * (1 - left.p[:, 1]), size))
    z_side = _standardised(_sums(key, left.error, size), _sums(key, left.variance, size))
    by_policy = _sums(key * P + comparisons.policy_a, left.error, size * P)
    by_policy -= _sums(key * P + comparisons.policy_b, left.error, size * P)
    variance = _sums(key * P + comparisons.policy_a, left.variance, size * P)
    variance += _sums(key * P + comparisons.policy_b, left.variance, size * P)
    squared = (_standardised(by_policy, variance) ** 2).reshape(size, P)
    seen = (variance > 0).reshape(size, P).sum(axis=1)
    loss = -np.log(left.p[np.arange(len(comparisons)), comparisons.outcome])
    log_loss = _sums(key, loss, size)
    component = components(comparisons.cells(), n_policies=P)
    return tuple(
        SourceReview(
            name=names[g],
            n=int(n[g]),
            z_ties=float(z_ties[g]),
            z_side=float(z_side[g]),
            fit=float(squared[g].sum() / max(seen[g] - 1, 1)),
            seen=max(int(seen[g]) - 1, 1),
            log_loss=float(log_loss[g] / n[g]),
            **_moves(comparisons.policies, fitted, component, None if influence is None else influence[g]),
        )
        for g in np.flatnonzero(n)
    )


def _moves(
    policies: tuple[str, ...], fitted: Estimate, component: IntArray, influence: FloatArray | None
) -> dict[str, Any]:
    if influence is None:
        return {field.name: None for field in fields(Moves)}
    se = np.sqrt(np.diag(fitted.covariance))
    return asdict(moves(policies, fitted.score, se, component, influence))


def _standardised(error: FloatArray, variance: FloatArray) -> FloatArray:
    z: FloatArray = np.divide(error, np.sqrt(variance), out=np.zeros_like(error), where=variance > 0)
    return z


def _sums(key: IntArray, values: FloatArray | BoolArray, size: int) -> FloatArray:
    return np.bincount(key, values, size).astype(np.float64, copy=False)
