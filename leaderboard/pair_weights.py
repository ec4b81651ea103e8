"""The weights of the draws to come, from the last snapshot of each board: see `pair_information`."""

from datetime import datetime
from itertools import combinations
from typing import Any

import numpy as np

from arena.models import PolicyVersion
from evaluations import pairs
from evaluations.pairing import Pair
from evaluations.scopes import REAL, SIMULATION, Scope
from leaderboard import snapshots
from leaderboard.pair_information import informative, with_newcomers

LIVE = (REAL, SIMULATION)


def write(*, now: datetime) -> None:
    """Weigh the pairs of all versions in the pool, for the draws to come."""
    for scope in LIVE:
        _write(scope, now)


def _write(scope: Scope, now: datetime) -> None:
    snapshot = snapshots.latest(scope.slug)
    versions = _versions(scope)
    weighed: dict[Pair, float] = {}
    if snapshot is not None and snapshot.result["policies"]:
        by_robot: dict[int, dict[str, int]] = {}
        for version in versions:
            by_robot.setdefault(version.embodiment_id, {})[version.input_label] = version.pk
        for labels in by_robot.values():
            weighed |= weigh(snapshot.result, labels)
    pairs.replace_weights(versions=[version.pk for version in versions], weights=weighed, now=now)


def _versions(scope: Scope) -> list[PolicyVersion]:
    """Those that can be drawn."""
    active = PolicyVersion.objects.filter(pool=PolicyVersion.Pool.ACTIVE, policy__simulated=scope.simulated)
    return list(active.select_related("policy").order_by("pk"))


def weigh(result: dict[str, Any], labels: dict[str, int]) -> dict[Pair, float]:
    """A weight for each pair of the versions (ids by label), from a snapshot's result; the largest is 1."""
    names = list(labels)
    place = {row["policy"]: number for number, row in enumerate(result["policies"])}
    known = np.array([place.get(name, -1) for name in names])
    newcomer = known < 0
    seen = np.where(newcomer, 0, known)
    among = np.ix_(seen, seen)
    unknown = newcomer[:, None] | newcomer

    V = with_newcomers(np.array(result["covariance"], dtype=np.float64)[among], newcomer)
    even = 1 / (1 + result["ties"]["nu"]) / 2
    win = np.where(unknown, even, np.array(result["win"], dtype=np.float64)[among])  # None becomes NaN
    raw = informative(win, V)
    joined = raw[np.triu_indices(len(names), 1)]
    largest = float(np.nanmax(joined, initial=0.0))
    # Pairs of which nothing connects the two (NaN) come first: without a comparison they stay apart.
    relative = np.where(np.isnan(raw), 1.0, raw / largest if largest else 1.0)
    return {
        (min(labels[a], labels[b]), max(labels[a], labels[b])): float(relative[i, j])
        for (i, a), (j, b) in combinations(enumerate(names), 2)
    }
