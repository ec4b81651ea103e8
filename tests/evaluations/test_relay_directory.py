import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from arena.models import Endpoint
from evaluations import selectors, sessions
from evaluations.blinding import relay_token
from evaluations.models import Label, RelayConnection, Session, Side, State
from evaluations.relay.routes import Measurement, Refusal, Route
from evaluations.relay_directory import ended_sides, find_route, record_measurements
from tests.factories import Arena, open_session


@pytest.fixture
def session(arena: Arena) -> Session:
    return open_session(arena, "open the drawer")


@pytest.fixture
def side(session: Session) -> Side:
    return session.sides.get(label=Label.A)


def measured(side: Side, *, infers: int = 2, metadata: Mapping[str, Any] | None = None) -> Measurement:
    return Measurement(
        connection_id=uuid.UUID(int=side.pk).hex,
        side_id=side.pk,
        opened_at=timezone.now(),
        closed_at=None,
        infers=infers,
        resets=0,
        latencies_from=0,
        latencies_ms=[float(number) for number in range(1, infers + 1)],
        errors={},
        metadata=metadata,
    )


def test_a_token_leads_to_its_side(session: Session, side: Side) -> None:
    route = find_route(relay_token(session_id=session.pk, label=Label.A))
    assert route == Route(
        side_id=side.pk,
        endpoint_url="ws://policy.example:8000",
        wire_session_id=side.wire_session_id,
        instruction="open the drawer",
        external_cameras=2,
        wrist_camera=True,
        simulated=False,
    )


def test_a_token_of_nobody_is_unknown(db: None) -> None:
    assert find_route("x" * 43) is Refusal.UNKNOWN_TOKEN


def test_after_the_end_of_the_session_its_tokens_lead_nowhere(session: Session, side: Side) -> None:
    assert session.evaluator is not None
    sessions.abandon(session=session, now=timezone.now(), by=session.evaluator)
    assert find_route(relay_token(session_id=session.pk, label=Label.A)) is Refusal.SESSION_ENDED
    assert ended_sides([side.pk]) == {side.pk}


def test_a_lease_that_ran_out_is_an_end_before_any_sweep(session: Session, side: Side) -> None:
    Session.objects.filter(pk=session.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert find_route(relay_token(session_id=session.pk, label=Label.A)) is Refusal.SESSION_ENDED
    assert ended_sides([side.pk]) == {side.pk}


def test_what_ran_is_stored_and_extends_the_lease(session: Session, side: Side) -> None:
    Session.objects.filter(pk=session.pk).update(lease_expires_at=timezone.now() + timedelta(minutes=1))
    record_measurements([measured(side)])
    session.refresh_from_db()
    assert session.state == State.RUNNING
    assert session.lease_expires_at is not None
    assert session.lease_expires_at > timezone.now() + settings.SESSION_LEASE - timedelta(minutes=1)
    row = RelayConnection.objects.get()
    assert (row.infers, row.latencies_ms) == (2, [1.0, 2.0])


def test_a_batch_that_comes_twice_changes_nothing(side: Side) -> None:
    batch = [measured(side)]
    record_measurements(batch)
    before = RelayConnection.objects.values().get()
    record_measurements(batch)
    assert RelayConnection.objects.values().get() == before


def test_a_later_batch_goes_on_where_the_first_ended(side: Side) -> None:
    first = measured(side)
    record_measurements([first])
    later = replace(first, infers=4, latencies_from=2, latencies_ms=[30.0, 40.0], errors={"no_answer": 1})
    record_measurements([later])
    row = RelayConnection.objects.get()
    assert (row.infers, row.latencies_ms, row.errors) == (4, [1.0, 2.0, 30.0, 40.0], {"no_answer": 1})


def test_a_connection_on_which_nothing_runs_keeps_no_session_alive(session: Session, side: Side) -> None:
    record_measurements([measured(side, infers=0)])
    session.refresh_from_db()
    assert session.state == State.ASSIGNED


def test_what_the_server_says_of_itself_is_learned(side: Side) -> None:
    record_measurements([measured(side, metadata={"n_external_cameras": 2})])
    assert Endpoint.objects.get(version=side.version).metadata == {"n_external_cameras": 2}


def test_the_figures_of_a_side_are_those_of_all_its_connections(side: Side) -> None:
    first = measured(side, infers=3)
    second = replace(first, connection_id=uuid.uuid4().hex, latencies_ms=[100.0, 200.0, 300.0], errors={"no_answer": 2})
    record_measurements([first, second])
    figures = selectors.relay_figures(side)
    assert figures is not None
    assert (figures.infers, figures.errors, figures.p50_ms, figures.p95_ms) == (6, 2, 100.0, 300.0)


def test_without_an_inference_there_are_no_figures(side: Side) -> None:
    record_measurements([measured(side, infers=0)])
    assert selectors.relay_figures(side) is None
