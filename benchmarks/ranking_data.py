"""Comparisons for the benchmark of accuracy: April 2025, simulated labs, and invented ones with a known truth."""

import csv
import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from leaderboard.ranking import Comparisons, encode

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
SHARED = Path(os.environ.get("ARENA_SHARED", Path(__file__).resolve().parents[1] / ".." / "shared")) / "data"

# The simulated labs' true ranking, by points (docs/simlab.md): all tasks weigh the same.
SIMLAB_POINTS = {
    "expert": 0.75,
    "flaky-gripper": 0.70,
    "expert-noise-low": 0.64,
    "poor-localizer": 0.59,
    "picking-specialist": 0.55,
    "slow": 0.49,
    "expert-noise-high": 0.46,
    "articulation-specialist": 0.44,
    "laggy": 0.32,
    "random": 0.06,
}
# Tasks in each family, and so the mix that this truth is for.
SIMLAB_MIX = {"pick": 6.0, "push": 4.0, "press": 2.0, "articulated": 6.0}


def april() -> Comparisons:
    """The 612 valid sessions of April 2025, with progress and task categories."""
    folder = SHARED / "roboarena-2025-04"
    sessions = [row for row in read_rows(folder / "sessions.csv") if row["status"] == "valid"]
    category = {row["session_uuid"]: row["task_category"] for row in read_rows(folder / "tags.csv")}
    progress: defaultdict[tuple[str, str], float] = defaultdict(lambda: float("nan"))
    for episode in read_rows(folder / "episodes.csv"):
        progress[episode["session_uuid"], episode["label"]] = float(episode["progress"] or "nan")
    return encode(
        **_columns(sessions, "policy_a", "policy_b", "preference", "lab", "evaluator"),
        category=[category.get(row["session_uuid"], "") for row in sessions],
        progress_a=[progress[row["session_uuid"], "A"] for row in sessions],
        progress_b=[progress[row["session_uuid"], "B"] for row in sessions],
    )


def simlab() -> Comparisons:
    """1,600 sessions of simulated labs with task mixes of their own; the category is the family of the task."""
    rows = read_rows(SHARED / "simlab" / "pairs.csv")
    return encode(
        **_columns(rows, "policy_a", "policy_b", "preference", "lab"),
        category=[row["family"] for row in rows],
        progress_a=[float(row["progress_a"]) for row in rows],
        progress_b=[float(row["progress_b"]) for row in rows],
    )


def part(comparisons: Comparisons, rows: Ints | Bools) -> Comparisons:
    """Some of the rows, in the order given."""
    columns = ("policy_a", "policy_b", "outcome", "lab", "progress_a", "progress_b", "evaluator", "category")
    found = {name: getattr(comparisons, name) for name in columns}
    kept: dict[str, Any] = {name: None if column is None else column[rows] for name, column in found.items()}
    return replace(comparisons, **kept)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of invented data: Davidson's preferences and fractional progress, from one ability.

    theta_sd, psi_sd, b_sd: abilities, by task and by lab. dependence: correlation of what progress shows and what the
    evaluator prefers, beyond ability (April 2025: nearly all preferences follow progress). mixes: labs differ in their
    tasks. hard_for_strong: how far stronger pairs get harder tasks. drift: log-odds by which progress becomes easier
    from the first session to the last, while policies join one after the other. own_progress_sd: abilities that count
    for progress alone. missing: share of sessions without progress.
    """

    name: str
    theta_sd: float = 0.7
    psi_sd: float = 0.0
    b_sd: float = 0.0
    dependence: float = 0.9
    mixes: bool = False
    hard_for_strong: float = 0.0
    drift: float = 0.0
    own_progress_sd: float = 0.0
    missing: float = 0.0
    progress_scale: float = 1.0


KINDS = (
    Kind(name="plain"),
    Kind(name="labs differ in policies", b_sd=0.5),
    Kind(name="labs differ in tasks", psi_sd=0.7, mixes=True),
    Kind(name="labs differ in both", psi_sd=0.7, b_sd=0.3, mixes=True),
    Kind(name="strong pairs get hard tasks", hard_for_strong=1.5),
    Kind(name="drift, policies join late", drift=2.0),
    Kind(name="independent readings", dependence=0.0),
    Kind(name="no progress", missing=1.0),
    Kind(name="progress tells little", progress_scale=0.15),
    Kind(name="progress has its own order", own_progress_sd=0.35),
)


@dataclass(frozen=True, eq=False)
class Invented:
    """truth: (P,) centred scores under equal shares of the tasks; that of the preferences, where progress differs."""

    comparisons: Comparisons
    truth: Floats


def invent(
    rng: np.random.Generator, kind: Kind, *, n: int, policies: int = 10, labs: int = 7, tasks: int = 5
) -> Invented:
    """n sessions in order of time. Both readings have the distribution that their model says, but they are dependent:
    a Gaussian copula joins the luck of the two rollouts to the preference."""
    P, G, C = policies, labs, tasks
    theta = rng.normal(0, kind.theta_sd, P)
    psi = rng.normal(0, kind.psi_sd, (P, C))
    psi -= psi.mean(axis=1, keepdims=True)
    b = rng.normal(0, kind.b_sd, (P, G))
    mix = rng.dirichlet(np.full(C, 0.4), G) if kind.mixes else np.full((G, C), 1 / C)
    lab = rng.integers(G, size=n)
    category = (rng.random(n)[:, None] > np.cumsum(mix, axis=1)[lab][:, :-1]).sum(axis=1)
    time = np.arange(n) / n
    here = np.maximum(3, np.ceil(P * np.minimum(1, 0.3 + time))).astype(np.int64) if kind.drift else np.full(n, P)
    i = (rng.random(n) * here).astype(np.int64)
    j = (i + 1 + (rng.random(n) * (here - 1)).astype(np.int64)) % here
    u = theta[:, None, None] + psi[:, :, None] + b[:, None, :]
    u_i, u_j = u[i, category, lab], u[j, category, lab]
    luck = rng.normal(size=(2, n))
    easy = rng.normal(0, 0.5, C)[category] + rng.normal(0, 0.3, G)[lab] - 0.5 + kind.drift * time
    easy = easy - kind.hard_for_strong * (theta[i] + theta[j]) + rng.normal(0, 0.5, n)
    own = rng.normal(0, kind.own_progress_sd, P)
    eta = easy + kind.progress_scale * np.stack([u_i, u_j]) + own[np.stack([i, j])]
    there = rng.random(n) >= kind.missing
    progress = np.where(there, _progress(special.expit(eta), luck), np.nan)
    lnu = rng.normal(-1.0, 0.8, G)[lab]
    outcome = _outcome(rng, (u_i - u_j) / 2, np.log(2) + lnu, (luck[0] - luck[1]) / np.sqrt(2), kind.dependence)
    comparisons = Comparisons(
        policies=_names("policy", P),
        labs=_names("lab", G),
        categories=_names("task", C),
        policy_a=i,
        policy_b=j,
        outcome=outcome,
        lab=lab,
        category=category,
        progress_a=progress[0],
        progress_b=progress[1],
    )
    return Invented(comparisons, theta - theta.mean())


def _progress(mean: Floats, luck: Floats) -> Floats:
    """Beta with this mean and dispersion 1/2, the luck deciding where in it; ends rounded to failure and success."""
    drawn = stats.beta.ppf(stats.norm.cdf(luck), mean, 1 - mean)
    progress: Floats = np.clip(np.round(drawn, 2), 0.0, 1.0)
    return progress


def _outcome(rng: np.random.Generator, h: Floats, t: Floats, luck: Floats, dependence: float) -> Ints:
    weight = np.exp([h, t, -h])
    below = np.cumsum(weight / weight.sum(axis=0), axis=0)
    mixed = dependence * luck + np.sqrt(1 - dependence**2) * rng.normal(size=luck.size)
    outcome: Ints = np.sum(stats.norm.sf(mixed) > below[:2], axis=0)
    return outcome


def _names(what: str, count: int) -> tuple[str, ...]:
    return tuple(f"{what} {number:03}" for number in range(count))


def _columns(rows: Sequence[dict[str, str]], *names: str) -> dict[str, list[str]]:
    return {name: [row[name] for row in rows] for name in names}


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
