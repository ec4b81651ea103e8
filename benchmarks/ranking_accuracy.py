"""How right the models are: held-out preferences and progress, agreement with a known truth, coverage of intervals.

`python -m benchmarks.ranking_accuracy`. "Ours" is the joint model, the peers are the others behind the same interface.
The April 2025 data and the simulated labs' are read from data/ under ARENA_SHARED (../shared).
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context

import numpy as np
from scipy import stats

from benchmarks.common import Comparison, less_is_better, more_is_better, report
from benchmarks.ranking_data import (
    KINDS,
    SIMLAB_MIX,
    SIMLAB_POINTS,
    Floats,
    Invented,
    Kind,
    april,
    invent,
    part,
    simlab,
)
from leaderboard.ranking import (
    Comparisons,
    DavidsonSettings,
    IntervalSettings,
    JointSettings,
    ModelSettings,
    estimate,
    fit,
)

FOLDS = 5
OURS = "joint"


@dataclass(frozen=True)
class Peer:
    name: str
    model: str
    settings: ModelSettings | None = None


JOINT = Peer(OURS, "joint")
PREDICTING = (
    JOINT,
    Peer("joint, main effects", "joint", JointSettings(psi_sd=0, b_sd=0, task_tie_sd=0)),
    Peer("joint, readings taken for independent", "joint", JointSettings(preference_weight=1.0, progress_weight=1.0)),
    Peer("davidson", "davidson"),
    Peer("davidson, one tie habit", "davidson", DavidsonSettings(lab_tie_sd=0, lab_tie_estimated=False)),
    Peer("mixture, 2 buckets", "mixture"),
    Peer("win rate", "win_rate"),
)
RANKING = (
    JOINT,
    Peer("davidson", "davidson"),
    Peer("win rate", "win_rate"),
    Peer("mean progress", "mean_progress"),
    Peer("paired progress", "paired_progress"),
    Peer("elo", "elo"),
)
# What the joint model is held to on the April 2025 data.
GOAL_LOG_LOSS, GOAL_RMSE = 0.842, 0.325
COVERAGE = (
    # sessions, policies, labs, spread of policies between labs, spread between tasks
    (600, 7, 7, 0.0, 0.0),
    (600, 7, 7, 0.5, 0.0),
    (600, 7, 7, 0.5, 0.5),
    (600, 7, 30, 0.0, 0.0),
    (600, 7, 30, 0.5, 0.0),
    (5000, 7, 7, 0.5, 0.3),
    (5000, 20, 30, 0.5, 0.3),
)


# --- Held-out sessions ----------------------------------------------------------------------------------------------


@dataclass
class HeldOut:
    """Per session and in the order of the sessions: the log-loss of the preference; per rollout the squared error of
    progress; the predicted chance of A, and whether it was A."""

    log_loss: list[float] = field(default_factory=list)
    squared: list[float] = field(default_factory=list)
    predicted: list[float] = field(default_factory=list)
    happened: list[bool] = field(default_factory=list)

    def add(self, peer: Peer, train: Comparisons, test: Comparisons) -> None:
        fitted = estimate(train, model=peer.model, settings=peer.settings)
        assert fitted.predict is not None
        p = fitted.predict(test)
        self.log_loss += (-np.log(p[np.arange(len(test)), test.outcome])).tolist()
        self.predicted += p[:, 0].tolist()
        self.happened += (test.outcome == 0).tolist()
        if fitted.predict_progress is not None:
            error = fitted.predict_progress(test) - np.stack([test.progress_a, test.progress_b], axis=1)
            self.squared += (error[~np.isnan(error)] ** 2).tolist()

    @property
    def rmse(self) -> float:
        return float(np.sqrt(np.mean(self.squared))) if self.squared else float("nan")


def folds(peer: Peer, comparisons: Comparisons, seed: int) -> HeldOut:
    fold = np.random.default_rng(seed).permutation(len(comparisons)) % FOLDS
    found = HeldOut()
    for k in range(FOLDS):
        found.add(peer, part(comparisons, fold != k), part(comparisons, fold == k))
    return found


def labs_left_out(peer: Peer, comparisons: Comparisons) -> HeldOut:
    found = HeldOut()
    for g in np.unique(comparisons.lab):
        found.add(peer, part(comparisons, comparisons.lab != g), part(comparisons, comparisons.lab == g))
    return found


def held_out(pool: ProcessPoolExecutor, name: str, comparisons: Comparisons, seeds: int) -> list[Comparison]:
    rows: list[Comparison] = []
    loss, rmse, labs = {}, {}, {}
    for peer in PREDICTING:
        seeds_of_peer = min(seeds, 3) if peer.model == "mixture" else seeds
        found = list(pool.map(folds, *zip(*[(peer, comparisons, seed) for seed in range(seeds_of_peer)], strict=True)))
        loss[peer.name] = float(np.mean([np.mean(one.log_loss) for one in found]))
        rmse[peer.name] = float(np.mean([one.rmse for one in found]))
        labs[peer.name] = float(np.mean(labs_left_out(peer, comparisons).log_loss))
        if peer is JOINT:
            rows += calibration(name, found)
    progress = np.concatenate([comparisons.progress_a, comparisons.progress_b])
    rmse["a constant"] = float(np.nanstd(progress))
    for metric, values in (("log-loss, 5 folds", loss), ("log-loss, lab left out", labs), ("RMSE of progress", rmse)):
        for peer_name, value in values.items():
            if peer_name != OURS and not np.isnan(value):
                rows.append(less_is_better(case=name, metric=metric, peer=peer_name, ours=values[OURS], theirs=value))
    if name == "April 2025":
        for metric, ours, goal in (
            ("log-loss, 5 folds", loss[OURS], GOAL_LOG_LOSS),
            ("RMSE of progress", rmse[OURS], GOAL_RMSE),
        ):
            rows.append(less_is_better(case=name, metric=metric, peer=f"{goal}", ours=ours, theirs=goal, goal=1))
    return rows


def calibration(name: str, found: Sequence[HeldOut]) -> list[Comparison]:
    """In five classes of the predicted chance of A: how often it was expected ("ours"), and how often it came."""
    predicted = np.concatenate([one.predicted for one in found])
    happened = np.concatenate([one.happened for one in found])
    rows = []
    for low in np.arange(0, 1, 0.2):
        here = (predicted >= low) & (predicted < low + 0.2)
        if here.sum() > 20 * len(found):
            case = f"{name}, chance of A {low:.1f} to {low + 0.2:.1f}"
            expected, came = float(predicted[here].mean()), float(happened[here].mean())
            rows.append(
                Comparison(
                    case=case,
                    metric="expected, came",
                    peer="what came",
                    ours=expected,
                    theirs=came,
                    ratio=expected / max(came, 1e-9),
                )
            )
    return rows


# --- Agreement with a truth -----------------------------------------------------------------------------------------


def scores(peer: Peer, comparisons: Comparisons) -> Floats:
    """(P,) with 0 for policies that were not compared."""
    fitted = estimate(comparisons, model=peer.model, settings=peer.settings)
    compared, _ = comparisons.compared()
    by_name = dict(zip(compared.policies, fitted.score.tolist(), strict=True))
    return np.array([by_name.get(policy, 0.0) for policy in comparisons.policies])


def agreements(peers: Sequence[Peer], comparisons: Comparisons, truth: Floats) -> dict[str, tuple[float, float]]:
    """Kendall's tau and Pearson's r of each peer's scores with the truth."""
    found = {}
    for peer in peers:
        score = scores(peer, comparisons)
        found[peer.name] = (float(stats.kendalltau(score, truth)[0]), float(np.corrcoef(score, truth)[0, 1]))
    return found


def subset_of_simlab(n: int, seed: int) -> dict[str, tuple[float, float]]:
    everything = simlab()
    truth = np.array([SIMLAB_POINTS[policy] for policy in everything.policies])
    rows = np.random.default_rng(seed).permutation(len(everything))[:n]
    joint = Peer(OURS, "joint", JointSettings(task_mix=SIMLAB_MIX))
    return agreements((joint, *RANKING[1:]), part(everything, rows), truth)


def subset_of_april(n: int, seed: int) -> dict[str, tuple[float, float]]:
    """With the mean progress of each policy in all other sessions: noisy, but the same for all models."""
    everything = april()
    rows = np.random.default_rng(seed).permutation(len(everything))
    rest = part(everything, rows[n:])
    policy, progress = np.append(rest.policy_a, rest.policy_b), np.append(rest.progress_a, rest.progress_b)
    truth = np.array([np.nanmean(progress[policy == p]) for p in range(everything.n_policies)])
    return agreements(RANKING, part(everything, rows[:n]), truth)


def invented(kind: Kind, n: int, seed: int) -> dict[str, tuple[float, float]]:
    made = invent(np.random.default_rng(seed), kind, n=n)
    joint = Peer(OURS, "joint", JointSettings(task_mix="equal"))
    peers = [joint, *(peer for peer in RANKING[1:] if kind.missing < 1 or "progress" not in peer.model)]
    return agreements(peers, made.comparisons, made.truth)


def agreement(
    pool: ProcessPoolExecutor,
    case: str,
    measure: Callable[..., dict[str, tuple[float, float]]],
    *arguments: object,
    runs: int,
) -> list[Comparison]:
    """The difference to each peer is that of paired runs, with its standard error."""
    calls = zip(*[(*arguments, seed) for seed in range(runs)], strict=True)
    found = list(pool.map(measure, *calls))
    rows = []
    for which, metric in enumerate(("Kendall", "Pearson")):
        ours = np.array([one[OURS][which] for one in found])
        for peer in found[0]:
            if peer == OURS or (metric == "Pearson" and peer != "davidson"):
                continue
            theirs = np.array([one[peer][which] for one in found])
            gain = ours - theirs
            se = float(gain.std(ddof=1) / np.sqrt(gain.size)) if gain.size > 1 else 0.0
            text = f"{metric} ({gain.mean():+.3f} ± {se:.3f})"
            rows.append(
                more_is_better(case=case, metric=text, peer=peer, ours=float(ours.mean()), theirs=float(theirs.mean()))
            )
    return rows


# --- Coverage -------------------------------------------------------------------------------------------------------


def covered(setting: tuple[int, int, int, float, float], seed: int) -> tuple[float, float]:
    """The share of policies whose 95 % interval holds the truth: joint, and Davidson clustered by lab."""
    n, policies, labs, b_sd, psi_sd = setting
    kind = Kind(name="", b_sd=b_sd, psi_sd=psi_sd)
    made = invent(np.random.default_rng(10_000 + seed), kind, n=n, policies=policies, labs=labs)
    quick = IntervalSettings(draws=10)
    joint = JointSettings(task_mix="equal", intervals=replace(quick, method="model"))
    return (
        _share_inside(made, "joint", joint),
        _share_inside(made, "davidson", DavidsonSettings(intervals=quick)),
    )


def _share_inside(made: Invented, model: str, settings: ModelSettings) -> float:
    truth = dict(zip(made.comparisons.policies, made.truth.tolist(), strict=True))
    rows = fit(made.comparisons, model=model, settings=settings).policies
    return float(np.mean([row.low <= truth[row.policy] <= row.high for row in rows]))


def coverage(pool: ProcessPoolExecutor, runs: int) -> list[Comparison]:
    rows = []
    for setting in COVERAGE:
        n, policies, labs, b_sd, psi_sd = setting
        wanted = runs if n < 1000 else max(runs // 2, 2)
        found = 100 * np.array(list(pool.map(covered, *zip(*[(setting, seed) for seed in range(wanted)], strict=True))))
        ours, theirs = found.mean(axis=0)
        se = found[:, 0].std(ddof=1) / np.sqrt(wanted)
        case = f"{n} sessions, {policies} policies, {labs} labs apart by {b_sd}, tasks by {psi_sd}"
        metric = f"covered by 95 % intervals, % (± {se:.1f})"
        rows.append(
            more_is_better(case=case, metric=metric, peer="davidson, by lab", ours=float(ours), theirs=float(theirs))
        )
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="of the folds")
    parser.add_argument("--runs", type=int, default=30, help="of each simulation, fewer where sessions are many")
    options = parser.parse_args()
    # The matrices are small: threads would only wait for each other. Two processes do more.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        rows = held_out(pool, "April 2025", april(), options.seeds)
        rows += held_out(pool, "simulated labs", simlab(), max(options.seeds // 4, 1))
        for n in (100, 200, 400):
            rows += agreement(pool, f"April 2025, {n} sessions", subset_of_april, n, runs=options.runs)
        for n in (100, 200, 400, 800):
            rows += agreement(pool, f"simulated labs, {n} sessions", subset_of_simlab, n, runs=options.runs)
        rows += agreement(pool, "simulated labs, all", subset_of_simlab, 1600, runs=1)
        for kind in KINDS:
            for n, share in ((50, 1.0), (200, 1.0), (1000, 0.5), (5000, 0.2)):
                runs = max(round(options.runs * share), 2)
                rows += agreement(pool, f"{kind.name}, {n} sessions", invented, kind, n, runs=runs)
        rows += coverage(pool, options.runs)
    return report("ranking_accuracy", rows)


if __name__ == "__main__":
    sys.exit(main())
