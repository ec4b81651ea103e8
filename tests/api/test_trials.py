"""Trials through the API: the owner asks and withdraws, the lab that tries runs and decides."""

import pytest
from django.utils import timezone

from arena import policies
from arena.models import Person, PolicyVersion, Role
from arena.policies import EndpointCheck
from evaluations import trials
from evaluations.models import Session, Trial
from tests.api.conftest import Api, code, in_browser, with_key
from tests.factories import Arena, finish_session, make_lab, make_person


@pytest.fixture
def owner(arena: Arena, bob: Person) -> Api:
    return with_key(bob, arena.owners, ("own",))


@pytest.fixture
def version(arena: Arena) -> PolicyVersion:
    made = policies.register_policy(
        lab=arena.owners, name="Untried hands", endpoint_url="ws://policy.example:1", trial_first=True
    )
    policies.record_endpoint_check(endpoint=made.endpoint, check=EndpointCheck(reached=True))
    return made


@pytest.fixture
def trial(arena: Arena, bob: Person, version: PolicyVersion) -> Trial:
    return trials.ask(version=version, host=arena.lab, by=bob, now=timezone.now())


def run(arena: Arena, dana: Api, trial: Trial, number: int) -> Session:
    asked = {"station": arena.station.pk, "instruction": f"lift cup {number}"}
    opened = dana.post(f"trials/{trial.pk}/sessions", asked)
    assert (opened.status_code, opened.json()["training"]) == (201, True)
    assert dana.post(f"trials/{trial.pk}/sessions", asked).status_code == 200
    return finish_session(Session.objects.get(pk=opened.json()["id"]), notes="it swung")


def test_from_asking_to_go(arena: Arena, owner: Api, dana: Api, version: PolicyVersion) -> None:
    asked = owner.post(f"versions/{version.label}/trials", {"host": arena.lab.slug})
    at = f"trials/{asked.json()['id']}"
    assert (asked.status_code, asked.json()["state"], asked.json()["needed"]) == (201, "asked", 2)
    trial = Trial.objects.get()
    assert [row["id"] for row in dana.get("trials?state=asked").json()["results"]] == [str(trial.pk)]
    told = dana.get(at).json()
    assert (told["stations"], told["may_decide"]) == ([arena.station.pk], True)
    assert code(dana.post(f"{at}/decide", {"go": True})) == (409, "trial_too_short")
    for number in range(2):
        run(arena, dana, trial, number)
    assert dana.post(f"{at}/decide", {"go": True, "comment": "calm"}).json()["state"] == "go"
    version.refresh_from_db()
    assert version.pool == "active"
    assert dana.get("trials?state=asked").json()["count"] == 0
    [shown] = owner.get(f"versions/{version.label}").json()["trials"]
    assert (shown["state"], shown["comment"], shown["done"]) == ("go", "calm", 2)


def test_each_side_is_told_its_own(arena: Arena, owner: Api, dana: Api, trial: Trial) -> None:
    session = run(arena, dana, trial, 1)
    to_owner, to_host = owner.get(f"trials/{trial.pk}").json(), dana.get(f"trials/{trial.pk}").json()
    [outcome] = to_owner["outcomes"]
    assert (outcome["session"], outcome["notes"]) == (str(session.pk), "it swung")
    assert {side["side"] for side in outcome["sides"]} == set(
        session.sides.filter(version=trial.version_id).values_list("label", flat=True)
    )
    assert (to_owner["sessions"], to_owner["stations"], to_owner["may_decide"]) == ([], [], False)
    assert to_host["outcomes"] == []
    assert [(one["session"], one["state"]) for one in to_host["sessions"]] == [(str(session.pk), "submitted")]
    assert "it swung" not in dana.get(f"trials/{trial.pk}").content.decode()


def test_of_one_that_runs_its_owner_is_told_nothing(arena: Arena, owner: Api, dana: Api, trial: Trial) -> None:
    before = owner.get(f"trials/{trial.pk}").json()
    dana.post(f"trials/{trial.pk}/sessions", {"station": arena.station.pk, "instruction": "lift the cup"})
    assert Session.objects.filter(trial=trial).exists()
    assert owner.get(f"trials/{trial.pk}").json() == before


def test_who_may_what(arena: Arena, owner: Api, bob: Person, dana: Api, trial: Trial) -> None:
    at = f"trials/{trial.pk}"
    no_go = {"go": False, "comment": "hit the table"}
    assert code(with_key(bob, arena.owners, ("evaluate",)).post(f"{at}/decide", no_go)) == (403, "not_the_host")
    assert code(owner.post(f"{at}/decide", no_go)) == (403, "scope_missing")
    reads = with_key(arena.dana, arena.lab, ("read",))
    assert code(reads.post(f"{at}/decide", no_go)) == (403, "scope_missing")
    assert code(in_browser(arena.dana).post(f"{at}/withdraw")) == (403, "not_an_owner")
    assert code(dana.post(f"{at}/decide", {"go": False})) == (400, "comment_missing")
    assert code(dana.post(f"{at}/sessions", {"station": 1_000_000, "instruction": "lift"})) == (400, "station_unfit")
    assert owner.post(f"{at}/withdraw").json()["state"] == "withdrawn"
    assert owner.post(f"{at}/withdraw").json()["state"] == "withdrawn"
    assert code(dana.post(f"{at}/decide", no_go)) == (409, "trial_over")


def test_a_key_is_on_the_side_of_its_lab(arena: Arena, bob: Person, trial: Trial) -> None:
    """Bob owns the version, and is in the lab that tries it as well, and in a third."""
    third = make_lab()
    for lab in (arena.lab, third):
        make_person(bob.email, lab=lab, role=Role.OWNER)
    at = f"trials/{trial.pk}"
    assert code(with_key(bob, third, ("own", "read")).get(at)) == (404, "trial_unknown")
    at_the_host = with_key(bob, arena.lab, ("own", "read", "evaluate"))
    assert at_the_host.get(at).json()["may_decide"] is False
    assert code(at_the_host.post(f"{at}/withdraw")) == (403, "not_an_owner")
    assert code(at_the_host.post(f"{at}/decide", {"go": False, "comment": "no"})) == (403, "not_the_host")
    of_the_owner = with_key(bob, arena.owners, ("evaluate",))
    asked = {"station": arena.station.pk, "instruction": "lift the cup"}
    assert code(of_the_owner.post(f"{at}/sessions", asked)) == (403, "not_the_host")


def test_stewards_waive_in_a_browser(version: PolicyVersion, owner: Api, eve: Person) -> None:
    at = f"versions/{version.label}/waive"
    assert code(owner.post(at, {"comment": "mine"})) == (403, "browser_only")
    assert code(in_browser(eve).post(at, {"comment": "  "})) == (400, "invalid_input")
    assert in_browser(eve).post(at, {"comment": "tried elsewhere"}).status_code == 204
    version.refresh_from_db()
    assert version.pool == "active"
    assert code(in_browser(eve).post(at, {"comment": "again"})) == (409, "no_trial_due")


def test_whom_one_may_ask(arena: Arena, owner: Api, version: PolicyVersion) -> None:
    at = f"versions/{version.label}/trials"
    assert owner.get(f"versions/{version.label}").json()["hosts"] == [arena.lab.slug]
    assert code(owner.post(at, {"host": "nothing"})) == (404, "lab_unknown")
    assert code(owner.post(at, {"host": make_lab().slug})) == (400, "host_unfit")
    assert code(owner.post(f"versions/{arena.versions[0].label}/trials", {"host": arena.lab.slug})) == (
        409,
        "no_trial_due",
    )
