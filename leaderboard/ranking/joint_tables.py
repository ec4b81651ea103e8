"""From the parameters of the joint model to the readings of each row, and back: sums by lab, category and policy.

All effects of a policy enter a session through its ability there, and so with one coefficient. Abilities are looked up
in one table, and what the rows say of them is added up in one, from which the effects' shares are sums.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from leaderboard.ranking.comparisons import FloatArray, IntArray
from leaderboard.ranking.joint_layout import DELTA, DELTA_S, LNU, LNU_0, MU, MU_LAB, Layout, Position
from leaderboard.ranking.readings import UNKNOWN, Readings


@dataclass(frozen=True, eq=False)
class Places:
    """Where each row goes in tables by lab, category (the last is the unknown one), and policies on A and B. (m,) each.

    groups: of the tables' rows; the labs, unless the rows are to be added up otherwise.
    """

    layout: Layout
    policy_a: IntArray
    policy_b: IntArray
    category: IntArray
    lab: IntArray
    groups: int

    @classmethod
    def of(cls, rows: Readings, layout: Layout) -> "Places":
        category = np.where(rows.category == UNKNOWN, layout.n_categories, rows.category)
        return cls(layout, rows.policy_a, rows.policy_b, category, rows.lab, layout.n_labs)

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.groups, self.layout.n_categories + 1, self.layout.n_policies

    @cached_property
    def cell(self) -> IntArray:
        return self.lab * self.shape[1] + self.category

    @cached_property
    def sides(self) -> tuple[IntArray, IntArray]:
        """Of the policy on A and of that on B in a table by lab, category and policy."""
        return self.cell * self.shape[2] + self.policy_a, self.cell * self.shape[2] + self.policy_b

    def by_cell(self, weight: FloatArray) -> FloatArray:
        """(groups, C + 1)"""
        groups, C1, _ = self.shape
        return _sums(self.cell, weight, groups * C1).reshape(groups, C1)

    def by_policy(self, on_a: FloatArray, on_b: FloatArray) -> FloatArray:
        """(groups, C + 1, P)"""
        size = math.prod(self.shape)
        a, b = self.sides
        return (_sums(a, on_a, size) + _sums(b, on_b, size)).reshape(self.shape)

    def by_pair(self, group: IntArray | int, groups: int, a_b: FloatArray, b_a: FloatArray) -> FloatArray:
        """(groups, P, P): a_b at (policy on A, policy on B), b_a at the mirrored place. group: (m,), or one for all."""
        P = self.layout.n_policies
        size = groups * P * P
        first = (group * P + self.policy_a) * P + self.policy_b
        mirrored = (group * P + self.policy_b) * P + self.policy_a
        return (_sums(first, a_b, size) + _sums(mirrored, b_a, size)).reshape(groups, P, P)


@dataclass(frozen=True, eq=False)
class Predictors:
    """h, t: (m,). eta: (2, m), of side A and side B."""

    h: FloatArray
    t: FloatArray
    eta: FloatArray


def predictors(places: Places, at: Position, k: float) -> Predictors:
    layout, shared, labs = places.layout, at.shared, at.labs
    a, b = places.sides
    ability = _abilities(layout, at).ravel()
    u_a, u_b = ability[a], ability[b]
    tie, easy = labs[:, LNU, None] + math.log(2) + shared[LNU_0], labs[:, MU_LAB, None] + shared[MU]
    cells = [
        (table + np.append(shared[effect], 0.0)).ravel() for table, effect in ((tie, layout.lnu_c), (easy, layout.mu_c))
    ]
    met, own = shared[layout.a], shared[layout.own]
    easiness = cells[1][places.cell] + met[places.policy_a] + met[places.policy_b]
    eta = np.stack(
        [
            easiness + k * u_a + own[places.policy_a] - shared[DELTA_S] / 2,
            easiness + k * u_b + own[places.policy_b] + shared[DELTA_S] / 2,
        ]
    )
    return Predictors((u_a - u_b - shared[DELTA]) / 2, cells[0][places.cell], eta)


def _abilities(layout: Layout, at: Position) -> FloatArray:
    """(G, C + 1, P)"""
    C1, P = layout.n_categories + 1, layout.n_policies
    u = np.zeros((layout.n_labs, C1, P)) + at.shared[layout.theta]
    if layout.with_psi:
        u[:, :-1] += at.shared[layout.psi].reshape(C1 - 1, P)
    if layout.with_b:
        u += at.labs[:, layout.b][:, None]
    return u


def gradients(places: Places, by: Predictors, k: float) -> tuple[FloatArray, FloatArray]:
    """(groups, K0) and (groups, B): what the rows of each group add, from their derivatives by the predictors."""
    layout = places.layout
    C, groups = layout.n_categories, places.groups
    eta_a, eta_b = by.eta
    of_h, of_t = places.by_cell(by.h), places.by_cell(by.t)
    of_both, of_b = places.by_cell(eta_a + eta_b), places.by_cell((eta_b - eta_a) / 2)
    own = places.by_policy(eta_a, eta_b)
    met = places.by_policy(eta_a + eta_b, eta_a + eta_b)
    ability = places.by_policy(by.h / 2, -by.h / 2) + k * own
    shared = np.empty((groups, layout.shared_size))
    shared[:, DELTA], shared[:, LNU_0] = -of_h.sum(axis=1) / 2, of_t.sum(axis=1)
    shared[:, MU], shared[:, DELTA_S] = of_both.sum(axis=1), of_b.sum(axis=1)
    shared[:, layout.theta], shared[:, layout.a] = ability.sum(axis=1), met.sum(axis=1)
    shared[:, layout.own] = own.sum(axis=1)
    shared[:, layout.mu_c], shared[:, layout.lnu_c] = of_both[:, :C], of_t[:, :C]
    labs = np.empty((groups, layout.lab_size))
    labs[:, LNU], labs[:, MU_LAB] = of_t.sum(axis=1), of_both.sum(axis=1)
    if layout.with_psi:
        shared[:, layout.psi] = ability[:, :C].reshape(groups, -1)
    if layout.with_b:
        labs[:, layout.b] = ability.sum(axis=1)
    return shared, labs


def _sums(place: IntArray, weight: FloatArray, size: int) -> FloatArray:
    return np.bincount(place, weight, size).astype(np.float64, copy=False)
