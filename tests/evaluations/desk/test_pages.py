"""The owner's desk in the browser: registering, managing, taking results home."""

import csv
import io
import json
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from arena.models import Person, Policy, PolicyVersion, Role
from evaluations import sessions
from evaluations.models import MediaFile, ProtocolCheck
from tests.factories import Arena, finish_session, make_arena, make_person, make_version, open_session, upload_episode

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(arena: Arena) -> Person:
    return make_person("alice@example.org", lab=arena.owners, role=Role.OWNER)


@pytest.fixture
def client(alice: Person) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def page(client: Client, at: str) -> str:
    return client.get(at).content.decode()


def test_a_policy_is_registered_and_its_server_checked(arena: Arena, client: Client) -> None:
    sent = {
        "name": "Deft hands",
        "lab": arena.owners.slug,
        "version": "1.0",
        "embodiment": "DROID",
        "endpoint": "ws://policy.example:8000",
        "open_source": "on",
    }
    answer = client.post("/policies/new", sent)
    assert answer.headers["Location"] == "/policies/deft-hands/manage"
    version = PolicyVersion.objects.get(policy__slug="deft-hands")
    assert (version.policy.lab, version.policy.open_source) == (arena.owners, True)
    check = ProtocolCheck.objects.get(version=version)
    assert check.finished_at is None
    shown = page(client, "/policies/deft-hands/manage")
    assert "Its server is being checked" in shown
    assert "ws://policy.example:8000" in shown
    again = client.post("/policies/new", sent)
    assert again.status_code == 400
    assert "deft-hands@1.0 is registered already" in again.content.decode()


def test_what_the_check_found_stands_on_the_page(arena: Arena, client: Client) -> None:
    ProtocolCheck.objects.create(
        version=arena.versions[0],
        finished_at=timezone.now(),
        passed=False,
        findings=[{"step": "actions", "outcome": "failed", "sentence": "The actions have a <wrong> shape."}],
    )
    shown = page(client, f"/policies/{arena.versions[0].policy.slug}/manage")
    assert "Protocol check not passed" in shown
    assert "Actions: The actions have a &lt;wrong&gt; shape." in shown
    assert "being checked" not in shown


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"endpoint": "http://policy.example"}, "It looks like ws://HOST:PORT"),
        ({"version": "1 0"}, "cannot be a version"),
        ({"name": "🤖"}, "has no letter or digit"),
        ({"embodiment": "nobody's robot"}, "Select a valid choice"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(arena: Arena, client: Client, change: dict[str, str], words: str) -> None:
    sent = {"name": "Deft", "lab": arena.owners.slug, "version": "1", "embodiment": "DROID", "endpoint": "ws://a.b:1"}
    answer = client.post("/policies/new", sent | change)
    assert answer.status_code == 400
    assert words in answer.content.decode().replace("&#x27;", "'")
    assert not Policy.objects.filter(name="Deft").exists()


def test_versions_are_paused_resumed_and_retired_for_good(arena: Arena, client: Client) -> None:
    version = arena.versions[0]
    for pool, words in (("paused", "is paused"), ("active", "is in the pool"), ("retired", "is retired")):
        shown = client.post(f"/versions/{version.label}/pool", {"pool": pool}, follow=True)
        assert words in shown.content.decode()
        version.refresh_from_db()
        assert version.pool == pool
    refused = client.post(f"/versions/{version.label}/pool", {"pool": "active"})
    assert refused.status_code == 409


def test_versions_are_compared(arena: Arena, client: Client) -> None:
    old = arena.versions[0]
    new = make_version(old.policy.name, lab=arena.owners, version="2")
    at = f"/compare/{new.label}/{old.label}"
    assert f'href="{at}"' in page(client, f"/policies/{old.policy.slug}/manage")
    assert client.get(at).status_code == 200


def test_a_version_moves(arena: Arena, client: Client) -> None:
    version = arena.versions[0]
    client.post(f"/versions/{version.label}/address", {"endpoint": "ws://elsewhere.example:8000"})
    version.endpoint.refresh_from_db()
    assert (version.endpoint.url, version.endpoint.health) == ("ws://elsewhere.example:8000", "unknown")


def test_evaluators_of_the_lab_do_not_learn_addresses(arena: Arena) -> None:
    bob = Client()
    bob.force_login(make_person("bob@example.org", lab=arena.owners, role=Role.EVALUATOR))
    shown = page(bob, f"/policies/{arena.versions[0].policy.slug}/manage")
    assert "policy.example" not in shown
    assert "Retire" not in shown


def results_of(client: Client, policy: Policy) -> list[dict[str, Any]]:
    answer = client.get(f"/policies/{policy.slug}/results.json")
    text = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    found: list[dict[str, Any]] = json.loads(text)["results"]
    return found


def test_results_are_taken_home(client: Client, arena: Arena) -> None:
    session = finish_session(open_session(arena), notes="=A was steadier.", video=b"video")
    side = session.sides.get(label="A")
    (row,) = results_of(client, side.version.policy)
    assert (row["session"], row["side"], row["outcome"], row["progress"]) == (str(session.pk), "A", "win", 0.8)
    assert row["opponent"] == session.sides.get(label="B").version.label
    assert row["videos"] == [f"/sessions/{session.pk}/A/left.mp4"]
    assert row["pair_probability"] == session.pair_probability
    table = client.get(f"/policies/{side.version.policy.slug}/results.csv")
    text = b"".join(table.streaming_content).decode()  # type: ignore[attr-defined]
    (line,) = csv.DictReader(io.StringIO(text))
    assert (line["notes"], line["valid"], line["outcome"]) == ("'=A was steadier.", "true", "win")


def test_open_and_veiled_sessions_are_not_told_of(client: Client, arena: Arena) -> None:
    """Not by a row, nor by a figure: an owner must not see that somebody runs the policy now."""
    places = [f"/policies/{version.policy.slug}/manage" for version in arena.versions]
    before = [_without_tokens(page(client, at)) for at in places]
    session = open_session(arena)
    for label, value in (("A", 0.2), ("B", 0.9)):
        upload_episode(session, label, progress=value)  # type: ignore[arg-type]
    veiled = sessions.Judgement(None, "", valid=False)
    sessions.submit(session=session, judgement=veiled, now=timezone.now(), veiled=True)
    assert [_without_tokens(page(client, at)) for at in places] == before
    assert all(results_of(client, version.policy) == [] for version in arena.versions)
    sessions.reveal(session=session, now=timezone.now())
    assert [_without_tokens(page(client, at)) for at in places] != before


def _without_tokens(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if "csrfmiddlewaretoken" not in line)


def test_trajectories_are_for_the_policys_own_lab(client: Client, arena: Arena) -> None:
    session = open_session(arena)
    side, other = session.sides.get(label="A"), session.sides.get(label="B")
    name = default_storage.save("episodes/aa/one.npz", ContentFile(b"npz"))
    media = MediaFile.objects.create(side=side, kind="trajectory", file=name, size=3, sha256="0" * 64)
    at = f"/policies/{side.version.policy.slug}/trajectories/{media.pk}.npz"
    assert client.get(at).status_code == 404  # nothing of an open session is told
    finish_session(session)
    answer = client.get(at)
    assert b"".join(answer.streaming_content) == b"npz"  # type: ignore[attr-defined]
    assert "attachment" in answer.headers["Content-Disposition"]
    (row,) = results_of(client, side.version.policy)
    assert row["trajectory"] == at
    assert client.get(f"/policies/{other.version.policy.slug}/trajectories/{media.pk}.npz").status_code == 404
    stranger = Client()
    stranger.force_login(make_person("charlie@example.org", lab=make_arena().owners, role=Role.OWNER))
    assert stranger.get(at).status_code == 404
