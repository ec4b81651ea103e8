"""How a policy version stands on a board, and from which figures on: the thresholds that boards and pages share."""

from enum import StrEnum

from arena.models import PolicyVersion

# Below so many comparisons a place is called provisional: the interval is wide, and a handful of sessions can still
# move it past others.
PROVISIONAL_BELOW = 20
# A board other than the overall one is kept up to date from so many counted sessions on; until then, and for questions
# that are seldom asked, it is computed when somebody asks.
KEPT_FROM = 20


class Standing(StrEnum):
    RANKED = "ranked"
    PROVISIONAL = "provisional"
    UNCONNECTED = "unconnected"
    RETIRED = "retired"


WORDS = {
    Standing.RANKED: f"compared at least {PROVISIONAL_BELOW} times",
    Standing.PROVISIONAL: f"compared fewer than {PROVISIONAL_BELOW} times: a few sessions can still move it",
    Standing.UNCONNECTED: "never compared with those of the largest group, not even by way of others: it has no place",
    Standing.RETIRED: "taken out of the pool by its owner: it is drawn no more, and keeps what it has shown",
}


def standing(*, n: int, component: int, pool: str | None) -> Standing:
    """pool: of the version, None where it is not in the registry any more."""
    if component:
        return Standing.UNCONNECTED
    if pool == PolicyVersion.Pool.RETIRED:
        return Standing.RETIRED
    return Standing.PROVISIONAL if n < PROVISIONAL_BELOW else Standing.RANKED
