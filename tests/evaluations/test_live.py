import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from evaluations.live import LiveState, live_state
from evaluations.models import Label, RelayConnection, Side
from tests.factories import Arena, open_session


@pytest.fixture
def side(arena: Arena) -> Side:
    return open_session(arena).sides.get(label=Label.A)


def connected(side: Side, *, infers: int, closed: bool = False, errors: dict[str, int] | None = None) -> None:
    RelayConnection.objects.create(
        pk=uuid.uuid4(),
        side=side,
        opened_at=timezone.now(),
        closed_at=timezone.now() + timedelta(seconds=1) if closed else None,
        infers=infers,
        latencies_ms=[12.5] * infers,
        errors=errors or {},
    )


def test_before_the_client_comes(side: Side) -> None:
    assert live_state(side) == LiveState("never", "none", trouble=False)


@pytest.mark.parametrize(
    ("infers", "steps"),
    [(0, "none"), (1, "a few"), (9, "a few"), (10, "tens"), (99, "tens"), (100, "hundreds"), (1000, "thousands")],
)
def test_steps_are_told_in_broad_levels(side: Side, infers: int, steps: str) -> None:
    connected(side, infers=infers)
    assert live_state(side) == LiveState("open", steps, trouble=False)


def test_connections_are_told_together_and_the_newest_decides(side: Side) -> None:
    connected(side, infers=6, closed=True, errors={"no_answer": 1})
    connected(side, infers=6)
    assert live_state(side) == LiveState("open", "tens", trouble=False)


def test_which_error_it_was_is_not_told(side: Side) -> None:
    connected(side, infers=3, closed=True, errors={"no_answer": 1})
    one = live_state(side)
    RelayConnection.objects.update(errors={"error_answer": 2, "connection_lost": 1})
    assert live_state(side) == one == LiveState("closed", "a few", trouble=True)
