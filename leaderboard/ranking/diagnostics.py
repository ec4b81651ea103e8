"""What the comparisons can and cannot tell, before any model is fitted: counts, connectivity, separation."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from leaderboard.ranking.comparisons import BoolArray, Cells, Comparisons, FloatArray, IntArray, Outcome
from leaderboard.ranking.settings import IntervalSettings

DISCONNECTED = (
    "The policies fall into {count} sets that were never compared with each other, even indirectly. Scores, ranks and "
    "groups hold within a set; they say nothing across sets."
)
SEPARATED = (
    "The comparisons alone would drive these scores apart without end, because nothing but wins, or nothing but "
    "losses, joins them to the rest. Only the prior keeps them finite: {names}."
)
NO_TIES = "There is no tie: the tie parameter rests on its prior."
ONLY_TIES = "Every comparison is a tie: nothing tells the policies apart."
FEW_LABS = (
    "The comparisons come from {labs}, too few to see how labs differ. The intervals take labs to agree on the "
    "policies, and are too narrow if they do not."
)


# Up to so many policies, who met whom is kept in a table.
SMALL = 500


@dataclass(frozen=True)
class Notice:
    """Something that a reader of the ranking has to know: a stable code, a sentence, and whom it is about."""

    code: str
    message: str
    policies: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Tally:
    """Per policy, (P,) each: comparisons, wins, ties, losses, and mean progress over its rollouts (NaN without any)."""

    n: IntArray
    wins: IntArray
    ties: IntArray
    losses: IntArray
    mean_progress: FloatArray


def tally(comparisons: Comparisons, cells: Cells) -> Tally:
    def per_policy(on_a: FloatArray, on_b: FloatArray) -> IntArray:
        size = comparisons.n_policies
        total = np.bincount(cells.policy_a, on_a, size) + np.bincount(cells.policy_b, on_b, size)
        return total.astype(np.int64)

    a, tie, b = cells.counts
    wins, ties, losses = per_policy(a, b), per_policy(tie, tie), per_policy(b, a)
    return Tally(wins + ties + losses, wins, ties, losses, _mean_progress(comparisons))


def _mean_progress(comparisons: Comparisons) -> FloatArray:
    if comparisons.progress_a.strides == comparisons.progress_b.strides == (0,):
        return np.full(comparisons.n_policies, np.nan)
    policy = np.concatenate([comparisons.policy_a, comparisons.policy_b])
    progress = np.concatenate([comparisons.progress_a, comparisons.progress_b])
    known = ~np.isnan(progress)
    rollouts = np.bincount(policy[known], minlength=comparisons.n_policies)
    total = exact_sums(policy[known], progress[known], comparisons.n_policies)
    mean = np.full(comparisons.n_policies, np.nan)
    np.divide(total, rollouts, out=mean, where=rollouts > 0)
    return mean


def exact_sums(key: IntArray, values: FloatArray, size: int) -> FloatArray:
    """(size,) sums of values in [0, 1] by key, the same bits in any order of the rows: added up as whole numbers, the
    first 20 binary places and the next 32. Up to 4 million values a key."""
    upper = np.rint(values * 2.0**20)
    lower = np.rint((values - upper / 2.0**20) * 2.0**52)
    sums: FloatArray = np.bincount(key, upper, size) / 2.0**20 + np.bincount(key, lower, size) / 2.0**52
    return sums


def components(cells: Cells, *, n_policies: int) -> IntArray:
    """(P,) number of the connected component of each policy, in the graph whose edges are pairs that were compared.

    Only comparisons connect: scores of different components say nothing about each other, whatever else the policies
    share. Component 0 is the largest; among equals the one with the smallest key comes first.
    """
    found = _connected(cells, n_policies) if n_policies <= SMALL else _searched(cells, n_policies)
    _, first, sizes = np.unique(found, return_index=True, return_counts=True)
    number = np.empty(sizes.size, dtype=np.int64)
    number[np.lexsort((first, -sizes))] = np.arange(sizes.size)
    return number[found]


def _searched(cells: Cells, n_policies: int) -> IntArray:
    compared = _graph(cells.policy_a, cells.policy_b, n_policies)
    found: IntArray = connected_components(compared, directed=False)[1].astype(np.int64)
    return found


def _connected(cells: Cells, n_policies: int) -> IntArray:
    """The same from a table of who met whom: where policies are few, that is several times faster than a search."""
    met = cells.met(n_policies)
    met = met | met.T | np.eye(n_policies, dtype=np.bool_)
    found = np.full(n_policies, -1, dtype=np.int64)
    number = 0
    for p in range(n_policies):
        if found[p] < 0:
            reached, size = met[p], 0
            while size < (size := int(reached.sum())):
                reached = met[reached].any(axis=0)
            found[reached] = number
            number += 1
    return found


def separated(cells: Cells, component: IntArray) -> BoolArray:
    """(P,) whether the likelihood alone would drive this policy's score away from its component's rest without end.

    With tie parameters and order effect fixed, the maximum is finite exactly where every policy of a component can be
    reached from every other by steps "was preferred to, or tied with" (Ford 1957, Amer. Math. Monthly 64:28-33, with a
    tie as a step both ways). Marked are the policies outside the largest set within which that holds; all of them where
    no set is largest.
    """
    a, tie, b = cells.counts > 0
    size = component.size
    winner = np.concatenate([cells.policy_a[a | tie], cells.policy_b[b | tie]])
    loser = np.concatenate([cells.policy_b[a | tie], cells.policy_a[b | tie]])
    strong: IntArray = connected_components(_graph(winner, loser, size), directed=True, connection="strong")[1]
    outside = np.zeros(size, dtype=np.bool_)
    for number in range(int(component.max(initial=-1)) + 1):
        members = np.flatnonzero(component == number)
        parts, of_part, sizes = np.unique(strong[members], return_inverse=True, return_counts=True)
        if parts.size > 1:
            core = np.flatnonzero(sizes == sizes.max())
            outside[members] = (of_part != core[0]) | (core.size > 1)
    return outside


def notices(
    policies: tuple[str, ...],
    cells: Cells,
    component: IntArray,
    *,
    intervals: IntervalSettings,
    labs: int,
    lab_effects: bool,
) -> tuple[Notice, ...]:
    """What a reader of the ranking has to know. lab_effects: whether the model has some of its own."""
    found = [*_about_components(policies, component), *_about_separation(policies, cells, component)]
    found += _about_ties(cells)
    if (lab_effects or intervals.method == "clustered") and labs < intervals.min_labs:
        found.append(Notice("few_labs", FEW_LABS.format(labs="one lab" if labs == 1 else f"{labs} labs")))
    return tuple(found)


def never_compared(names: tuple[str, ...]) -> Notice:
    return Notice("never_compared", f"Never compared, and so left out: {', '.join(names)}.", names)


def _about_components(policies: tuple[str, ...], component: IntArray) -> list[Notice]:
    count = int(component.max()) + 1
    if count == 1:
        return []
    apart = tuple(policies[p] for p in np.flatnonzero(component > 0))
    return [Notice("disconnected", DISCONNECTED.format(count=count), apart)]


def _about_separation(policies: tuple[str, ...], cells: Cells, component: IntArray) -> list[Notice]:
    names = tuple(policies[p] for p in np.flatnonzero(separated(cells, component)))
    return [Notice("separated", SEPARATED.format(names=", ".join(names)), names)] if names else []


def _about_ties(cells: Cells) -> list[Notice]:
    ties = cells.counts[Outcome.TIE].sum()
    if ties == 0:
        return [Notice("no_ties", NO_TIES)]
    if ties == cells.counts.sum():
        return [Notice("only_ties", ONLY_TIES)]
    return []


def _graph(row: IntArray, column: IntArray, size: int) -> coo_array:
    return coo_array((np.ones(row.size), (row, column)), shape=(size, size)).tocsr()
