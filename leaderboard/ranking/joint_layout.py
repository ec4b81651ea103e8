"""Where the parameters of the joint model are. What they mean is said in `joint`."""

from dataclasses import dataclass

import numpy as np

from leaderboard.ranking.comparisons import FloatArray

# Parameters that all labs share come first in this order; then the policies' and the categories'.
DELTA, LNU_0, MU, DELTA_S = range(4)
GLOBALS = 4
# Each lab's own.
LNU, MU_LAB, B_POLICY = 0, 1, 2


@dataclass(frozen=True)
class Layout:
    """Where the parameters are. Shared, K0 = 4 + 3 P + 2 C + P C: (delta, lnu_0, mu, delta_s; theta; a; d; mu_c; lnu_c;
    psi by category, then policy). Of each lab, B = 2 + P: (lnu_g, mu_g; b), or 2 without b.

    n_categories is 0 where fewer than two are known: one alone cannot be told from the policies' own scores.
    """

    n_policies: int
    n_labs: int
    n_categories: int
    with_psi: bool
    with_b: bool

    @property
    def theta(self) -> slice:
        return slice(GLOBALS, GLOBALS + self.n_policies)

    @property
    def a(self) -> slice:
        return slice(self.theta.stop, self.theta.stop + self.n_policies)

    @property
    def own(self) -> slice:
        return slice(self.a.stop, self.a.stop + self.n_policies)

    @property
    def mu_c(self) -> slice:
        return slice(self.own.stop, self.own.stop + self.n_categories)

    @property
    def lnu_c(self) -> slice:
        return slice(self.mu_c.stop, self.mu_c.stop + self.n_categories)

    @property
    def psi(self) -> slice:
        return slice(self.lnu_c.stop, self.shared_size)

    @property
    def b(self) -> slice:
        return slice(B_POLICY, self.lab_size)

    @property
    def shared_size(self) -> int:
        return (
            GLOBALS + 3 * self.n_policies + 2 * self.n_categories + self.with_psi * self.n_categories * self.n_policies
        )

    @property
    def lab_size(self) -> int:
        return B_POLICY + self.with_b * self.n_policies


@dataclass(frozen=True, eq=False)
class Position:
    """Values of all parameters: shared (K0,), labs (G, B)."""

    shared: FloatArray
    labs: FloatArray

    def moved(self, step: "Position", by: float) -> "Position":
        return Position(self.shared + by * step.shared, self.labs + by * step.labs)

    def largest(self) -> float:
        return float(max(np.abs(self.shared).max(), np.abs(self.labs).max(initial=0.0)))
