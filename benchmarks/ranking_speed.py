"""How fast comparisons become scores with intervals: we and the peers, each in a process of its own, in turn.

    python -m benchmarks.ranking_speed [--sizes 10000 100000 1000000 10000000] [--rounds 9]

100 policies, 24 % ties, 7 labs, from integer keys. The peers live in .venv-bench (requirements-bench.lock).
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.common import Comparison, less_is_better, report

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / ".venv-bench" / "bin" / "python"
SCRIPT = ROOT / "benchmarks" / "ranking_contestants.py"

POLICIES, LABS = 100, 7
SCORE_SD, NU = 0.7, 0.346  # equal policies tie with 26 %, so that 24 % of all are ties
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
# A model of ours, milliseconds, and whether we claim to stay below them.
JOINT = (
    ("joint, 612 sessions of 7 policies", 50.0, True),
    ("joint, 50,000 sessions of 100 policies", 2000.0, False),
    ("joint, 50,000 sessions of 100 policies, warm", 2000.0, True),
)
OURS = ("davidson", "davidson, one tie habit", "davidson, ranked")
THEIRS = ("evalica", "choix", "arena-rank", "scikit-learn")
# Of linear algebra: on a machine that others use too, threads wait for each other.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
PAIRS = (
    *((OURS[0], peer) for peer in THEIRS),
    ("davidson, one tie habit", "evalica"),
    ("davidson, one tie habit", "arena-rank"),
    ("davidson, ranked", "arena-rank"),
)
# What a peer may take for one size, with its preparation: beyond that it is left out, and the report says so.
PATIENCE = 900.0
# All of them rank by the same likelihood or nearly so: an answer less alike than this is a mistake in this benchmark.
ALIKE = 0.98


def goal(peer: str, size: int) -> float | None:
    if peer == "arena-rank":
        return 100.0
    if peer == "evalica":
        return {100_000: 3.0, 1_000_000: 10.0}.get(size)
    return None


def simulate(n: int, path: Path) -> float:
    """Davidson's model, all pairs and labs alike. Returns the share of ties."""
    rng = np.random.default_rng(n)
    score = rng.normal(0, SCORE_SD, POLICIES)
    a = rng.integers(0, POLICIES, n)
    b = (a + rng.integers(1, POLICIES, n)) % POLICIES
    half = (score[a] - score[b]) / 2
    total = np.exp(half) + 2 * NU + np.exp(-half)
    u = rng.random(n) * total
    outcome = (u > np.exp(half)).astype(np.int64) + (u > np.exp(half) + 2 * NU)
    lab = rng.integers(0, LABS, n)
    np.savez(path, a=a, b=b, outcome=outcome, lab=lab, policies=POLICIES, labs=LABS)
    return float(np.mean(outcome == 1))


def run(name: str, path: Path, rounds: int) -> dict[str, Any] | None:
    """The contestant's own report, None where it took too long or broke off."""
    python = str(PEERS) if name in THEIRS else sys.executable
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | ONE_THREAD
    command = [python, str(SCRIPT), name, str(path), str(rounds)]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        print(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"{name} ended with {done.returncode}")
        return None
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measure(size: int, rounds: int) -> list[Comparison]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "comparisons.npz"
        ties = simulate(size, path)
        found = {}
        for name in (*OURS, *THEIRS):
            result = run(name, path, rounds)
            if result is None:
                print(f"{size:,}: {name} gave no answer")
                continue
            found[name] = result
            times = f"{result['best'] * 1e3:.1f} ms (first {result['first'] * 1e3:.1f} ms), {result['memory']:.0f} MB"
            print(f"{size:,}, {ties:.1%} ties: {name} {times}", flush=True)
    return _compared(size, found)


def measure_joint(rounds: int) -> list[Comparison]:
    """The boards' model has no peer: it is held to a time."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "nothing.npz"
        np.savez(path)
        for name, limit, claimed in JOINT:
            found = run(name, path, rounds if limit < 100 else 3)
            if found is None:
                print(f"{name}: no answer (the April 2025 data are read from ARENA_SHARED)")
                continue
            best, goal_of = 1e3 * found["best"], 1.0 if claimed else None
            print(f"{name} {best:.0f} ms", flush=True)
            rows.append(
                less_is_better(case=name, metric="ms", peer=f"{limit:g} ms", ours=best, theirs=limit, goal=goal_of)
            )
    return rows


def _compared(size: int, found: dict[str, dict[str, Any]]) -> list[Comparison]:
    return [
        row
        for ours, theirs in PAIRS
        if ours in found and theirs in found
        for row in _rows(size, ours, theirs, found[ours], found[theirs])
    ]


def _rows(size: int, ours: str, peer: str, mine: dict[str, Any], theirs: dict[str, Any]) -> list[Comparison]:
    _require_alike(peer, mine["scores"], theirs["scores"])
    known = f"{peer}{'' if theirs['intervals'] else ' (no intervals)'}"
    case = f"{size:,}, {ours}"
    claimed = goal(peer, size) if ours == OURS[0] else None
    speed = less_is_better(
        case=case, metric="ms", peer=known, ours=1e3 * mine["best"], theirs=1e3 * theirs["best"], goal=claimed
    )
    memory = less_is_better(
        case=case, metric="peak MB", peer=known, ours=max(mine["memory"], 0.1), theirs=max(theirs["memory"], 0.1)
    )
    return [speed, memory] if ours == OURS[0] else [speed]


def _require_alike(peer: str, mine: list[float], theirs: list[float]) -> None:
    r = float(np.corrcoef(mine, theirs)[0, 1])
    if not math.isfinite(r) or r < ALIKE:
        raise SystemExit(f"{peer} ranks otherwise (r = {r:.3f}): this benchmark compares what is not alike.")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    if not PEERS.exists():
        raise SystemExit("The peers are not installed: make bench-ranking_speed does that.")
    rows = measure_joint(options.rounds)
    rows += [row for size in options.sizes for row in measure(size, options.rounds)]
    Console().print("Times are the best of the rounds, memory the most that a round took beyond what it found in use.")
    return report("ranking_speed", rows)


if __name__ == "__main__":
    sys.exit(main())
