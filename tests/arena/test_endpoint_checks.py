from datetime import UTC, datetime

import pytest
import time_machine

from arena.models import Endpoint
from arena.policies import DOWN_AFTER_FAILURES, EndpointCheck, record_endpoint_check
from tests.factories import make_lab, make_version

pytestmark = pytest.mark.django_db

WELL = EndpointCheck(reached=True, metadata={"needs_wrist_camera": True})
WRONG = EndpointCheck(reached=True, problem="It does not speak the protocol.")
AWAY = EndpointCheck(reached=False, problem="It does not answer.")


@pytest.fixture
def endpoint() -> Endpoint:
    return make_version(lab=make_lab(), up=False).endpoint


def after(endpoint: Endpoint, *found: EndpointCheck) -> tuple[str, int]:
    for check in found:
        record_endpoint_check(endpoint=endpoint, check=check)
    endpoint.refresh_from_db()
    return endpoint.health, endpoint.failures


def test_a_server_that_is_well_is_up_with_what_it_said_of_itself(endpoint: Endpoint) -> None:
    with time_machine.travel(datetime(2026, 3, 1, 12, tzinfo=UTC), tick=False):
        assert after(endpoint, WELL) == ("up", 0)
    assert endpoint.metadata == {"needs_wrist_camera": True}
    assert endpoint.checked_at == datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_what_was_reached_and_found_wanting_is_down_at_once(endpoint: Endpoint) -> None:
    assert after(endpoint, WRONG) == ("down", 1)
    assert endpoint.last_problem == "It does not speak the protocol."


def test_what_could_not_be_checked_is_down_only_after_several_in_a_row(endpoint: Endpoint) -> None:
    patience = [AWAY] * (DOWN_AFTER_FAILURES - 1)
    assert after(endpoint, *patience) == ("unknown", DOWN_AFTER_FAILURES - 1)
    assert after(endpoint, AWAY) == ("down", DOWN_AFTER_FAILURES)


def test_one_good_check_ends_the_row(endpoint: Endpoint) -> None:
    patience = [AWAY] * (DOWN_AFTER_FAILURES - 1)
    assert after(endpoint, *patience, WELL, *patience) == ("up", DOWN_AFTER_FAILURES - 1)
    assert after(endpoint, AWAY, WELL) == ("up", 0)
    assert endpoint.last_problem == ""


def test_a_row_that_another_process_changed_is_counted_on(endpoint: Endpoint) -> None:
    stale = Endpoint.objects.get(pk=endpoint.pk)
    after(endpoint, *[AWAY] * (DOWN_AFTER_FAILURES - 1))
    assert after(stale, AWAY) == ("down", DOWN_AFTER_FAILURES)


def test_a_long_problem_is_cut(endpoint: Endpoint) -> None:
    after(endpoint, EndpointCheck(reached=True, problem="x" * 500))
    assert len(endpoint.last_problem) == 200
