"""One contestant of the ranking benchmark, in a process and an environment of its own.

    python benchmarks/ranking_contestants.py NAME COMPARISONS.npz ROUNDS

Prints one JSON object: seconds of the first and of the best round, the most memory that a round took beyond what was in
use before (MB), the scores, and whether there are intervals. What a contestant wants its input to be like is prepared
before the clock starts, from arrays of integer keys.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Arrays = dict[str, Any]
Round = Callable[[], Any]
"""Computes the scores, and the intervals where there are any; returns the scores in the order of the keys."""


def comparisons_of(data: Arrays) -> Any:
    from leaderboard.ranking import Comparisons
    from leaderboard.ranking.comparisons import no_progress

    missing = no_progress(len(data["a"]))
    return Comparisons(
        policies=tuple(f"policy {p:04}" for p in range(int(data["policies"]))),
        labs=tuple(f"lab {g:04}" for g in range(int(data["labs"]))),
        policy_a=data["a"],
        policy_b=data["b"],
        outcome=data["outcome"],
        lab=data["lab"],
        progress_a=missing,
        progress_b=missing,
    )


def davidson(data: Arrays, **settings: Any) -> Round:
    """Ours: scores with their covariance, tie habits by lab, intervals clustered by lab."""
    from leaderboard.ranking import DavidsonSettings
    from leaderboard.ranking import davidson_dense as model
    from leaderboard.ranking.diagnostics import components
    from leaderboard.ranking.intervals import uncertainty

    chosen = DavidsonSettings(**settings)

    def compute() -> Any:
        comparisons = comparisons_of(data)
        cells = comparisons.cells()
        component = components(cells, n_policies=comparisons.n_policies)
        estimate = model.estimate(comparisons, cells, component, chosen)
        uncertainty(estimate, chosen.intervals, labs=comparisons.n_labs)
        return estimate.score

    return compute


def davidson_one_tie_habit(data: Arrays) -> Round:
    """Ours, with one tie parameter for all labs as the peers that know ties have it; still clustered by lab."""
    return davidson(data, lab_tie_sd=0.0, lab_tie_estimated=False)


def davidson_ranked(data: Arrays) -> Round:
    """Ours, all of it: with rank ranges that hold at once, group letters, pairwise probabilities, diagnostics."""
    from leaderboard.ranking import fit

    def compute() -> Any:
        result = fit(comparisons_of(data), model="davidson")
        return [row.score for row in sorted(result.policies, key=lambda row: row.policy)]

    return compute


def joint_april(data: Arrays) -> Round:
    """Ours, the boards' model: 612 real sessions of 7 policies."""
    from benchmarks.ranking_data import april

    return _joint(april())


def joint_large(data: Arrays, *, warm: bool = False) -> Round:
    """Ours, the boards' model: 50,000 sessions of 100 policies in 30 labs, 11 kinds of task, all effects."""
    from benchmarks.ranking_data import Kind, invent

    kind = Kind(name="large", psi_sd=0.3, b_sd=0.3, mixes=True)
    made = invent(np.random.default_rng(0), kind, n=50_000, policies=100, labs=30, tasks=11)
    return _joint(made.comparisons, warm=warm)


def joint_large_warm(data: Arrays) -> Round:
    """The same, starting at the spreads that an earlier fit found, as a board's next snapshot does."""
    return joint_large(data, warm=True)


def _joint(comparisons: Any, *, warm: bool = False) -> Round:
    from leaderboard.ranking import JointSettings, estimate
    from leaderboard.ranking.joint_settings import warmed

    settings = JointSettings()
    if warm:
        settings = warmed(settings, estimate(comparisons, model="joint", settings=settings).parameters)
    return lambda: estimate(comparisons, model="joint", settings=settings).score


def evalica(data: Arrays) -> Round:
    """Newman's algorithm, which is Davidson's model; no covariance. The index is given, as the keys are known."""
    import pandas as pd
    from evalica import Winner, newman

    words = (Winner.X, Winner.Draw, Winner.Y)
    winners = [words[outcome] for outcome in data["outcome"].tolist()]
    index = pd.RangeIndex(int(data["policies"]))

    def compute() -> Any:
        return np.log(newman(data["a"], data["b"], winners, index=index).scores.sort_index().to_numpy())

    return compute


def choix(data: Arrays) -> Round:
    """Iterative Luce spectral ranking of a matrix of wins, a tie being half a win for both. No covariance."""
    from choix import ilsr_pairwise_dense

    policies = int(data["policies"])

    def compute() -> Any:
        share = 1 - data["outcome"] / 2
        forward, backward = (
            np.bincount(data["a"] * policies + data["b"], weight, policies**2) for weight in (share, 1 - share)
        )
        wins = forward.reshape(policies, policies) + backward.reshape(policies, policies).T
        return ilsr_pairwise_dense(wins, alpha=1e-6)

    return compute


def arena_rank(data: Arrays) -> Round:
    """Bradley-Terry, a tie being half a win for both, with sandwich intervals that take comparisons as independent."""
    import pandas as pd
    from arena_rank.models.bradley_terry import BradleyTerry
    from arena_rank.utils.data_utils import PairDataset

    words = np.array(["model_a", "tie", "model_b"])
    battles = pd.DataFrame({"model_a": data["a"], "model_b": data["b"], "winner": words[data["outcome"]]})

    def compute() -> Any:
        dataset = PairDataset.from_pandas(battles)
        found = BradleyTerry(n_competitors=len(dataset.competitors)).compute_ratings_and_cis(dataset)
        np.asarray(found["rating_lower"])
        return np.asarray(found["ratings"])

    return compute


def sklearn(data: Arrays) -> Round:
    """Logistic regression on a sparse matrix of one row a comparison, two half ones for a tie. No covariance."""
    from scipy.sparse import csr_array
    from sklearn.linear_model import LogisticRegression

    policies = int(data["policies"])

    def compute() -> Any:
        tie = data["outcome"] == 1
        a, b = (np.concatenate([data[side], data[side][tie]]) for side in ("a", "b"))
        a_wins = np.concatenate([data["outcome"] < 2, np.zeros(tie.sum(), dtype=bool)])
        weight = np.concatenate([np.where(tie, 0.5, 1.0), np.full(tie.sum(), 0.5)])
        row = np.arange(a.size)
        sides = (np.tile([1.0, -1.0], a.size), (np.repeat(row, 2), np.column_stack([a, b]).ravel()))
        design = csr_array(sides, shape=(a.size, policies))
        return LogisticRegression(fit_intercept=False, C=100.0, max_iter=1000).fit(design, a_wins, weight).coef_[0]

    return compute


CONTESTANTS: dict[str, tuple[Callable[[Arrays], Round], bool]] = {
    "davidson": (davidson, True),
    "davidson, one tie habit": (davidson_one_tie_habit, True),
    "davidson, ranked": (davidson_ranked, True),
    "joint, 612 sessions of 7 policies": (joint_april, True),
    "joint, 50,000 sessions of 100 policies": (joint_large, True),
    "joint, 50,000 sessions of 100 policies, warm": (joint_large_warm, True),
    "evalica": (evalica, False),
    "choix": (choix, False),
    "arena-rank": (arena_rank, True),
    "scikit-learn": (sklearn, False),
}


def in_use() -> float:
    """MB of memory that are resident now."""
    return _status("VmRSS")


def forget_the_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> float:
    """MB, since the peak was last forgotten."""
    return _status("VmHWM")


def _status(key: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{key}:"))


def main(name: str, path: str, rounds: int) -> None:
    prepare, has_intervals = CONTESTANTS[name]
    with np.load(path) as stored:
        data = {key: stored[key] for key in stored.files}
    compute = prepare(data)
    seconds, memory = [], 0.0
    scores: Any = None
    for _ in range(rounds):
        before = in_use()
        forget_the_peak()
        start = time.perf_counter()
        scores = compute()
        seconds.append(time.perf_counter() - start)
        memory = max(memory, peak() - before)
    centred = np.asarray(scores, dtype=np.float64)
    centred = centred - centred.mean()
    found = {"first": seconds[0], "best": min(seconds), "memory": memory, "intervals": has_intervals}
    print(json.dumps(found | {"scores": centred.tolist()}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
