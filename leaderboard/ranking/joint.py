"""The joint model: preference and progress as two readings of one ability, with tasks and labs taken into account.

Policy p on a task of category c in lab g has the ability

    u = theta_p + psi_pc + b_pg        theta ~ N(0, theta_sd²)    psi ~ N(0, s_psi²)    b ~ N(0, s_b²)

Preference, of policy i on side A over policy j on side B (Davidson; ties depend on the lab's habit and on the task):

    P(A), P(TIE), P(B) = softmax(h, t, -h)    h = (u_i - u_j - delta) / 2    t = log 2 + lnu_0 + lnu_g + lnu_c

Progress s in [0, 1], by its mean only, so that point masses at 0 and 1 do no harm (fractional logit; Papke and
Wooldridge 1996, J. Appl. Econometrics 11:619-632):

    eta = mu + mu_c + mu_g + a_i + a_j + k u_p + d_p ∓ delta_s / 2        log-lik: sum s eta - log(1 + e^eta)

mu_c and mu_g are the easiness of the task and of the lab's scenes; a_p that of the sessions which p meets (Mundlak
1978, Econometrica 46:69-85): where pairs meet at random s_a goes to 0 and progress is compared between sessions too,
where strong policies get hard tasks s_a grows and only differences within a session count. d_p is what progress shows
of p and preferences do not: where the two readings disagree about the policies s_d grows, and preferences decide. What
is maximised:

    Q = w_y log-lik of preferences + (w_s / phi) log-lik of progress - sum (effect - mean)² / (2 s²)

phi is the dispersion of progress. k, the scale of progress, and the weights w, which keep the two readings of one
session from being counted as two sessions, come from each reading fitted alone, without psi and b (`joint_weights`),
and are then held: left free together with the effects, k runs away. All spreads s are estimated by empirical Bayes.

The score is ability under a declared task mix w in an unseen lab: S_p = theta_p + sum_c w_c psi_pc, centred.
"""

from dataclasses import replace
from functools import partial

import numpy as np

from leaderboard.ranking.comparisons import Cells, Comparisons, FloatArray, IntArray, by_evaluator_and_lab
from leaderboard.ranking.davidson import centring, pairwise
from leaderboard.ranking.errors import InvalidSettings
from leaderboard.ranking.estimate import Estimate, OrderEffect, TieHabits
from leaderboard.ranking.joint_fit import (
    Fitted,
    Spreads,
    Start,
    fit_stage,
    joined,
    start_position,
    widened,
    with_a_stranger,
)
from leaderboard.ranking.joint_layout import B_POLICY, DELTA, LNU, LNU_0, Layout
from leaderboard.ranking.joint_objective import Point, Weights
from leaderboard.ranking.joint_settings import JointSettings
from leaderboard.ranking.joint_tables import Places
from leaderboard.ranking.joint_tasks import expected_progress, lab_results, task_results
from leaderboard.ranking.joint_weights import paired, preference_alone, relate, weigh
from leaderboard.ranking.readings import Readings, add_up, one_by_one, progress_varies

# Of a reading alone, scores have this standard deviation a priori: hardly any hold.
ALONE_SD = 3.0


def estimate(comparisons: Comparisons, cells: Cells, component: IntArray, settings: JointSettings) -> Estimate:
    """The fitted model. Where progress is missing everywhere, or the same everywhere, preferences alone decide."""
    readings = add_up(comparisons, use_progress=progress_varies(comparisons))
    first, fitted = fit_stages(comparisons, readings, settings)
    w = task_mix(readings, settings)
    return summary(comparisons, component, first, fitted, w)


def fit_stages(comparisons: Comparisons, readings: Readings, settings: JointSettings) -> tuple[Fitted, Fitted]:
    """The model without psi and b, and with them. k, the weights and d's spread come from each reading alone."""
    P, G, C = comparisons.n_policies, comparisons.n_labs, len(readings.categories)
    main = Layout(P, G, C, with_psi=False, with_b=False)
    k, weights, start = readings_related(readings, main, settings)
    # Only a start, and the scores without tasks: the spreads that each reading found alone will do.
    as_found = replace(settings, spreads_estimated=False)
    first = fit_stage(readings, main, as_found, start=start, weights=weights, k=k)
    several_labs = np.unique(readings.lab).size > 1
    full = Layout(P, G, C, with_psi=C > 0 and settings.psi_sd > 0, with_b=several_labs and settings.b_sd > 0)
    spreads = replace(first.spreads, psi=settings.psi_sd * full.with_psi, b=settings.b_sd * full.with_b)
    start = Start(spreads, widened(first.point.at, main, full), first.objective.phi)
    return first, fit_stage(readings, full, settings, start=start, weights=weights, k=k)


def readings_related(readings: Readings, main: Layout, settings: JointSettings) -> tuple[float, Weights, Start]:
    """k, the weights, and where the model of both readings starts: at what each says alone."""
    alone = replace(settings, theta_sd=ALONE_SD)
    start = Start(_spreads(settings, preference=True), start_position(readings, main))
    preference = fit_stage(readings, main, alone, start=start, weights=Weights(1.0, 0.0), k=1.0)
    if not readings.known.sum():
        weights = _held(settings) or preference_alone(preference)
        return 1.0, weights, Start(preference.spreads, preference.point.at)
    start = Start(_spreads(settings, progress=True), start_position(readings, main))
    progress = fit_stage(readings, main, alone, start=start, weights=Weights(0.0, 1.0), k=1.0)
    pair = paired(preference, progress)
    relation = relate(pair, scale_sd=settings.scale_sd, with_own=settings.own_progress_sd > 0)
    k = settings.scale or relation.k
    own = relation.own if settings.spreads_estimated else settings.own_progress_sd
    weights = _held(settings) or weigh(pair, k=k, own=own)
    spreads = replace(
        preference.spreads,
        a=progress.spreads.a,
        category=progress.spreads.category,
        lab=progress.spreads.lab,
        own=own,
    )
    at = joined(preference.point.at, progress.point.at, main)
    return k, weights, Start(spreads, at, progress.objective.phi)


def _held(settings: JointSettings) -> Weights | None:
    if settings.preference_weight is None or settings.progress_weight is None:
        return None
    return Weights(settings.preference_weight, settings.progress_weight)


def _spreads(settings: JointSettings, *, preference: bool = False, progress: bool = False) -> Spreads:
    """Where the spreads of one reading's effects start; those of the other's are 0."""
    return Spreads(
        psi=0.0,
        b=0.0,
        a=settings.a_sd * progress,
        tie=settings.lab_tie_sd * preference,
        category=settings.category_sd * progress,
        lab=settings.lab_sd * progress,
        tie_category=settings.task_tie_sd * preference,
        own=0.0,
    )


def task_mix(readings: Readings, settings: JointSettings) -> FloatArray:
    """(C,) the shares of the categories in the mix that the score is for; they sum to 1."""
    categories, mix = readings.categories, settings.task_mix
    if not categories:
        return np.zeros(0)
    if mix == "pool":
        known = readings.category >= 0
        shares = np.bincount(readings.category[known], readings.n[known], len(categories)).astype(np.float64)
    elif isinstance(mix, str):
        shares = np.ones(len(categories))
    else:
        shares = np.array([mix.get(name, 0.0) for name in categories])
        if not shares.sum() > 0:
            raise InvalidSettings("mix_without_tasks", "No task of the declared mix occurs in these comparisons.")
    normalised: FloatArray = shares / shares.sum()
    return normalised


def summary(comparisons: Comparisons, component: IntArray, first: Fitted, fitted: Fitted, w: FloatArray) -> Estimate:
    layout, at, rows = fitted.objective.layout, fitted.point.at, fitted.objective.readings
    L = score_matrix(layout, component, w)
    V = fitted.factor.shared_covariance()
    covariance = L @ V @ L.T
    score = L @ at.shared
    win, tie = pairwise(score, float(at.shared[LNU_0]))
    progress, progress_se = expected_progress(fitted, V, w)
    shown = bool(rows.known.sum())
    return Estimate(
        score=score,
        covariance=covariance,
        influence=influence(fitted, L),
        win=win,
        tie=tie,
        ties=_tie_habits(comparisons, fitted),
        order=OrderEffect(
            delta=float(at.shared[DELTA]), se=float(np.sqrt(fitted.objective.weights.preference * V[DELTA, DELTA]))
        ),
        log_likelihood=fitted.point.log_likelihood,
        lab_effects=True,
        df=degrees_of_freedom(fitted, L, covariance),
        evaluator_influence=partial(evaluator_influence, fitted, L),
        predict=partial(_predict, fitted, comparisons.policies),
        predict_progress=partial(_predict_progress, fitted, comparisons.policies) if shown else None,
        unadjusted=centring(component) @ first.point.at.shared[first.objective.layout.theta],
        expected_progress=progress if shown else None,
        expected_progress_se=progress_se if shown else None,
        tasks=task_results(fitted, V, w, comparisons),
        labs=lab_results(fitted, V, comparisons),
        parameters=_parameters(fitted),
        missing={} if shown else {"expected_progress": "No progress that differs between rollouts is known."},
    )


def score_matrix(layout: Layout, component: IntArray, w: FloatArray) -> FloatArray:
    """L (P, K0): scores from the shared parameters."""
    P = layout.n_policies
    uncentred = np.zeros((P, layout.shared_size))
    uncentred[:, layout.theta] = np.eye(P)
    if layout.with_psi:
        uncentred[:, layout.psi] = np.kron(w, np.eye(P))
    L: FloatArray = centring(component) @ uncentred
    return L


def influence(fitted: Fitted, L: FloatArray) -> FloatArray:
    """(G, P): the step of the scores if a lab's sessions were not there, turned round: L H^-1 S_g."""
    shared, own = fitted.objective.gradients(fitted.point)
    G = fitted.objective.layout.n_labs
    return fitted.factor.solve_shared(shared, own, group=np.arange(G), lab=np.arange(G), groups=G) @ L.T


def evaluator_influence(fitted: Fitted, L: FloatArray, comparisons: Comparisons) -> FloatArray:
    """(E, P), as `influence`: for the sessions of each evaluator."""
    G, objective = comparisons.n_labs, fitted.objective
    has_progress = bool(objective.readings.known.sum())
    rows = add_up(by_evaluator_and_lab(comparisons), use_progress=has_progress)
    pairs, pair = np.unique(rows.lab, return_inverse=True)
    own = objective.elsewhere(replace(rows, lab=rows.lab % G))
    by_pair = replace(own.places, lab=pair, groups=pairs.size)
    shared, labs = own.gradients(own.point(fitted.point.at), by_pair)
    evaluator, lab = np.divmod(pairs, G)
    return fitted.factor.solve_shared(shared, labs, group=evaluator, lab=lab, groups=len(comparisons.evaluators)) @ L.T


def degrees_of_freedom(fitted: Fitted, L: FloatArray, covariance: FloatArray) -> float | None:
    """Satterthwaite's, of the variances of the scores together: what labs do to them has G - 1, the rest many.

    The part of labs is what the variance exceeds that without b by. Satterthwaite (1946), Biometrics Bull. 2:110-114.
    """
    layout = fitted.objective.layout
    if not layout.with_b:
        return None
    G = np.unique(fitted.objective.readings.lab).size
    n = float(fitted.objective.readings.n.sum())
    without = fitted.arrow.without(slice(0, B_POLICY)).factor().shared_covariance()
    total, rest = float(np.trace(covariance)), float(np.trace(L @ without @ L.T))
    by_labs = max(total - rest, 0.0)
    spread = by_labs**2 / (G - 1) + (total - by_labs) ** 2 / max(n - layout.n_policies, G - 1)
    return max(total**2 / spread, G - 1.0) if spread > 0 else None


def _tie_habits(comparisons: Comparisons, fitted: Fitted) -> TieHabits:
    at = fitted.point.at
    present = np.unique(fitted.objective.readings.lab)
    lnu = at.shared[LNU_0] + at.labs[:, LNU]
    return TieHabits(
        nu=float(np.exp(at.shared[LNU_0])),
        by_lab={comparisons.labs[g]: float(np.exp(lnu[g])) for g in present},
        spread=fitted.spreads.tie,
    )


def _parameters(fitted: Fitted) -> dict[str, float]:
    objective, spreads = fitted.objective, fitted.spreads
    return {
        "scale": objective.k,
        "dispersion": objective.phi,
        "weight_preference": objective.weights.preference,
        "weight_progress": objective.weights.progress,
        "objective": fitted.point.value,
        "spread_policy_by_task": spreads.psi,
        "spread_policy_by_lab": spreads.b,
        "spread_sessions_met": spreads.a,
        "spread_ties_by_lab": spreads.tie,
        "spread_tasks": spreads.category,
        "spread_labs": spreads.lab,
        "spread_ties_by_task": spreads.tie_category,
        "spread_own_progress": spreads.own,
    }


def _predict(fitted: Fitted, policies: tuple[str, ...], comparisons: Comparisons) -> FloatArray:
    return _elsewhere(fitted, policies, comparisons).p.T


def _predict_progress(fitted: Fitted, policies: tuple[str, ...], comparisons: Comparisons) -> FloatArray:
    return _elsewhere(fitted, policies, comparisons).means.T


def _elsewhere(fitted: Fitted, policies: tuple[str, ...], comparisons: Comparisons) -> Point:
    """The fitted model at other sessions, with one more policy for all that it does not know: average everywhere."""
    objective, old = fitted.objective, fitted.objective.layout
    rows = one_by_one(comparisons, policies, objective.readings.categories)
    layout = replace(old, n_policies=old.n_policies + 1)
    at = with_a_stranger(fitted.point.at, old, layout)
    return replace(
        objective,
        readings=rows,
        places=Places.of(rows, layout),
        mean=np.zeros(layout.shared_size),
        precision=np.zeros(layout.shared_size),
        lab_precision=np.zeros(layout.lab_size),
    ).point(at)
