"""Comparisons for tests: written out, published, simulated, real."""

import csv
import os
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from leaderboard.ranking import Comparisons, encode
from leaderboard.ranking.comparisons import FloatArray

ROOT = Path(__file__).resolve().parents[3]

# Davidson (1970): 15 pairs of six brands of chocolate pudding: i, j, i preferred, j preferred, neither.
PUDDING = (
    (1, 2, 19, 22, 16), (1, 3, 16, 19, 12), (2, 3, 19, 19, 10), (1, 4, 18, 23, 13), (2, 4, 23, 19, 9),
    (3, 4, 19, 20, 15), (1, 5, 13, 19, 18), (2, 5, 16, 20, 12), (3, 5, 16, 15, 17), (4, 5, 17, 14, 16),
    (1, 6, 18, 21, 12), (2, 6, 22, 20, 12), (3, 6, 13, 18, 10), (4, 6, 14, 19, 18), (5, 6, 11, 21, 12),
)  # fmt: skip

Row = tuple[str, str, str, str]


def table(rows: list[Row]) -> Comparisons:
    """From rows (policy on A, policy on B, preference, lab)."""
    policy_a, policy_b, preference, lab = zip(*rows, strict=True) if rows else ((), (), (), ())
    return encode(policy_a=policy_a, policy_b=policy_b, preference=preference, lab=lab)


def pudding(*, labs: int = 1) -> Comparisons:
    rows: list[Row] = []
    for i, j, wins, losses, ties in PUDDING:
        for preference, count in (("A", wins), ("B", losses), ("TIE", ties)):
            rows += [(f"brand {i}", f"brand {j}", preference, f"lab {k % labs}") for k in range(count)]
    return table(rows)


def simulate(
    rng: np.random.Generator,
    *,
    theta: FloatArray,
    labs: int,
    n: int,
    delta: float = 0.0,
    lnu: FloatArray | float = -1.0,
    policy_by_lab_sd: float = 0.0,
) -> Comparisons:
    """n comparisons of random pairs in random labs, from Davidson's model; labs may disagree on the policies."""
    P = len(theta)
    lab = rng.integers(labs, size=n)
    policy_a = rng.integers(P, size=n)
    policy_b = (policy_a + rng.integers(1, P, size=n)) % P
    u = theta + rng.normal(0, policy_by_lab_sd, (labs, P))
    h = (u[lab, policy_a] - u[lab, policy_b] - delta) / 2
    t = np.log(2) + np.broadcast_to(lnu, labs)[lab]
    weight = np.exp([h, t, -h])
    below = np.cumsum(weight / weight.sum(axis=0), axis=0)
    return Comparisons(
        policies=tuple(f"policy {p}" for p in range(P)),
        labs=tuple(f"lab {g}" for g in range(labs)),
        policy_a=policy_a,
        policy_b=policy_b,
        outcome=np.sum(rng.random(n) > below[:2], axis=0),
        lab=lab,
        progress_a=np.full(n, np.nan),
        progress_b=np.full(n, np.nan),
    )


def roboarena() -> Comparisons:
    """The valid sessions of April 2025, with progress."""
    folder = Path(os.environ.get("ARENA_SHARED", ROOT / ".." / "shared")) / "data" / "roboarena-2025-04"
    if not folder.is_dir():
        pytest.skip("RoboArena's April 2025 data not found: set ARENA_SHARED to the folder that holds data/")
    sessions = [row for row in _rows(folder / "sessions.csv") if row["status"] == "valid"]
    progress: defaultdict[tuple[str, str], float] = defaultdict(lambda: float("nan"))
    for episode in _rows(folder / "episodes.csv"):
        progress[episode["session_uuid"], episode["label"]] = float(episode["progress"] or "nan")
    return encode(
        policy_a=[row["policy_a"] for row in sessions],
        policy_b=[row["policy_b"] for row in sessions],
        preference=[row["preference"] for row in sessions],
        lab=[row["lab"] for row in sessions],
        evaluator=[row["evaluator"] for row in sessions],
        progress_a=[progress[row["session_uuid"], "A"] for row in sessions],
        progress_b=[progress[row["session_uuid"], "B"] for row in sessions],
    )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
