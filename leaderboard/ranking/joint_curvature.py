"""The curvature of the joint model, put together from tables of sums.

What the rows add for theta, psi and b are the same numbers, summed over labs and categories, over labs, or over
categories: see `joint_tables`. So the rows are added up once, and the blocks are sums of these tables.
"""

from dataclasses import dataclass

import numpy as np

from leaderboard.ranking.arrow import Arrow
from leaderboard.ranking.comparisons import FloatArray, IntArray
from leaderboard.ranking.joint_layout import B_POLICY, DELTA, DELTA_S, LNU, LNU_0, MU, MU_LAB
from leaderboard.ranking.joint_tables import Places


@dataclass(frozen=True, eq=False)
class Variances:
    """(m,) each: (co)variances of what the rows' readings say of h, of h with t, of t; of progress on A and on B."""

    hh: FloatArray
    ht: FloatArray
    tt: FloatArray
    a: FloatArray
    b: FloatArray


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums over rows. By lab and category (G, C + 1): s progress of both sides, d of B less A, halved; tt, ht, hh.

    By lab, category and policy (G, C + 1, P): own progress; tilt, the same by what side B gains; meets and lean, s and
    d of the sessions in which it took part; contest, of ht; edge, of hh by what side A loses; fight, of hh.
    """

    s: FloatArray
    d: FloatArray
    tt: FloatArray
    ht: FloatArray
    hh: FloatArray
    own: FloatArray
    tilt: FloatArray
    meets: FloatArray
    lean: FloatArray
    contest: FloatArray
    edge: FloatArray
    fight: FloatArray


def sums(places: Places, v: Variances) -> Sums:
    s, d, quarter = v.a + v.b, (v.b - v.a) / 2, v.hh / 4
    return Sums(
        s=places.by_cell(s),
        d=places.by_cell(d),
        tt=places.by_cell(v.tt),
        ht=places.by_cell(v.ht),
        hh=places.by_cell(v.hh),
        own=places.by_policy(v.a, v.b),
        tilt=places.by_policy(-v.a / 2, v.b / 2),
        meets=places.by_policy(s, s),
        lean=places.by_policy(d, d),
        contest=places.by_policy(v.ht / 2, -v.ht / 2),
        edge=places.by_policy(-quarter, quarter),
        fight=places.by_policy(quarter, quarter),
    )


def curvature(places: Places, v: Variances, k: float) -> Arrow:
    """The negative Hessian of Q without the priors."""
    total = sums(places, v)
    layout = places.layout
    G, C1 = layout.n_labs, layout.n_categories + 1
    # Ability with ability: by lab and category where both effects are there, else only as far as it is needed.
    group: IntArray | int = 0
    shape = (G if layout.with_b else 1, C1 if layout.with_psi else 1)
    if layout.with_psi:
        group = group + places.category
    if layout.with_b:
        group = group + places.lab * shape[1]
    P = layout.n_policies
    duel = places.by_pair(group, shape[0] * shape[1], -v.hh / 4, -v.hh / 4).reshape(*shape, P, P)
    diagonal = k**2 * total.own + total.fight
    for axis, size in enumerate(shape):
        if size == 1:
            diagonal = diagonal.sum(axis=axis, keepdims=True)
    np.einsum("gcpp->gcp", duel)[...] += diagonal
    shared = _shared(places, v, total, duel, k)
    cross, labs = _of_labs(places, v, total, duel, k)
    return Arrow(shared, cross, labs)


def _with_easiness(places: Places, v: Variances, own: FloatArray, group: IntArray | int) -> FloatArray:
    """(groups, P, P): progress of the row policy in sessions that the column policy met. own: (groups, P)."""
    table = places.by_pair(group, len(own), v.a, v.b)
    np.einsum("gpp->gp", table)[...] += own
    return table


def _shared(places: Places, v: Variances, total: Sums, duel: FloatArray, k: float) -> FloatArray:
    layout = places.layout
    C = layout.n_categories
    theta, a, own, mu_c, lnu_c = layout.theta, layout.a, layout.own, layout.mu_c, layout.lnu_c
    by_category = {name: values.sum(axis=0)[:C] for name, values in vars(total).items()}
    by_policy = {name: values.sum(axis=(0, 1)) for name, values in vars(total).items() if values.ndim == 3}
    H = np.zeros((layout.shared_size, layout.shared_size))
    H[DELTA, DELTA], H[DELTA, LNU_0], H[LNU_0, LNU_0] = total.hh.sum() / 4, -total.ht.sum() / 2, total.tt.sum()
    H[MU, MU], H[MU, DELTA_S], H[DELTA_S, DELTA_S] = total.s.sum(), total.d.sum(), total.s.sum() / 4
    for place, effect, values in (
        (DELTA, theta, by_policy["edge"]),
        (LNU_0, theta, by_policy["contest"]),
        (MU, theta, k * by_policy["own"]),
        (DELTA_S, theta, k * by_policy["tilt"]),
        (MU, a, by_policy["meets"]),
        (DELTA_S, a, by_policy["lean"]),
        (MU, own, by_policy["own"]),
        (DELTA_S, own, by_policy["tilt"]),
        (MU, mu_c, by_category["s"]),
        (DELTA_S, mu_c, by_category["d"]),
        (LNU_0, lnu_c, by_category["tt"]),
        (DELTA, lnu_c, -by_category["ht"] / 2),
    ):
        H[place, effect] = values
    meeting = _with_easiness(places, v, by_policy["own"][None], 0)[0]
    together = places.by_pair(0, 1, v.a + v.b, v.a + v.b)[0] + np.diag(by_policy["meets"])
    H[theta, theta] = duel.sum(axis=(0, 1))
    H[theta, a], H[theta, own] = k * meeting, k * np.diag(by_policy["own"])
    H[a, a], H[a, own], H[own, own] = together, meeting.T, np.diag(by_policy["own"])
    H[theta, mu_c], H[theta, lnu_c] = k * by_category["own"].T, by_category["contest"].T
    H[a, mu_c], H[own, mu_c] = by_category["meets"].T, by_category["own"].T
    H[mu_c, mu_c], H[lnu_c, lnu_c] = np.diag(by_category["s"]), np.diag(by_category["tt"])
    if layout.with_psi and C:
        _put_psi(H, places, v, total, duel, k)
    return np.triu(H) + np.triu(H, 1).T


def _put_psi(H: FloatArray, places: Places, v: Variances, total: Sums, duel: FloatArray, k: float) -> None:
    """The columns of psi, above the diagonal."""
    layout = places.layout
    P, C = layout.n_policies, layout.n_categories
    by_task = duel.sum(axis=0)[:C]
    own, tilt, contest, edge = (getattr(total, name).sum(axis=0) for name in ("own", "tilt", "contest", "edge"))
    meeting = _with_easiness(places, v, own, places.category)[:C]
    own, tilt, contest, edge = own[:C], tilt[:C], contest[:C], edge[:C]
    psi, each, task = layout.psi, np.arange(P), np.arange(C)
    for place, values in ((DELTA, edge), (LNU_0, contest), (MU, k * own), (DELTA_S, k * tilt)):
        H[place, psi] = values.ravel()
    H[layout.theta, psi] = by_task.transpose(1, 0, 2).reshape(P, C * P)
    H[layout.a, psi] = k * meeting.transpose(2, 0, 1).reshape(P, C * P)
    block = np.zeros((P, C, P))
    block[each, :, each] = k * own.T
    H[layout.own, psi] = block.reshape(P, C * P)
    for effect, values in ((layout.mu_c, k * own), (layout.lnu_c, contest)):
        block = np.zeros((C, C, P))
        block[task, task] = values
        H[effect, psi] = block.reshape(C, C * P)
    block = np.zeros((C, P, C, P))
    block[task, :, task] = by_task
    H[psi, psi] = block.reshape(C * P, C * P)


def _of_labs(places: Places, v: Variances, total: Sums, duel: FloatArray, k: float) -> tuple[FloatArray, FloatArray]:
    layout = places.layout
    G, C, P = layout.n_labs, layout.n_categories, layout.n_policies
    theta, a, own, mu_c, lnu_c, psi, b = (
        layout.theta, layout.a, layout.own, layout.mu_c, layout.lnu_c, layout.psi, layout.b,
    )  # fmt: skip
    of_lab = {name: getattr(total, name).sum(axis=1) for name in vars(total)}
    cross = np.zeros((G, layout.lab_size, layout.shared_size))
    labs = np.zeros((G, layout.lab_size, layout.lab_size))
    cross[:, LNU, LNU_0], cross[:, LNU, DELTA] = of_lab["tt"], -of_lab["ht"] / 2
    cross[:, LNU, theta], cross[:, LNU, lnu_c] = of_lab["contest"], total.tt[:, :C]
    cross[:, MU_LAB, MU], cross[:, MU_LAB, DELTA_S] = of_lab["s"], of_lab["d"]
    cross[:, MU_LAB, theta], cross[:, MU_LAB, own] = k * of_lab["own"], of_lab["own"]
    cross[:, MU_LAB, a], cross[:, MU_LAB, mu_c] = of_lab["meets"], total.s[:, :C]
    labs[:, LNU, LNU], labs[:, MU_LAB, MU_LAB] = of_lab["tt"], of_lab["s"]
    if layout.with_psi:
        cross[:, LNU, psi] = total.contest[:, :C].reshape(G, C * P)
        cross[:, MU_LAB, psi] = k * total.own[:, :C].reshape(G, C * P)
    if not layout.with_b:
        return cross, labs
    each, by_lab = np.arange(P), duel.sum(axis=1)
    for place, values in (
        (DELTA, of_lab["edge"]),
        (LNU_0, of_lab["contest"]),
        (MU, k * of_lab["own"]),
        (DELTA_S, k * of_lab["tilt"]),
    ):
        cross[:, b, place] = values
    cross[:, b, theta] = by_lab
    cross[:, b, a] = k * _with_easiness(places, v, of_lab["own"], places.lab)
    cross[:, B_POLICY + each, own.start + each] = k * of_lab["own"]
    cross[:, b, mu_c] = k * total.own[:, :C].transpose(0, 2, 1)
    cross[:, b, lnu_c] = total.contest[:, :C].transpose(0, 2, 1)
    if layout.with_psi:
        cross[:, b, psi] = duel[:, :C].transpose(0, 2, 1, 3).reshape(G, P, C * P)
    labs[:, b, LNU] = labs[:, LNU, b] = of_lab["contest"]
    labs[:, b, MU_LAB] = labs[:, MU_LAB, b] = k * of_lab["own"]
    labs[:, b, b] = by_lab
    return cross, labs
