"""What the joint model says about tasks and labs: how hard they are, and what progress to expect under a task mix."""

import numpy as np
from scipy import special, stats

from leaderboard.ranking.comparisons import Comparisons, FloatArray, IntArray
from leaderboard.ranking.estimate import LabResult, TaskResult
from leaderboard.ranking.joint_fit import Fitted
from leaderboard.ranking.joint_layout import MU, MU_LAB

# A logistic curve averaged over a normal shift of variance v is nearly the curve at eta / sqrt(1 + v x this).
LOGISTIC_NORMAL = (16 * np.sqrt(3) / (15 * np.pi)) ** 2
LEVEL = 0.95


def expected_progress(fitted: Fitted, V: FloatArray, w: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(P,) mean progress under the task mix in an unseen lab with sessions as easy as the average, and its se."""
    objective, at = fitted.objective, fitted.point.at.shared
    layout, rows = objective.layout, objective.readings
    P, k = layout.n_policies, objective.k
    met = (np.bincount(rows.policy_a, rows.n, P) + np.bincount(rows.policy_b, rows.n, P)) / rows.n.sum()
    mean, slope = np.zeros(P), np.zeros((P, layout.shared_size))
    for category, share in enumerate(w) if w.size else [(-1, 1.0)]:
        by = np.zeros((P, layout.shared_size))
        by[:, MU] = 1.0
        by[:, layout.a] = met
        by[:, layout.theta] = k * np.eye(P)
        by[:, layout.own] = np.eye(P)
        if category >= 0:
            by[:, layout.mu_c.start + category] = 1.0
            if layout.with_psi:
                by[:, layout.psi.start + category * P + np.arange(P)] += k * np.eye(P)
        by /= np.sqrt(1 + LOGISTIC_NORMAL * ((k * fitted.spreads.b) ** 2 + fitted.spreads.lab**2))
        m = special.expit(by @ at)
        mean += share * m
        slope += share * (m * (1 - m))[:, None] * by
    return mean, np.sqrt(np.einsum("pk,kl,pl->p", slope, V, slope, optimize=True))


def task_results(fitted: Fitted, V: FloatArray, w: FloatArray, comparisons: Comparisons) -> tuple[TaskResult, ...]:
    """Each category, the hardest first. Ties in difficulty, and all without progress, go by name."""
    objective = fitted.objective
    layout, rows = objective.layout, objective.readings
    C = layout.n_categories
    if not C:
        return ()
    L = np.eye(C) - 1 / C
    difficulty = -L @ fitted.point.at.shared[layout.mu_c]
    se = np.sqrt(np.diag(L @ V[layout.mu_c, layout.mu_c] @ L.T))
    z = float(stats.norm.ppf((1 + LEVEL) / 2))
    n, known, progress = (_by_category(rows.category, x, C) for x in (rows.n, rows.known.sum(0), rows.progress.sum(0)))
    shown = bool(rows.known.sum()) and fitted.spreads.category > 0
    results = [
        TaskResult(
            category=rows.categories[c],
            n=int(n[c]),
            share=float(w[c]),
            difficulty=float(difficulty[c]) if shown else None,
            se=float(se[c]) if shown else None,
            low=float(difficulty[c] - z * se[c]) if shown else None,
            high=float(difficulty[c] + z * se[c]) if shown else None,
            mean_progress=float(progress[c] / known[c]) if known[c] else None,
        )
        for c in range(C)
    ]
    return tuple(sorted(results, key=lambda task: (-(task.difficulty or 0.0), task.category)))


def lab_results(fitted: Fitted, V: FloatArray, comparisons: Comparisons) -> tuple[LabResult, ...]:
    """Each lab that took part, by name."""
    objective, at = fitted.objective, fitted.point.at
    layout, rows = objective.layout, objective.readings
    n = np.bincount(rows.lab, rows.n, layout.n_labs)
    shown = bool(rows.known.sum()) and fitted.spreads.lab > 0
    se = np.sqrt(fitted.factor.lab_variances(slice(MU_LAB, MU_LAB + 1))[:, 0])
    hard = np.append(-at.shared[layout.mu_c], 0.0)
    if layout.n_categories:
        hard[:-1] -= hard[:-1].mean()
    known = rows.n * (rows.category >= 0)
    mixed, of = (np.bincount(rows.lab, x, layout.n_labs) for x in (known * hard[rows.category], known))
    return tuple(
        LabResult(
            lab=comparisons.labs[g],
            n=int(n[g]),
            difficulty=float(-at.labs[g, MU_LAB]) if shown else None,
            se=float(se[g]) if shown else None,
            mix_difficulty=float(mixed[g] / of[g]) if shown and of[g] else None,
        )
        for g in np.flatnonzero(n)
    )


def _by_category(category: IntArray, values: FloatArray, C: int) -> FloatArray:
    known = category >= 0
    return np.bincount(category[known], values[known], C).astype(np.float64)
