"""Reports for programs."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from arena import api_keys, policies
from arena.models import Lab, Person, Role, Scope
from arena.policies import EndpointCheck
from reports.models import Work
from tests.factories import Arena, make_arena, make_lab, make_person, make_steward
from tests.reports.written import play, write

pytestmark = pytest.mark.django_db


@pytest.fixture
def arena() -> Arena:
    made = make_arena(policies_in_pool=2)
    for number in range(6):
        play(made, f"put block {number} on the plate")
    return made


@pytest.fixture
def charlie(arena: Arena) -> Person:
    return make_person("charlie@example.org", lab=arena.owners, role=Role.OWNER)


def key(person: Person, lab: Lab, *scopes: Scope) -> dict[str, str]:
    _, secret = api_keys.create_api_key(
        person=person, lab=lab, name="bench", scopes=scopes or [Scope.OWN], now=timezone.now()
    )
    return {"Authorization": f"Bearer {secret}"}


def ask(client: Client, label: str, body: dict[str, Any], headers: dict[str, str]) -> Any:
    path = f"/api/v1/versions/{label}/reports"
    return client.post(path, body, content_type="application/json", headers=headers)


def test_reports_are_listed_and_read_without_a_key(arena: Arena, client: Client) -> None:
    version = arena.versions[0]
    write(version)
    play(arena, "fold the towel")
    report = write(version)
    listed: Any = client.get(f"/api/v1/versions/{version.label}/reports").json()
    assert [one["number"] for one in listed["results"]] == [2, 1]
    assert report is not None
    told: Any = client.get(f"/api/v1/reports/{report.pk}").json()
    assert (told["id"], told["number"], told["sessions"]) == (str(report.pk), 2, 7)
    assert told["claims"] == report.claims
    assert told["evidence"] == report.evidence
    assert listed["results"][0].items() <= told.items()


def test_an_owner_asks_once(arena: Arena, client: Client, charlie: Person) -> None:
    label, headers = arena.versions[0].label, key(charlie, arena.owners)
    first, again = ask(client, label, {}, headers), ask(client, label, {}, headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["state"] == "waiting"
    assert Work.objects.filter(kind=Work.Kind.WRITE_REPORT).count() == 1


def test_one_on_two_is_a_list_of_its_own(arena: Arena, client: Client, charlie: Person) -> None:
    first, second = (version.label for version in arena.versions)
    write(arena.versions[0])
    write(arena.versions[0], arena.versions[1])
    told: Any = client.get(f"/api/v1/versions/{first}/reports?against={second}").json()
    assert [one["against"] for one in told["results"]] == [second]
    play(arena, "fold the towel")
    headers = key(charlie, arena.owners)
    assert ask(client, first, {"against": second}, headers).json()["about"] == f"{first} {second}"
    for against, status in ((first, 404), ("nobody@1", 404), ("\x00@1", 400)):
        assert ask(client, first, {"against": against}, headers).status_code == status


def test_others_and_other_keys_may_not_ask(arena: Arena, client: Client, charlie: Person) -> None:
    label = arena.versions[0].label
    other = make_lab()
    alice = make_person("alice@example.org", lab=other, role=Role.ADMIN)
    assert ask(client, label, {}, key(charlie, arena.owners, Scope.READ)).status_code == 403
    assert ask(client, label, {}, key(alice, other)).json()["error"]["code"] == "not_an_owner"
    eve = make_steward()
    other.memberships.create(person=eve, role=Role.OWNER)
    assert ask(client, label, {}, key(eve, other)).status_code == 403, "a key acts in its lab, for no steward"
    assert not Work.objects.filter(kind=Work.Kind.WRITE_REPORT).exists()


def test_one_on_an_unlisted_version_is_its_labs(client: Client) -> None:
    arena = make_arena(policies_in_pool=1)
    hidden = policies.register_policy(
        lab=arena.owners, name="quiet heron", endpoint_url="ws://policy.example:1", unlisted=True
    )
    policies.record_endpoint_check(endpoint=hidden.endpoint, check=EndpointCheck(reached=True))
    play(arena, "fold the towel")
    report = write(hidden)
    assert report is not None
    charlie = make_person("charlie@example.org", lab=arena.owners, role=Role.EVALUATOR)
    elsewhere = make_lab()
    elsewhere.memberships.create(person=charlie, role=Role.OWNER)
    own, others = key(charlie, arena.owners, Scope.READ), key(charlie, elsewhere)
    for headers, status in ((own, 200), (others, 404), ({}, 404)):
        for name in (hidden.pseudonym, hidden.label):
            assert client.get(f"/api/v1/versions/{name}/reports", headers=headers).status_code == status
        assert client.get(f"/api/v1/reports/{report.pk}", headers=headers).status_code == status
    assert client.get("/api/policy_analysis.json").status_code == 404
    policies.list_version(version=hidden, by=charlie)
    told: Any = client.get(f"/api/v1/reports/{report.pk}").json()
    assert (told["version"], told["evidence"]["subject"]) == (hidden.label, hidden.label)
    assert "unlisted." not in str(told)
