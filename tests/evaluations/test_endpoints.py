"""Checks of policy servers: real servers on this machine, one that answers, one that is wrong, one that is away."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import msgpack
import pytest
from django.test import override_settings
from django.utils import timezone
from websockets.sync.server import ServerConnection, serve

from arena.models import Endpoint
from arena.policies import DOWN_AFTER_FAILURES
from evaluations import assignments, endpoints
from tests.factories import make_lab, make_version

pytestmark = pytest.mark.django_db
METADATA = {"n_external_cameras": 2, "needs_wrist_camera": False, "action_space": "joint_velocity"}


@contextmanager
def server(answer: Callable[[ServerConnection], None]) -> Iterator[str]:
    with serve(answer, "127.0.0.1", 0) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{running.socket.getsockname()[1]}"
        finally:
            running.shutdown()
            thread.join()


def endpoint_at(url: str) -> Endpoint:
    return make_version(lab=make_lab(), url=url, up=False).endpoint


def nobody() -> str:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"ws://127.0.0.1:{unused.getsockname()[1]}"


@pytest.fixture(autouse=True)
def _private_endpoints_allowed() -> Iterator[None]:
    with override_settings(ALLOW_PRIVATE_ENDPOINTS=True):
        yield


def test_a_server_that_speaks_the_protocol_is_up_and_its_needs_are_known() -> None:
    with server(lambda connection: connection.send(msgpack.packb(METADATA))) as url:
        endpoint = endpoint_at(url)
        assert endpoints.check_due(now=timezone.now()) == 1
    endpoint.refresh_from_db()
    assert (endpoint.health, endpoint.metadata, endpoint.last_problem) == ("up", METADATA, "")
    (candidate,) = assignments.candidates()
    assert (candidate.external_cameras, candidate.wrist_camera) == (2, False)


def test_a_server_that_answers_wrongly_is_out_of_the_pool_at_once() -> None:
    with server(lambda connection: connection.send("Traceback: no such policy")) as url:
        endpoint = endpoint_at(url)
        endpoints.check(endpoint_id=endpoint.pk)
    endpoint.refresh_from_db()
    assert endpoint.health == "down"
    assert "Traceback" not in endpoint.last_problem
    assert assignments.candidates() == []


def test_a_server_that_is_not_reached_is_down_only_after_several_checks() -> None:
    endpoint = endpoint_at(nobody())
    for number in range(1, DOWN_AFTER_FAILURES + 1):
        endpoints.check(endpoint_id=endpoint.pk)
        endpoint.refresh_from_db()
        expected = "down" if number == DOWN_AFTER_FAILURES else "unknown"
        assert (endpoint.failures, endpoint.health) == (number, expected)
    assert assignments.candidates() == []


def test_a_server_that_was_up_stays_in_the_pool_until_it_is_down() -> None:
    endpoint = endpoint_at(nobody())
    Endpoint.objects.filter(pk=endpoint.pk).update(health="up")
    for number in range(1, DOWN_AFTER_FAILURES + 1):
        assert len(assignments.candidates()) == 1
        endpoints.check(endpoint_id=endpoint.pk)
        endpoint.refresh_from_db()
        assert endpoint.failures == number
    assert (endpoint.health, assignments.candidates()) == ("down", [])


def test_a_server_that_was_never_reached_is_not_dealt() -> None:
    endpoint_at(nobody())
    assert assignments.candidates() == []


def test_a_server_that_comes_back_is_up_again() -> None:
    endpoint = endpoint_at(nobody())
    Endpoint.objects.filter(pk=endpoint.pk).update(health="down", failures=9)
    with server(lambda connection: connection.send(msgpack.packb(METADATA))) as url:
        Endpoint.objects.filter(pk=endpoint.pk).update(url=url)
        endpoints.check(endpoint_id=endpoint.pk)
    endpoint.refresh_from_db()
    assert (endpoint.health, endpoint.failures) == ("up", 0)


@pytest.mark.parametrize(
    ("age", "failures", "due"),
    [
        (None, 0, True),
        (endpoints.CHECK_EVERY - timedelta(seconds=1), 0, False),
        (endpoints.CHECK_EVERY, 0, True),
        (endpoints.CHECK_AGAIN - timedelta(seconds=1), 1, False),
        (endpoints.CHECK_AGAIN, 1, True),
    ],
)
def test_who_is_due(age: timedelta | None, failures: int, due: bool) -> None:
    now = timezone.now()
    endpoint = endpoint_at(nobody())
    Endpoint.objects.filter(pk=endpoint.pk).update(checked_at=age and now - age, failures=failures)
    assert endpoints.check_due(now=now) == int(due)


@override_settings(ALLOW_PRIVATE_ENDPOINTS=False)
def test_an_address_of_our_own_network_is_not_even_tried() -> None:
    knocked: list[object] = []
    with server(knocked.append) as url:
        endpoint = endpoint_at(url)
        endpoints.check(endpoint_id=endpoint.pk)
    endpoint.refresh_from_db()
    assert endpoint.health == "down"
    assert "may connect" in endpoint.last_problem
    assert knocked == []
