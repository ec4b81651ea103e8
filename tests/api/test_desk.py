"""The owner's desk through the API: policies, versions, checks of servers, stakes, results."""

import json
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import override_settings
from django.utils import timezone

from arena.models import Endpoint, Person, PolicyStake, PolicyVersion, Role
from evaluations import sessions
from evaluations.desk import checks
from evaluations.models import MediaFile
from tests.api.conftest import Api, code, in_browser, with_key
from tests.evaluations.desk.servers import Server
from tests.factories import Arena, finish_session, make_lab, make_person, open_session

REGISTERED = {"name": "Deft hands", "version": "1.0", "endpoint_url": "ws://policy.example:8000"}


@pytest.fixture
def owner(arena: Arena, bob: Person) -> Api:
    return with_key(bob, arena.owners, ("own",))


def test_a_policy_is_registered_and_its_server_checked(arena: Arena, owner: Api) -> None:
    asked = REGISTERED | {"lab": arena.owners.slug, "open_source": True}
    made = owner.post("policies", asked, once="first")
    told = made.json()
    assert (made.status_code, told["version"], told["pool"]) == (201, "deft-hands@1.0", "trial")
    assert told["server"]["address"] == asked["endpoint_url"]
    assert (told["server"]["health"], told["server"]["uptime"]) == ("unknown", None)
    assert told["hosts"] == [arena.lab.slug]
    assert told["check"]["finished_at"] is None
    assert owner.post("policies", asked, once="first").json() == told
    assert PolicyVersion.objects.filter(policy__slug="deft-hands").count() == 1
    assert code(owner.post("policies", asked)) == (409, "version_exists")
    shown = owner.get("policies/deft-hands").json()
    assert (shown["open_source"], [one["version"] for one in shown["versions"]]) == (True, ["deft-hands@1.0"])
    assert "deft-hands" in [row["slug"] for row in owner.get("policies").json()["results"]]


def test_new_weights_are_a_new_version(arena: Arena, owner: Api) -> None:
    slug = arena.versions[0].policy.slug
    made = owner.post(f"policies/{slug}/versions", {"version": "2", "endpoint_url": "ws://policy.example:1"})
    assert (made.status_code, made.json()["version"]) == (201, f"{slug}@2")
    assert [one["version"] for one in owner.get(f"policies/{slug}").json()["versions"]] == [f"{slug}@2", f"{slug}@1"]


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"embodiment": "no such robot"}, 404, "embodiment_unknown"),
        ({"endpoint_url": "http://policy.example"}, 400, "bad_endpoint"),
        ({"lab": "nothing"}, 404, "lab_unknown"),
        ({"name": "!!"}, 400, "bad_name"),
        ({"version": "a b"}, 400, "bad_version"),
        ({"robot": "DROID"}, 400, "invalid_input"),
    ],
)
def test_what_cannot_be_registered(arena: Arena, owner: Api, change: Any, status: int, said: str) -> None:
    before = PolicyVersion.objects.count()
    assert code(owner.post("policies", REGISTERED | {"lab": arena.owners.slug} | change)) == (status, said)
    assert PolicyVersion.objects.count() == before


@override_settings(ALLOW_PRIVATE_ENDPOINTS=True)
def test_a_check_is_told_in_words(arena: Arena, owner: Api) -> None:
    label = arena.versions[0].label
    with Server(width=7).running() as url:
        assert owner.post(f"versions/{label}/address", {"endpoint_url": url}).json()["server"]["health"] == "unknown"
        asked = owner.post(f"versions/{label}/checks")
        assert (asked.status_code, asked.json()["passed"]) == (201, None)
        checks.run(check_id=asked.json()["id"], now=timezone.now())
    found = owner.get(f"versions/{label}/checks/{asked.json()['id']}").json()
    assert found["passed"] is False
    [failed] = [one for one in found["findings"] if one["outcome"] == "failed"]
    assert failed["step"] == "action space"
    assert "joint_position has 8 numbers" in failed["sentence"]
    version = owner.get(f"versions/{label}").json()
    assert (version["check"], version["server"]["health"]) == (found, "down")
    assert "joint_position has 8 numbers" in version["server"]["problem"]
    assert owner.get(f"versions/{label}/checks").json()["count"] == 1
    other = arena.versions[1].label
    assert code(owner.get(f"versions/{other}/checks/{found['id']}")) == (404, "check_unknown")


def test_paused_resumed_and_retired(arena: Arena, owner: Api) -> None:
    at = f"versions/{arena.versions[0].label}"
    for word, pool in (("pause", "paused"), ("pause", "paused"), ("resume", "active"), ("retire", "retired")):
        assert owner.post(f"{at}/{word}").json()["pool"] == pool
        assert PolicyVersion.objects.get(pk=arena.versions[0].pk).pool == pool
    assert code(owner.post(f"{at}/resume")) == (409, "version_retired")
    assert code(owner.post(f"{at}/pause", {"for": 3})) == (400, "invalid_input")


def test_the_address_is_told_to_owners_alone(arena: Arena, owner: Api) -> None:
    label = arena.versions[0].label
    url = Endpoint.objects.get(version=arena.versions[0]).url
    assert owner.get(f"versions/{label}").json()["server"]["address"] == url
    helen = make_person("helen@example.org", lab=arena.owners, role=Role.EVALUATOR)
    told = with_key(helen, arena.owners, ("read",)).get(f"versions/{label}")
    assert told.json()["server"]["address"] is None
    assert url not in told.content.decode()


def test_who_has_a_stake(arena: Arena, owner: Api, eve: Person) -> None:
    at = f"policies/{arena.versions[0].policy.slug}/stakes"
    asked = {"lab": arena.lab.slug, "comment": "helped to build it"}
    made = owner.post(at, asked)
    assert (made.status_code, made.json()["lab"]) == (201, arena.lab.slug)
    assert owner.post(at, asked).json() == made.json()
    assert [row["comment"] for row in owner.get(at).json()["results"]] == ["helped to build it"]
    assert code(owner.post(at, {"lab": arena.owners.slug})) == (400, "stake_of_the_owner")
    assert code(owner.post(at, {"lab": "nothing"})) == (404, "lab_unknown")
    end = f"{at}/{made.json()['id']}/end"
    assert code(owner.post(end)) == (403, "browser_only")
    assert in_browser(eve).get(at).json()["count"] == 1
    assert in_browser(eve).post(end).status_code == 204
    assert PolicyStake.objects.get().ended_by == eve
    assert owner.get(at).json()["count"] == 0


def test_results_are_those_of_the_file(arena: Arena, owner: Api, bob: Person, eve: Person) -> None:
    for number in range(4):
        last = finish_session(open_session(arena, f"task {number}"), progress=(0.9, 0.2))
    sessions.exclude(session=last, reason="scene", comment="the cup was moved", by=eve)
    policy = last.sides.get(label="A").version.policy
    answer = in_browser(bob).get(f"/policies/{policy.slug}/results.json")
    rows = json.loads(b"".join(answer.streaming_content))["results"]
    told = owner.get(f"policies/{policy.slug}/results").json()
    assert told["count"] == len(rows) > 0
    shared = [name for name in rows[0] if name != "completed"]
    assert [[row[name] for name in shared] for row in told["results"]] == [
        [row[name] for name in shared] for row in rows
    ]
    assert (told["results"][-1]["excluded"], told["results"][-1]["outcome"]) == ("scene", "win")


def test_a_trajectory_is_taken_home_once_its_session_is_revealed(arena: Arena, owner: Api, bob: Person) -> None:
    session = open_session(arena)
    side, other = session.sides.get(label="A"), session.sides.get(label="B")
    name = default_storage.save("episodes/aa/one.npz", ContentFile(b"npz"))
    media = MediaFile.objects.create(side=side, kind="trajectory", file=name, size=3, sha256="0" * 64)
    at = f"policies/{side.version.policy.slug}/trajectories/{media.pk}"
    assert code(owner.get(at)) == (404, "trajectory_unknown")
    finish_session(session)
    assert b"".join(owner.get(at).streaming_content) == b"npz"
    elsewhere = f"policies/{other.version.policy.slug}/trajectories/{media.pk}"
    assert code(owner.get(elsewhere)) == (404, "trajectory_unknown")
    second = make_lab()
    make_person(bob.email, lab=second, role=Role.OWNER)
    assert code(with_key(bob, second, ("own",)).get(at)) == (404, "policy_unknown")


def test_what_is_not_revealed_changes_no_answer(arena: Arena, owner: Api) -> None:
    """Neither does a session that runs."""
    finish_session(open_session(arena, "one that ended"))
    slugs = [version.policy.slug for version in arena.versions]
    places = ["policies"] + [f"policies/{slug}{part}" for slug in slugs for part in ("", "/results")]
    before = [owner.get(place).json() for place in places]
    session = open_session(arena, "one that runs")
    during = [owner.get(place).json() for place in places]
    judgement = sessions.Judgement(preference=None, notes="", valid=False)
    sessions.submit(session=session, judgement=judgement, now=timezone.now(), veiled=True)
    veiled = [owner.get(place).json() for place in places]
    assert _steady(before) == _steady(during) == _steady(veiled)


def test_a_key_of_another_lab_finds_nothing(arena: Arena, bob: Person) -> None:
    """Bob is in both labs."""
    other = make_lab("Bob's second lab")
    make_person(bob.email, lab=other, role=Role.OWNER)
    key = with_key(bob, other, ("own", "read"))
    label, slug = arena.versions[0].label, arena.versions[0].policy.slug
    assert key.get("policies").json()["count"] == 0
    for place in (f"policies/{slug}", f"policies/{slug}/results", f"policies/{slug}/stakes", f"versions/{label}"):
        assert key.get(place).status_code == 404, place
    for place in (f"policies/{slug}/versions", f"versions/{label}/checks", f"versions/{label}/pause"):
        assert key.post(place).status_code == 404, place
    assert code(key.post("policies", REGISTERED | {"lab": arena.owners.slug})) == (404, "lab_unknown")


@pytest.mark.parametrize("label", ["nothing@1", "nothing", "@", "a%00@1", "%F0%9F%A4%96@1", "a@%00"])
def test_labels_that_name_nothing(owner: Api, label: str) -> None:
    assert owner.get(f"versions/{label}").status_code == 404
    assert owner.post(f"versions/{label}/pause").status_code == 404


def test_scopes(arena: Arena, bob: Person) -> None:
    reads = with_key(bob, arena.owners, ("read",))
    label = arena.versions[0].label
    assert reads.get(f"versions/{label}").status_code == 200
    assert code(reads.post(f"versions/{label}/pause")) == (403, "scope_missing")
    assert code(reads.get(f"policies/{arena.versions[0].policy.slug}/stakes")) == (403, "scope_missing")


def _steady(told: list[Any]) -> list[Any]:
    """Without the moment of the answer, at which the last stretch of a server's history ends."""
    for one in told:
        for version in one.get("versions", []):
            if isinstance(version, dict) and version["server"]:
                version["server"].pop("history")
                version["server"].pop("uptime")
    return told


def test_a_version_is_registered_unlisted_and_listed_for_good(arena: Arena, owner: Api) -> None:
    asked = REGISTERED | {"lab": arena.owners.slug, "unlisted": True}
    told = owner.post("policies", asked).json()
    pseudonym = f"unlisted.{arena.owners.slug}@1"
    assert (told["version"], told["unlisted"], told["pseudonym"]) == ("deft-hands@1.0", True, pseudonym)
    assert told["listed_at"] is None
    listed = owner.post("versions/deft-hands@1.0/list", {}).json()
    assert (listed["unlisted"], listed["pseudonym"], listed["listed_at"] is None) == (False, pseudonym, False)
    assert owner.post("versions/deft-hands@1.0/list", {}).json() == listed
    for version in ("2", "3"):
        owner.post("policies", asked | {"version": version})
    assert code(owner.post("policies", asked | {"version": "4"})) == (409, "unlisted_limit")
