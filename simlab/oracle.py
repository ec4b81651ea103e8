"""The true ranking, by exhaustive rollouts: every policy on every task from every start, without wire or pictures.

What a board estimates from a few noisy comparisons is counted here from all of them: on matched starts, and by an
evaluator without noise or lapses.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import combinations, product
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from simlab.judging import Habits, Outcome
from simlab.policies import POLICIES
from simlab.rollout import run_policy
from simlab.scene import Scene
from simlab.tasks import TASKS

TIE_BAND = Habits().tie_band
SEEDS_A_BATCH = 10
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Standing:
    """One policy's truth. The ranking goes by points, as a board made of comparisons does."""

    policy: str
    points: float
    """Mean chance of winning against the other policies; a tie counts half."""
    progress: float
    success: float
    by_family: dict[str, dict[str, float]]
    """Mean progress and success in each family of tasks."""


@dataclass(frozen=True)
class Match:
    """How often one policy does better than another from the same start."""

    a: str
    b: str
    a_wins: float
    tie: float
    b_wins: float


@dataclass(frozen=True)
class Truth:
    policies: list[str]
    tasks: list[str]
    seeds: int
    standings: list[Standing]
    matches: list[Match]


@dataclass(frozen=True)
class Batch:
    """The rollouts that one process does in one go."""

    task: str
    seeds: range


def find_truth(
    *, policies: Sequence[str], tasks: Sequence[str], seeds: int, jobs: int = 1, progress: bool = False
) -> Truth:
    batches = [
        Batch(task, range(first, min(first + SEEDS_A_BATCH, seeds)))
        for task, first in product(tasks, range(0, seeds, SEEDS_A_BATCH))
    ]
    results: dict[str, list[list[Outcome]]] = {task: [] for task in tasks}
    rows = _run(batches, list(policies), jobs)
    console = Console(stderr=True)
    for batch, outcomes in track(
        zip(batches, rows, strict=True),
        description="Rolling out",
        total=len(batches),
        console=console,
        disable=not (progress and console.is_terminal),
    ):
        results[batch.task] += outcomes
    return summarise(results, policies=list(policies))


def _run(batches: Sequence[Batch], policies: list[str], jobs: int) -> Iterator[list[list[Outcome]]]:
    if jobs == 1:
        yield from (_run_batch(batch, policies) for batch in batches)
        return
    # Fresh processes: a forked copy of the simulator's threads is no simulator.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_run_batch, batches, [policies] * len(batches))


def _run_batch(batch: Batch, policies: list[str]) -> list[list[Outcome]]:
    """For each seed, the outcome of each policy."""
    scene = Scene(TASKS[batch.task])
    return [
        [run_policy(policy=POLICIES[name], scene=scene, seed=seed).outcome for name in policies] for seed in batch.seeds
    ]


def summarise(results: dict[str, list[list[Outcome]]], *, policies: list[str]) -> Truth:
    """From outcomes by task, seed and policy. All tasks weigh the same."""
    merit, progress, success = (
        np.array([[[float(getattr(o, name)) for o in row] for row in rows] for rows in results.values()])
        for name in ("merit", "progress", "success")
    )
    matches = [_match(policies, merit, a, b) for a, b in combinations(range(len(policies)), 2)]
    families = np.array([TASKS[task].family for task in results])
    standings = [
        Standing(
            policy=name,
            points=_points(name, matches),
            progress=_mean(progress[:, :, index]),
            success=_mean(success[:, :, index]),
            by_family={
                family: {
                    "progress": _mean(progress[families == family, :, index]),
                    "success": _mean(success[families == family, :, index]),
                }
                for family in dict.fromkeys(families.tolist())
            },
        )
        for index, name in enumerate(policies)
    ]
    standings.sort(key=lambda standing: standing.points, reverse=True)
    return Truth(policies, list(results), merit.shape[1], standings, matches)


def _match(policies: list[str], merit: Floats, a: int, b: int) -> Match:
    difference = merit[:, :, a] - merit[:, :, b]
    a_wins, b_wins = _mean(difference > TIE_BAND), _mean(difference < -TIE_BAND)
    return Match(policies[a], policies[b], a_wins, round(1.0 - a_wins - b_wins, 4), b_wins)


def _points(name: str, matches: Sequence[Match]) -> float:
    mine = [m.a_wins + m.tie / 2 for m in matches if m.a == name]
    mine += [m.b_wins + m.tie / 2 for m in matches if m.b == name]
    return _mean(np.array(mine)) if mine else 0.5


def _mean(values: NDArray[np.float64] | NDArray[np.bool_]) -> float:
    return round(float(np.mean(values)), 4)


def show(truth: Truth) -> None:
    families = list(truth.standings[0].by_family)
    table = Table(title=f"True ranking: {len(truth.tasks)} tasks, {truth.seeds} starts each")
    table.add_column("policy")
    for heading in ("points", "progress", "success", *families):
        table.add_column(heading, justify="right")
    for standing in truth.standings:
        by_family = [f"{standing.by_family[family]['progress']:.2f}" for family in families]
        table.add_row(
            standing.policy,
            f"{standing.points:.3f}",
            f"{standing.progress:.3f}",
            f"{standing.success:.3f}",
            *by_family,
        )
    Console().print(table)


def run(
    *, policies: Sequence[str], tasks: Sequence[str], seeds: int, jobs: int, as_json: bool, out: str | None
) -> None:
    truth = find_truth(policies=policies, tasks=tasks, seeds=seeds, jobs=jobs, progress=True)
    text = json.dumps(asdict(truth), indent=2)
    if out:
        Path(out).write_text(text + "\n", encoding="utf-8")
    if as_json:
        sys.stdout.write(text + "\n")
    else:
        show(truth)
