"""Unlisted versions on boards: ranked like the others, under a pseudonym that the input keeps for good."""

import csv
import json
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from arena import policies
from arena.models import Person, PolicyVersion, Role
from evaluations.models import PairEvidence, PairWeight, Preference
from evaluations.scopes import IMPORTED, REAL, SIMULATION
from leaderboard import inputs, pair_evidence, pair_weights, snapshots, unlisted
from leaderboard.models import Snapshot
from tests.factories import Arena, finish_session, make_arena, make_lab, make_person, make_version, open_session

pytestmark = pytest.mark.django_db

NAME = "Quiet heron"


@pytest.fixture
def arena() -> Arena:
    arena = make_arena(secret=NAME)
    play(arena, 9, now=timezone.now() - timedelta(days=2))
    return arena


@pytest.fixture
def secret(arena: Arena) -> PolicyVersion:
    return arena.versions[0]


@pytest.fixture
def owner(arena: Arena) -> Person:
    return make_person("alice@example.org", lab=arena.owners, role=Role.OWNER)


def play(arena: Arena, sessions: int, *, now: datetime) -> Snapshot:
    for number in range(sessions):
        finish_session(open_session(arena, f"task {number}"), preference=list(Preference)[number % 3], now=now)
    (made,) = snapshots.recompute_all(now=now)
    return made


def board(client: Client, query: str = "") -> dict[str, Any]:
    answer: dict[str, Any] = client.get(f"/api/v1/public/leaderboard{query}").json()
    return answer


def row(client: Client, policy: str) -> dict[str, Any]:
    return next(row for row in board(client)["rows"] if row["policy"] == policy)


def test_it_stands_on_the_board_marked_and_with_its_rank(client: Client, arena: Arena, secret: PolicyVersion) -> None:
    found = row(client, secret.pseudonym)
    assert (found["name"], found["version"], found["lab"]) == (f"Unlisted of {arena.owners}", "1", str(arena.owners))
    assert (found["unlisted"], found["in_input"]) == (True, secret.pseudonym)
    assert found["rank_low"] is not None
    assert len(board(client)["rows"]) == 3
    page = client.get("/").content.decode()
    assert '<span class="mark mark-unlisted">unlisted</span>' in page
    assert "1 of the 3 versions on this board is unlisted, of 1 lab:" in page


def test_the_input_is_the_same_before_and_after(secret: PolicyVersion, owner: Person) -> None:
    before = inputs.canonical(REAL)
    assert before.count(secret.pseudonym.encode()) > 0
    assert secret.policy.slug.encode() not in before
    policies.list_version(version=secret, by=owner)
    assert inputs.canonical(REAL) == before


def test_listing_puts_the_name_into_what_was_computed_before(
    client: Client, secret: PolicyVersion, owner: Person
) -> None:
    made = snapshots.latest("overall")
    assert made is not None
    before = board(client)
    policies.list_version(version=secret, by=owner)
    after = board(client)
    assert after["snapshot"] == before["snapshot"] == made.pk
    found = row(client, secret.label)
    assert (found["name"], found["unlisted"], found["in_input"]) == (NAME, False, secret.pseudonym)
    changed = {"policy", "name", "version", "unlisted"}
    assert [without(one, changed) for one in after["rows"]] == [without(one, changed) for one in before["rows"]]
    assert secret.pseudonym not in json.dumps(after["labs"]) + after["conclusion"] + " ".join(after["warnings"])
    page = client.get("/").content.decode()
    assert NAME in page
    assert "mark-unlisted" not in page


def without(row: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def test_the_history_goes_by_the_name_once_it_is_listed(
    client: Client, arena: Arena, secret: PolicyVersion, owner: Person
) -> None:
    play(arena, 3, now=timezone.now())
    assert policies_of_history(client) >= {secret.pseudonym}
    assert secret.pseudonym in client.get("/").content.decode()
    policies.list_version(version=secret, by=owner)
    assert policies_of_history(client) == {version.label for version in arena.versions}
    assert secret.pseudonym not in client.get("/").content.decode()


def policies_of_history(client: Client) -> set[str]:
    days = client.get("/api/v1/public/boards/overall/history").json()["days"]
    assert len(days) == 2
    return {place["policy"] for day in days for place in day["places"]}


def test_a_snapshot_is_computed_again_whether_it_is_listed_or_not(
    client: Client, secret: PolicyVersion, owner: Person, tmp_path: Path
) -> None:
    made = snapshots.latest("overall")
    assert made is not None
    exports = []
    for listed in (False, True):
        if listed:
            policies.list_version(version=secret, by=owner)
        path = tmp_path / f"{listed}.zip"
        exports.append(client.get(f"/snapshots/{made.pk}/export.zip").content)
        path.write_bytes(exports[-1])
        out = StringIO()
        call_command("rank", str(path), stdout=out)
        assert secret.pseudonym in out.getvalue()
        call_command("verify_snapshot", str(made.pk), stdout=out, json=True)
        assert '"identical": true' in out.getvalue()
    assert exports[0] == exports[1]


def test_the_rows_as_csv_say_what_the_input_calls_it(client: Client, secret: PolicyVersion, owner: Person) -> None:
    made = snapshots.latest("overall")
    assert made is not None
    policies.list_version(version=secret, by=owner)
    rows = list(csv.DictReader(StringIO(client.get(f"/snapshots/{made.pk}/rows.csv").content.decode())))
    found = next(row for row in rows if row["policy"] == secret.label)
    assert (found["in_input"], found["unlisted"]) == (secret.pseudonym, "False")


def test_it_is_not_called_open_source_until_it_is_listed(client: Client, arena: Arena, owner: Person) -> None:
    secret = arena.versions[0]
    type(secret.policy).objects.filter(pk=secret.policy_id).update(open_source=True)
    assert not row(client, secret.pseudonym)["open_source"]
    assert opened(inputs.canonical(REAL)) == {"0"}
    policies.list_version(version=secret, by=owner)
    assert row(client, secret.label)["open_source"]
    assert opened(inputs.canonical(REAL)) == {"0", "1"}


def opened(content: bytes) -> set[str]:
    rows = csv.DictReader(StringIO(content.decode()))
    return {one[column] for one in rows for column in ("open_source_a", "open_source_b")}


def test_draws_and_evidence_know_whom_it_stands_for(arena: Arena, secret: PolicyVersion, owner: Person) -> None:
    now = timezone.now()
    for listed in (False, True):
        if listed:
            policies.list_version(version=secret, by=owner)
        pair_weights.write(now=now)
        assert PairWeight.objects.filter(version_low=secret).exists()
        pair_evidence.write(now=now)
        met = PairEvidence.objects.filter(version_low=secret)
        assert sum(one.wins + one.ties + one.losses for one in met) > 0
        assert met.exclude(more_sessions=None).exists() or met.exclude(decided_after=None).exists()
        PairEvidence.objects.all().delete()


def test_two_are_compared_by_pseudonym_and_after_listing_by_either(
    client: Client, arena: Arena, secret: PolicyVersion, owner: Person
) -> None:
    other = arena.versions[1].label
    assert f"{secret.pseudonym} against {other}" in client.get(f"/compare/{secret.pseudonym}/{other}").content.decode()
    for hidden in (secret.label, secret.policy.slug):
        assert client.get(f"/compare/{hidden}/{other}").status_code == 404
    policies.list_version(version=secret, by=owner)
    for known in (secret.pseudonym, secret.label, secret.policy.slug):
        assert f"{secret.label} against {other}" in client.get(f"/compare/{known}/{other}").content.decode()


def test_a_policy_by_its_slug_is_its_newest_listed_version(client: Client, arena: Arena) -> None:
    first, other = arena.versions[1], arena.versions[2].label
    make_version(first.policy.name, lab=arena.owners, version="2", unlisted=True)
    assert f"{first.label} against {other}" in client.get(f"/compare/{first.policy.slug}/{other}").content.decode()


def test_integrity_counts_lab_by_lab(client: Client, arena: Arena, secret: PolicyVersion, owner: Person) -> None:
    other = make_lab("Zenith")
    listed = make_version(lab=other, unlisted=True)
    policies.list_version(version=listed, by=owner)
    withdrawn = make_version(lab=other, unlisted=True)
    policies.set_pool(version=withdrawn, pool=PolicyVersion.Pool.RETIRED, by=owner)
    make_version(lab=make_lab(simulated=True), unlisted=True)
    found = client.get("/api/v1/public/integrity?board=overall").json()["unlisted"]
    assert found == [
        {"lab": "zenith", "registered": 2, "unlisted": 0, "listed": 1, "withdrawn": 1},
        {"lab": arena.owners.slug, "registered": 1, "unlisted": 1, "listed": 0, "withdrawn": 0},
    ]
    assert len(unlisted.by_lab(SIMULATION)) == 1
    assert unlisted.by_lab(IMPORTED) == []
    page = client.get("/integrity?board=overall").content.decode()
    assert "Withdrawn without listing" in page
    assert '<th scope="row">Zenith</th><td class="number">2</td>' in page


def test_integrity_names_it_once_it_is_listed(client: Client, secret: PolicyVersion, owner: Person) -> None:
    assert secret.pseudonym in client.get("/integrity/completion.csv").content.decode()
    policies.list_version(version=secret, by=owner)
    cache.clear()
    told = client.get("/integrity/completion.csv").content.decode()
    assert secret.label in told
    assert secret.pseudonym not in told


def test_the_websites_board_goes_by_the_pseudonym(client: Client, secret: PolicyVersion, owner: Person) -> None:
    assert secret.pseudonym in {one["policy"] for one in client.get("/api/leaderboard").json()["board"]}
    policies.list_version(version=secret, by=owner)
    assert secret.label in {one["policy"] for one in client.get("/api/leaderboard").json()["board"]}
