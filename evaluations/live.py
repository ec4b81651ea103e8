"""What an evaluator is shown of the relay while a rollout runs: coarse, so that it does not name a policy.

How many actions a policy sends at once, how fast it answers and what its server says of an error would tell policies
apart. So steps are told in a few broad levels, errors as one kind, and no figure of time at all.
"""

from dataclasses import dataclass

from evaluations.models import RelayConnection, Side

_LEVELS = ((1, "none"), (10, "a few"), (100, "tens"), (1000, "hundreds"))


@dataclass(frozen=True)
class LiveState:
    """`connection` is `never`, `open` or `closed`; `steps` none, a few, tens, hundreds or thousands."""

    connection: str
    steps: str
    trouble: bool


def live_state(side: Side) -> LiveState:
    """Expects a side whose `relay_connections` may be prefetched."""
    connections: list[RelayConnection] = list(side.relay_connections.all())
    if not connections:
        return LiveState("never", "none", trouble=False)
    newest = max(connections, key=lambda one: one.opened_at)
    return LiveState(
        connection="open" if newest.closed_at is None else "closed",
        steps=_level(sum(one.infers for one in connections)),
        trouble=bool(newest.errors),
    )


def _level(infers: int) -> str:
    return next((name for below, name in _LEVELS if infers < below), "thousands")
