"""A version without its name at the desk of its owners, and before evaluators and other owners."""

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings as SettingsWrapper

from arena import policies
from arena.models import Lab, Person, PolicyVersion, Role
from credits import ledger
from evaluations import guesses, sessions
from evaluations.guesses import HitRate
from evaluations.models import EvaluationRequest, Label, Preference, Session
from evaluations.scopes import REAL
from evaluations.sessions import Judgement
from tests.factories import Arena, make_arena, make_lab, make_person, make_version, open_session

pytestmark = pytest.mark.django_db

NAME, LABEL = "Quiet heron", "quiet-heron@Q-hush"


@pytest.fixture
def arena() -> Arena:
    return make_arena(policies_in_pool=2, secret=NAME)


@pytest.fixture
def secret(arena: Arena) -> PolicyVersion:
    return arena.versions[0]


@pytest.fixture
def alice(arena: Arena) -> Person:
    return make_person("alice@example.org", lab=arena.owners, role=Role.OWNER)


@pytest.fixture
def client(alice: Person) -> Client:
    return signed_in(alice)


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def page(client: Client, at: str) -> str:
    return client.get(at).content.decode()


def form(lab: Lab) -> dict[str, str]:
    return {
        "name": "Deft hands",
        "lab": lab.slug,
        "version": "1",
        "embodiment": "DROID",
        "endpoint": "ws://policy.example:8000",
        "unlisted": "on",
    }


def test_the_choice_is_made_when_it_is_registered(arena: Arena, client: Client) -> None:
    client.post("/policies/new", form(arena.owners))
    version = PolicyVersion.objects.get(policy__slug="deft-hands")
    assert version.pseudonym == f"unlisted.{arena.owners.slug}@2"
    assert "registered, unlisted" in page(client, f"/lab/{arena.owners.slug}/events")
    refused = client.post("/policies/deft-hands/versions/new", form(arena.owners) | {"version": "2"})
    assert refused.status_code == 400
    assert "has as many unlisted versions as a lab may have: 2" in refused.content.decode()
    assert version.policy.versions.count() == 1


def test_where_an_installation_does_without_it_is_not_offered(
    arena: Arena, client: Client, settings: SettingsWrapper
) -> None:
    assert 'name="unlisted"' in page(client, "/policies/new")
    settings.UNLISTED_VERSIONS_MAX = 0
    assert 'name="unlisted"' not in page(client, "/policies/new")
    client.post("/policies/new", form(arena.owners))
    assert not PolicyVersion.objects.get(policy__slug="deft-hands").is_unlisted


def test_its_owner_lists_it_once(client: Client, secret: PolicyVersion) -> None:
    manage = f"/policies/{secret.policy.slug}/manage"
    before = page(client, manage)
    assert f"<code>{secret.pseudonym}</code>" in before
    assert f"List {LABEL} for good" in before
    for _ in range(2):
        assert client.post(f"/versions/{LABEL}/list").headers["Location"] == manage
    after = page(client, manage)
    assert "everybody is told its name" in after
    assert "for good" not in after.split("everybody is told its name")[1].split("Retire")[0]
    secret.refresh_from_db()
    assert not secret.is_unlisted
    assert f"listed: it was {secret.pseudonym} until then" in page(client, f"/lab/{secret.policy.lab.slug}/events")  # type: ignore[union-attr]


@pytest.mark.parametrize("role", [Role.EVALUATOR, Role.OWNER])
def test_only_its_owners_list_it(arena: Arena, secret: PolicyVersion, role: Role) -> None:
    other = make_person("other@example.org", lab=arena.owners if role == Role.EVALUATOR else arena.lab, role=role)
    answer = signed_in(other).post(f"/versions/{LABEL}/list")
    assert answer.status_code == (403 if role == Role.EVALUATOR else 404)
    secret.refresh_from_db()
    assert secret.is_unlisted


def test_another_owner_orders_against_it_by_its_pseudonym(arena: Arena, secret: PolicyVersion) -> None:
    bob = make_person("bob@example.org", lab=arena.lab, role=Role.OWNER)
    own, client = make_version(lab=arena.lab), signed_in(bob)
    ledger.earn(lab=arena.lab, amount=9, key="some")
    asked = {"version": own.label, "wanted": 1}
    unknown = client.post("/api/v1/requests", asked | {"opponents": [LABEL]}, content_type="application/json")
    assert unknown.json()["error"]["code"] == "opponent_unknown"
    placed = client.post("/api/v1/requests", asked | {"opponents": [secret.pseudonym]}, content_type="application/json")
    assert placed.json()["opponents"] == [secret.pseudonym]
    at = f"/requests/{EvaluationRequest.objects.get().pk}"
    assert secret.pseudonym in page(client, at)
    assert NAME not in page(client, f"/requests/new/{own.label}")
    policies.list_version(version=secret, by=bob)
    assert LABEL in page(client, at)


def test_its_own_lab_orders_against_it_by_its_name(arena: Arena, client: Client, secret: PolicyVersion) -> None:
    other = arena.versions[1]
    ledger.earn(lab=arena.owners, amount=9, key="some")
    assert LABEL in page(client, f"/requests/new/{other.label}")
    asked = {"version": other.label, "wanted": 1, "opponents": [LABEL]}
    placed = client.post("/api/v1/requests", asked, content_type="application/json")
    assert placed.json()["opponents"] == [LABEL]


def test_opponents_are_not_sorted_by_hidden_names(arena: Arena) -> None:
    """A name between two others would tell its first letters."""
    bob = make_person("bob@example.org", lab=arena.lab, role=Role.OWNER)
    own = make_version(lab=arena.lab)
    for name in ("Albatross", "Zebra finch"):
        make_version(name, lab=arena.owners)
    make_version("Aardvark", lab=make_lab("Zulu"), unlisted=True)
    shown = page(signed_in(bob), f"/requests/new/{own.label}")
    order = [shown.index(label) for label in ("albatross@1", f"unlisted.{arena.owners.slug}@1", "unlisted.zulu@1")]
    assert order == sorted(order)


def judged(arena: Arena, guess: str) -> Session:
    """A session whose evaluator names the policy of both sides."""
    session = open_session(arena)
    judgement = Judgement(preference=Preference.A, notes="", valid=False)
    session = sessions.submit(session=session, judgement=judgement, now=timezone.now(), veiled=True)
    return guesses.answer(session=session, policy_a=guess, policy_b=guess, now=timezone.now())


def test_evaluators_are_not_offered_it_and_learn_nothing_by_guessing(arena: Arena, secret: PolicyVersion) -> None:
    """Not even where another version of its policy is known, so that its policy can be named."""
    make_version(NAME, lab=arena.owners, version="known", up=False)
    session = judged(arena, secret.policy.slug)
    shown = page(signed_in(arena.dana), f"/evaluate/{session.pk}")
    assert f"Unlisted of {arena.owners}" in shown
    assert "Your guess was right" not in shown
    assert shown.count("Your guess was another one") == 1


def test_a_policy_without_a_listed_version_is_no_choice(arena: Arena, secret: PolicyVersion, alice: Person) -> None:
    session = open_session(arena)
    assert {policy.slug for policy in guesses.choices(session)} == {arena.versions[1].policy.slug}
    policies.list_version(version=secret, by=alice)
    assert guesses.choices(session).count() == 2


def test_the_check_of_the_blinding_leaves_its_side_out(arena: Arena) -> None:
    session = judged(arena, arena.versions[1].policy.slug)
    assert {side.label for side in session.sides.all()} == set(Label.values)
    assert guesses.hit_rate(REAL) == HitRate(sessions=1, named=1, hits=1, by_chance=1.0)
