"""Checks that owners ask for: kept as rows, made once, taken up again when a worker dies."""

from collections.abc import Iterator
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.test import override_settings
from django.utils import timezone

from arena import jobs, policies, uptime
from arena.models import Endpoint, HealthChange, PolicyVersion
from arena.policies import DOWN_AFTER_FAILURES, EndpointCheck, record_endpoint_check
from evaluations.desk import checks
from evaluations.models import ProtocolCheck
from tests.evaluations.desk.servers import Server
from tests.factories import make_lab, make_version

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture(autouse=True)
def _private_endpoints_allowed() -> Iterator[None]:
    with override_settings(ALLOW_PRIVATE_ENDPOINTS=True):
        yield


def version_at(url: str) -> PolicyVersion:
    return make_version(lab=make_lab(), url=url, up=False)


def checked(server: Server) -> tuple[ProtocolCheck, Endpoint]:
    with server.running() as url:
        check = checks.ask(version=version_at(url), by=None, now=NOW)
        done = checks.run(check_id=str(check.pk), now=NOW)
    assert done is not None
    return done, Endpoint.objects.get(version=done.version)


def test_a_good_server_is_in_the_pool_afterwards() -> None:
    check, endpoint = checked(Server())
    assert check.passed
    assert check.median_ms is not None
    assert (endpoint.health, endpoint.last_problem) == ("up", "")
    assert endpoint.metadata is not None


def test_a_server_that_fails_a_step_is_down_and_its_owner_reads_why() -> None:
    check, endpoint = checked(Server(width=7))
    assert check.passed is False
    assert endpoint.health == "down"
    assert "joint_position has 8 numbers" in endpoint.last_problem
    assert [one.outcome for one in checks.findings(check) if one.step == "action space"] == ["failed"]


def test_nobody_there_leaves_the_health_open() -> None:
    version = version_at("ws://127.0.0.1:9")
    check = checks.run(check_id=str(checks.ask(version=version, by=None, now=NOW).pk), now=NOW)
    assert check is not None
    endpoint = Endpoint.objects.get(version=version)
    assert (endpoint.health, endpoint.failures) == ("unknown", 1)
    assert endpoint.last_problem == "The server could not be reached."


def test_one_check_at_a_time() -> None:
    version = version_at("ws://127.0.0.1:9")
    with patch.object(jobs, "_dispatcher", lambda *_: None):
        first, second = (checks.ask(version=version, by=None, now=NOW) for _ in range(2))
        assert first == second
        assert checks.run(check_id=str(first.pk), now=NOW) is not None
        assert checks.run(check_id=str(first.pk), now=NOW) is None
        assert checks.ask(version=version, by=None, now=NOW) != first


def test_a_lost_check_is_taken_up_again_and_a_deadly_one_given_up() -> None:
    check = checks.ask(version=version_at("ws://127.0.0.1:9"), by=None, now=NOW)
    row = ProtocolCheck.objects.filter(pk=check.pk)
    row.update(claimed_at=NOW, attempts=1)
    assert checks.enqueue_stale(now=NOW + checks.CLAIM - timedelta(seconds=1)) == 0
    assert checks.enqueue_stale(now=NOW + checks.CLAIM) == 1
    row.update(claimed_at=NOW, attempts=checks.MOST_ATTEMPTS)
    assert checks.enqueue_stale(now=NOW + checks.CLAIM) == 0
    check.refresh_from_db()
    assert check.finished_at is not None
    assert "cut short" in check.findings[0]["sentence"]


def test_uptime_is_counted_from_the_moments_of_change() -> None:
    endpoint = version_at("ws://127.0.0.1:9").endpoint
    for days, health in ((40, "up"), (20, "down"), (15, "up"), (5, "unknown"), (2, "up")):
        HealthChange.objects.create(endpoint=endpoint, health=health, at=NOW - timedelta(days=days))
    parts = uptime.of(endpoint, now=NOW)
    assert [(part.health, round(part.seconds / 86400)) for part in parts] == [
        ("up", 10), ("down", 5), ("up", 10), ("unknown", 3), ("up", 2),
    ]  # fmt: skip
    assert uptime.share_up(parts) == pytest.approx(22 / 27)
    assert uptime.of(version_at("ws://127.0.0.1:8").endpoint, now=NOW) == []
    assert uptime.share_up([]) is None


def test_a_change_is_kept_once() -> None:
    endpoint = version_at("ws://127.0.0.1:9").endpoint
    for _ in range(3):
        record_endpoint_check(endpoint=endpoint, check=EndpointCheck(reached=True))
    for _ in range(DOWN_AFTER_FAILURES + 1):
        record_endpoint_check(endpoint=endpoint, check=EndpointCheck(reached=False, problem="not reached"))
    policies.move_endpoint(version=endpoint.version, endpoint_url="ws://policy.example:9000")
    assert list(endpoint.changes.values_list("health", "problem")) == [
        ("up", ""),
        ("down", "not reached"),
        ("unknown", "served elsewhere"),
    ]
