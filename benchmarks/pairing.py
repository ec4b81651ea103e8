"""How much sooner a ranking is known if pairs are drawn by what a comparison tells: by simulation, with known truth.

    python -m benchmarks.pairing [--runs 200]

15 policies with scores of sd 0.8 log-odds; the last of them joins after 750 of 1,500 comparisons. Weights are renewed
every 25 comparisons, as the worker would. Against uniform pairs, and against what RoboArena does: the first policy with
chance ((N / (n + 1))^0.8, N = 500, n its comparisons so far), its peer uniformly.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from benchmarks.common import Comparison, less_is_better, more_is_better, report
from evaluations.pairing import pair_chances
from leaderboard.pair_information import informative, with_newcomers
from leaderboard.ranking import Comparisons, DavidsonSettings, davidson
from leaderboard.ranking.comparisons import FloatArray
from leaderboard.ranking.diagnostics import components
from leaderboard.ranking.estimate import Estimate

POLICIES, SCORE_SD, NU = 15, 0.8, 0.35
COMPARISONS, BATCH, JOINS_AFTER = 1500, 25, 750
LOOKS = (200, 400, 750, 850, 1000, 1500)
PAIRS = list(combinations(range(POLICIES), 2))
# One tie habit: labs do not differ here, and the fit is to be quick.
SETTINGS = DavidsonSettings(lab_tie_sd=0.0, lab_tie_estimated=False)


@dataclass
class State:
    """What is known when the next batch is drawn."""

    present: int
    n: FloatArray = field(default_factory=lambda: np.zeros(POLICIES))
    estimate: Estimate | None = None


Strategy = Callable[[State], FloatArray]
"""The chance of each of PAIRS, before those are left out whose policy has not joined."""


def uniform(state: State) -> FloatArray:
    return np.ones(len(PAIRS))


def roboarena(state: State) -> FloatArray:
    chance = (500 / (state.n + 1)) ** 0.8
    chance[state.present :] = 0
    chance /= chance.sum()
    low, high = np.array(PAIRS).T
    both: FloatArray = chance[low] + chance[high]
    return both


def ours(state: State) -> FloatArray:
    """The very weights and chances of the platform."""
    possible = [pair for pair in PAIRS if max(pair) < state.present]
    weights = {}
    if state.estimate is not None:
        V = with_newcomers(state.estimate.covariance, state.n == 0)
        joined = slice(0, state.present)
        raw = informative(state.estimate.win[joined, joined], V[joined, joined])
        largest = max(raw[pair] for pair in possible)
        weights = {pair: float(raw[pair] / largest) for pair in possible}
    chances = dict(zip(possible, pair_chances(possible, weights), strict=True))
    return np.array([chances.get(pair, 0.0) for pair in PAIRS])


STRATEGIES: dict[str, Strategy] = {"ours": ours, "uniform": uniform, "RoboArena's": roboarena}


def run(strategy: Strategy, seed: int) -> dict[int, dict[str, float]]:
    """What is known at each of LOOKS, in one simulated season."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, SCORE_SD, POLICIES)
    rows: list[tuple[int, int, int]] = []
    state = State(POLICIES - 1)
    found = {}
    for start in range(0, COMPARISONS, BATCH):
        state.present = POLICIES - (start < JOINS_AFTER)
        chance = np.where(np.array(PAIRS)[:, 1] < state.present, strategy(state), 0.0)
        for place in rng.choice(len(PAIRS), BATCH, p=chance / chance.sum()):
            a, b = PAIRS[place] if rng.random() < 0.5 else PAIRS[place][::-1]
            half = (truth[a] - truth[b]) / 2
            weight = np.array([np.exp(half), 2 * NU, np.exp(-half)])
            rows.append((a, b, int(rng.choice(3, p=weight / weight.sum()))))
            state.n[[a, b]] += 1
        state.estimate = fit(rows)
        if start + BATCH in LOOKS:
            found[start + BATCH] = measures(state, truth)
    return found


def fit(rows: list[tuple[int, int, int]]) -> Estimate:
    a, b, outcome = np.array(rows).T
    missing = np.full(len(rows), np.nan)
    names = tuple(f"{p:02}" for p in range(POLICIES))
    comparisons = Comparisons(
        policies=names, policy_a=a, policy_b=b, outcome=outcome, labs=("lab",), lab=0 * a, progress_a=missing,
        progress_b=missing,
    )  # fmt: skip
    cells = comparisons.cells()
    return davidson.estimate(comparisons, cells, 0 * components(cells, n_policies=POLICIES), SETTINGS)


def measures(state: State, truth: FloatArray) -> dict[str, float]:
    """Of the policies that have joined: pairs in the wrong order, pairs told apart at 95 %, the newcomer's error."""
    assert state.estimate is not None
    score, V = state.estimate.score, state.estimate.covariance
    low, high = np.array([pair for pair in PAIRS if max(pair) < state.present]).T
    difference, true = score[low] - score[high], truth[low] - truth[high]
    se = np.sqrt(V[low, low] + V[high, high] - 2 * V[low, high])
    others = slice(0, POLICIES - 1)
    newcomer = (score[-1] - score[others].mean()) - (truth[-1] - truth[others].mean())
    return {
        "pairs in the wrong order, %": 100 * float(np.mean(difference * true < 0)),
        "pairs told apart, %": 100 * float(np.mean(np.abs(difference) > 1.96 * se)),
        "newcomer's error, log-odds": abs(float(newcomer)),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    runs = parser.parse_args().runs
    found = {name: [run(strategy, seed) for seed in range(runs)] for name, strategy in STRATEGIES.items()}
    rows: list[Comparison] = []
    for look in LOOKS:
        for metric in found["ours"][0][look]:
            if metric.startswith("newcomer") and look <= JOINS_AFTER:
                continue
            means = {
                name: float(np.mean([season[look][metric] for season in seasons])) for name, seasons in found.items()
            }
            compare = more_is_better if metric.startswith("pairs told") else less_is_better
            rows += [
                compare(
                    case=f"{look:,} comparisons",
                    metric=metric,
                    peer=peer,
                    ours=means["ours"],
                    theirs=means[peer],
                    goal=1.0 if peer == "uniform" else None,
                )
                for peer in list(STRATEGIES)[1:]
            ]
            spread = [a[look][metric] - b[look][metric] for a, b in zip(found["ours"], found["uniform"], strict=True)]
            error = float(np.std(spread) / np.sqrt(runs))
            print(f"{look:,} {metric}: ours less uniform {np.mean(spread):+.3f} ± {error:.3f}")
    return report("pairing", rows)


if __name__ == "__main__":
    sys.exit(main())
