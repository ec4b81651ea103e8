"""Both readings of each session, preference and progress, added up for the joint model."""

from dataclasses import dataclass

import numpy as np

from leaderboard.ranking.comparisons import Comparisons, FloatArray, IntArray, Outcome

# What is known of one session, in this order: 1; the preference as +1 (A), 0 (TIE), -1 (B); for each side whether its
# progress is known, and the progress (0 where it is not).
ONE, PREFERENCE, KNOWN_A, PROGRESS_A, KNOWN_B, PROGRESS_B = range(6)
READINGS = 6
UNKNOWN = -1


@dataclass(frozen=True, eq=False)
class Readings:
    """Sessions added up: one row for each (lab, category, policy on A, policy on B) that occurs, in that order.

    policy_a, policy_b, lab: (m,) keys. category: (m,) keys into `categories`, UNKNOWN where none was given. moments:
    (6, 6, m), the sum over the sessions of a row of z z', with z the six numbers listed above: counts, sums and second
    moments in one.
    """

    categories: tuple[str, ...]
    policy_a: IntArray
    policy_b: IntArray
    category: IntArray
    lab: IntArray
    moments: FloatArray

    @property
    def size(self) -> int:
        return int(self.lab.size)

    @property
    def n(self) -> FloatArray:
        sessions: FloatArray = self.moments[ONE, ONE]
        return sessions

    @property
    def counts(self) -> FloatArray:
        """(3, m) sessions by Outcome."""
        signed, decided = self.moments[ONE, PREFERENCE], self.moments[PREFERENCE, PREFERENCE]
        return np.stack([(decided + signed) / 2, self.n - decided, (decided - signed) / 2])

    @property
    def known(self) -> FloatArray:
        """(2, m) sessions whose progress is known, by side."""
        return self.moments[ONE, [KNOWN_A, KNOWN_B]]

    @property
    def progress(self) -> FloatArray:
        """(2, m) sums of progress."""
        return self.moments[ONE, [PROGRESS_A, PROGRESS_B]]

    @property
    def squares(self) -> FloatArray:
        """(2, m) sums of squared progress."""
        return self.moments[[PROGRESS_A, PROGRESS_B], [PROGRESS_A, PROGRESS_B]]


def add_up(comparisons: Comparisons, *, use_progress: bool = True) -> Readings:
    """The order of the rows leaves no trace: within a row of the result, sums are taken in the order of the values."""
    categories = known_categories(comparisons)
    category = keys_of_categories(comparisons, categories)
    z = of_sessions(comparisons, use_progress=use_progress)
    P, C = comparisons.n_policies, len(categories) + 1
    packed = ((comparisons.lab * C + category + 1) * P + comparisons.policy_a) * P + comparisons.policy_b
    order = np.lexsort((z[PROGRESS_B], z[PROGRESS_A], z[KNOWN_B], z[KNOWN_A], z[PREFERENCE], packed))
    keys, row = np.unique(packed[order], return_inverse=True)
    z = z[:, order]
    moments = np.empty((READINGS, READINGS, keys.size))
    for one in range(READINGS):
        for other in range(one, READINGS):
            moments[one, other] = moments[other, one] = np.bincount(row, z[one] * z[other], keys.size)
    rest, policy_b = np.divmod(keys, P)
    rest, policy_a = np.divmod(rest, P)
    lab, category = np.divmod(rest, C)
    return Readings(categories, policy_a, policy_b, category - 1, lab, moments)


def of_sessions(comparisons: Comparisons, *, use_progress: bool = True) -> FloatArray:
    """(6, n): what is known of each session."""
    z = np.zeros((READINGS, len(comparisons)))
    z[ONE] = 1.0
    z[PREFERENCE] = 1.0 * (comparisons.outcome == Outcome.A) - (comparisons.outcome == Outcome.B)
    if use_progress:
        for known, value, column in (
            (KNOWN_A, PROGRESS_A, comparisons.progress_a),
            (KNOWN_B, PROGRESS_B, comparisons.progress_b),
        ):
            z[known] = ~np.isnan(column)
            z[value] = np.nan_to_num(column)
    return z


def one_by_one(comparisons: Comparisons, policies: tuple[str, ...], categories: tuple[str, ...]) -> Readings:
    """A row for each session, without readings: the places at which a fitted model is asked for its predictions.

    policies, categories: those of the fitted model. A policy that is not among them has the key len(policies).
    """
    place = {name: number for number, name in enumerate(policies)}
    key = np.array([place.get(name, len(policies)) for name in comparisons.policies], dtype=np.int64)
    return Readings(
        categories,
        key[comparisons.policy_a],
        key[comparisons.policy_b],
        keys_of_categories(comparisons, categories),
        comparisons.lab,
        np.zeros((READINGS, READINGS, len(comparisons))),
    )


def known_categories(comparisons: Comparisons) -> tuple[str, ...]:
    """The named categories that occur. () where fewer than two do: one alone tells nothing about tasks."""
    if comparisons.category is None:
        return ()
    names = [comparisons.categories[c] for c in np.unique(comparisons.category)]
    named = tuple(name for name in names if name)
    return named if len(named) > 1 else ()


def keys_of_categories(comparisons: Comparisons, categories: tuple[str, ...]) -> IntArray:
    """(n,) keys into `categories`; UNKNOWN where there is no category, or another."""
    if comparisons.category is None or not categories:
        return np.full(len(comparisons), UNKNOWN)
    place = {name: number for number, name in enumerate(categories)}
    key = np.array([place.get(name, UNKNOWN) for name in comparisons.categories], dtype=np.int64)
    return key[comparisons.category]


def progress_varies(comparisons: Comparisons) -> bool:
    """Whether progress tells rollouts apart at all."""
    progress = np.concatenate([comparisons.progress_a, comparisons.progress_b])
    known = progress[~np.isnan(progress)]
    return bool(known.size and known.min() < known.max())
