"""Who moves the order: what the scores would be without a lab's or an evaluator's sessions, to first order."""

from dataclasses import dataclass

import numpy as np

from leaderboard.ranking.comparisons import FloatArray, IntArray


@dataclass(frozen=True)
class Moves:
    """largest_move: by how much the sessions move a score, in standard errors of that score; of_policy: which.

    places_changed: policies of the largest component whose place would be another without them; leader_without: who
    would then be first.
    """

    largest_move: float
    of_policy: str
    places_changed: int
    leader_without: str


@dataclass(frozen=True)
class LabInfluence(Moves):
    """Of one lab: n sessions, a share of all."""

    lab: str
    n: int
    share: float


def moves(
    policies: tuple[str, ...], score: FloatArray, se: FloatArray, component: IntArray, influence: FloatArray
) -> Moves:
    """policies, score, se, component, influence: (P,). influence: what the sessions add to the scores."""
    moved = np.abs(np.divide(influence, se, out=np.zeros_like(influence), where=se > 0))
    most = int(np.argmax(moved))
    main = np.flatnonzero(component == 0)
    before = main[np.argsort(-score[main], kind="stable")]
    after = main[np.argsort(-(score - influence)[main], kind="stable")]
    return Moves(
        largest_move=float(moved[most]),
        of_policy=policies[most],
        places_changed=int(np.sum(before != after)),
        leader_without=policies[int(after[0])],
    )
