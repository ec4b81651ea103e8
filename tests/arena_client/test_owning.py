"""What owners of policies script: a check with its findings, pausing, results. Over real HTTP, by real processes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from arena import api_keys
from arena.models import PolicyVersion, Role
from arena_client.client import Client
from arena_client.owning import check_lines, checked, results_table
from evaluations.desk import checks
from tests.arena_client.conftest import Place
from tests.arena_client.test_command_line import called
from tests.evaluations.desk.servers import Server
from tests.factories import finish_session, make_person, open_session

pytestmark = pytest.mark.slow


@pytest.fixture
def key(place: Place) -> str:
    alice = make_person("alice@example.org", lab=place.arena.owners, role=Role.OWNER)
    _, secret = api_keys.create_api_key(
        person=alice, lab=place.arena.owners, name="deploy", scopes=["own"], now=timezone.now()
    )
    return secret


@pytest.fixture
def client(place: Place, key: str) -> Iterator[Client]:
    with Client(place.url, key) as client:
        yield client


@pytest.fixture
def label(place: Place) -> str:
    return place.arena.versions[0].label


@override_settings(ALLOW_PRIVATE_ENDPOINTS=True)
def test_a_check_is_waited_for(place: Place, client: Client, label: str) -> None:
    with Server(width=7).running() as url:
        place.arena.versions[0].endpoint.url = url
        place.arena.versions[0].endpoint.save()
        told: list[str] = []

        def worker(reason: str, seconds: float) -> None:
            told.append(reason)
            checks.run(check_id=client.check(label).id, now=timezone.now())

        found = checked(client, label, wait=worker)
    assert (found.passed, len(told)) == (False, 1)
    lines = check_lines(found)
    assert lines[0] == f"{label}: not passed"
    assert any(line.startswith("  failed") and "joint_position has 8 numbers" in line for line in lines)


def test_a_check_that_nobody_makes_comes_unfinished(client: Client, label: str) -> None:
    waits: list[float] = []
    found = checked(client, label, wait=lambda reason, seconds: waits.append(seconds), looks=3)
    assert (found.finished_at, len(waits)) == (None, 3)
    assert "waits for a worker" in check_lines(found)[0]


def test_the_command_line(place: Place, key: str, label: str) -> None:
    finish_session(open_session(place.arena), notes="=1+1")
    environment = {"ARENA_SERVER": place.url, "ARENA_API_KEY": key}
    for word, pool in (("pause", "paused"), ("resume", "active")):
        assert called(word, label, **environment)[:2] == (0, f"{label}: {pool}\n")
        assert PolicyVersion.objects.get(pk=place.arena.versions[0].pk).pool == pool
    for version in place.arena.versions:
        status, out, _ = called("results", version.policy.slug, **environment)
        rows = list(csv.DictReader(io.StringIO(out)))
        told = json.loads(called("results", version.policy.slug, "--json", **environment)[1])
        assert (status, [row["session"] for row in rows]) == (0, [row["session"] for row in told])
        assert {(row["notes"], one["notes"]) for row, one in zip(rows, told, strict=True)} == {("'=1+1", "=1+1")}
    status, _, err = called("pause", "nothing@1", **environment)
    assert (status, "Your labs have no policy at this address." in err) == (1, True)
    connection.close()


def test_no_results_are_no_table() -> None:
    assert results_table([]) == ""
