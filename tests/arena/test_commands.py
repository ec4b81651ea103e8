import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from arena import keys
from arena.models import Endpoint, Lab, Membership, Person, PolicyVersion, Station

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> Any:
    out = StringIO()
    call_command(*arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


def refused(*arguments: str) -> str:
    """The code of the error that a command ends with; with --json it prints the error as one object too."""
    out = StringIO()
    with pytest.raises(CommandError) as caught:
        call_command(*arguments, "--json", stdout=out)
    code: str = json.loads(out.getvalue())["error"]["code"]
    assert str(caught.value).endswith(f"[{code}]")
    return code


def test_a_lab_from_nothing_to_an_access_code() -> None:
    assert run("create_lab", "Berkeley RAIL") == {"lab": "Berkeley RAIL", "slug": "berkeley-rail", "simulated": False}
    run("create_member", "Dana@Example.org", "--lab", "berkeley-rail", "--role", "evaluator")
    run("create_station", "bench 1", "--lab", "Berkeley RAIL", "--cameras", "wrist,left")
    made = run("create_client_key", "--email", "dana@example.org", "--station", "bench 1")
    station = Station.objects.get()
    assert (station.cameras, station.embodiment.name, station.simulated) == (["left", "wrist"], "DROID", False)
    key = keys._living_key(made["code"])
    assert key is not None
    assert (key.pk, key.person.email) == (made["key"], "dana@example.org")


def test_for_people_the_code_stands_alone_on_its_line() -> None:
    run("create_lab", "L")
    run("create_member", "dana@example.org", "--lab", "L", "--role", "evaluator")
    run("create_station", "S", "--lab", "L", "--cameras", "left")
    out = StringIO()
    call_command("create_client_key", "--email", "dana@example.org", "--station", "S", stdout=out)
    code, sentence = out.getvalue().splitlines()
    key = keys._living_key(code)
    assert key is not None
    assert f"key {key.pk}." in sentence


def test_a_revoked_code_stays_revoked() -> None:
    test_for_people_the_code_stands_alone_on_its_line()
    made = run("create_client_key", "--email", "dana@example.org", "--station", "L/S")
    for _ in range(2):
        assert run("revoke_client_key", str(made["key"])) == {"key": made["key"], "revoked": True}
    assert keys._living_key(made["code"]) is None


def said(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_a_robot_that_nothing_else_has_is_said_to_be_new() -> None:
    run("create_lab", "L")
    station = ["--lab", "L", "--cameras", "left"]
    assert "The embodiment DROID is new" in said("create_station", "one", *station)
    assert "is new" not in said("create_station", "two", *station, "--embodiment", " droid")
    assert run("create_station", "three", *station)["embodiment_is_new"] is False
    assert run("create_station", "four", *station, "--embodiment", "DORID")["embodiment_is_new"] is True
    policy = ["--lab", "L", "--endpoint", "ws://policy.invalid:1"]
    assert "The embodiment UR5 is new" in said("register_policy", "p", *policy, "--embodiment", "UR5")
    assert run("register_policy", "q", *policy, "--embodiment", "ur5")["embodiment_is_new"] is False


def test_stations_of_a_simulated_lab_are_simulated() -> None:
    assert run("create_lab", "Sim", "--simulated")["simulated"] is True
    assert run("create_station", "s", "--lab", "sim", "--cameras", "left,wrist")["simulated"] is True


def test_a_role_can_be_changed_by_saying_it_again() -> None:
    run("create_lab", "L")
    for role in ("evaluator", "admin"):
        run("create_member", "dana@example.org", "--lab", "L", "--role", role)
    assert Membership.objects.get().role == "admin"


def test_a_password_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANAS_PASSWORD", "correct horse")
    run("create_lab", "L")
    run("create_member", "d@example.org", "--lab", "L", "--role", "owner", "--password-env", "DANAS_PASSWORD")
    run("create_steward", "eve@example.org", "--password-env", "DANAS_PASSWORD")
    assert all(person.check_password("correct horse") for person in Person.objects.all())
    assert Person.objects.get(email="eve@example.org").is_staff


@pytest.mark.parametrize("command", [["create_steward"], ["create_member", "--lab", "L", "--role", "owner"]])
@pytest.mark.parametrize(
    ("password", "code"),
    [
        (None, "password_missing"),
        ("", "password_missing"),
        ("2short", "weak_password"),
        ("password1", "weak_password"),
        ("gwendolyn@example", "weak_password"),
    ],
)
def test_a_password_must_be_there_and_hard_to_guess(
    monkeypatch: pytest.MonkeyPatch, command: list[str], password: str | None, code: str
) -> None:
    if password is not None:
        monkeypatch.setenv("A_PASSWORD", password)
    run("create_lab", "L")
    assert refused(*command, "gwendolyn@example.org", "--password-env", "A_PASSWORD") == code
    assert not Person.objects.exists()


def test_a_known_person_keeps_name_and_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_PASSWORD", "correct horse")
    run("create_lab", "L")
    member = ["create_member", "Dana@example.org", "--lab", "L", "--role"]
    run(*member, "owner", "--name", "Dana")
    assert refused(*member, "admin", "--password-env", "A_PASSWORD") == "person_exists"
    assert refused(*member, "admin", "--name", "Daniela") == "person_exists"
    assert refused("create_steward", "Dana@example.org") == "person_exists"
    dana = Person.objects.get()
    assert (dana.name, dana.has_usable_password(), dana.is_staff) == ("Dana", False, False)
    assert Membership.objects.get().role == "owner"


def test_a_policy_is_registered_with_what_its_check_found() -> None:
    run("create_lab", "Owners")
    made = run("register_policy", "pi0 FAST", "--lab", "owners", "--endpoint", "ws://policy.invalid:8000")
    assert (made["policy"], made["version"], made["label"]) == ("pi0-fast", "1", "pi0-fast@1")
    assert made["check"]["status"] == "could_not_check"
    second = run(
        "register_policy", "pi0 FAST", "--lab", "owners", "--endpoint", "wss://policy.invalid", "--version", "2b"
    )
    assert second["label"] == "pi0-fast@2b"
    assert set(Endpoint.objects.values_list("health", flat=True)) == {"unknown"}
    assert PolicyVersion.objects.count() == 2


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["create_lab", "owners"], "lab_exists"),
        (["create_lab", "***"], "bad_name"),
        (["create_lab", " "], "bad_name"),
        (["create_member", "x", "--lab", "Owners", "--role", "owner"], "bad_email"),
        (["create_member", "x@example.org", "--lab", "Nowhere", "--role", "owner"], "lab_unknown"),
        (["create_steward", "x"], "bad_email"),
        (["create_station", "s", "--lab", "Owners", "--cameras", "wrist"], "bad_cameras"),
        (["create_station", "s", "--lab", "Owners", "--cameras", "left,ceiling"], "bad_cameras"),
        (["create_client_key", "--email", "x@example.org", "--station", "s"], "person_unknown"),
        (["revoke_client_key", "99"], "key_unknown"),
        (["register_policy", "p", "--lab", "Owners", "--endpoint", "http://policy.example"], "bad_endpoint"),
        (["register_policy", "p", "--lab", "Owners", "--endpoint", "ws://user:pw@policy.example"], "bad_endpoint"),
        (["register_policy", "p", "--lab", "Owners", "--endpoint", "ws://h:1", "--version", "a b"], "bad_version"),
        (["import_roboarena", "no-such-folder"], "import_folder"),
    ],
)
def test_what_cannot_be_done_is_said_with_a_code(arguments: list[str], code: str) -> None:
    run("create_lab", "Owners")
    assert refused(*arguments) == code
    assert Lab.objects.count() == 1


def test_the_same_version_cannot_be_registered_twice() -> None:
    run("create_lab", "Owners")
    arguments = ["register_policy", "p", "--lab", "Owners", "--endpoint", "ws://policy.invalid:1"]
    run(*arguments)
    assert refused(*arguments) == "version_exists"


def test_a_policy_belongs_to_its_first_owner() -> None:
    for lab in ("Owners", "Others"):
        run("create_lab", lab)
    run("register_policy", "p", "--lab", "Owners", "--endpoint", "ws://policy.invalid:1")
    assert refused("register_policy", "P", "--lab", "Others", "--endpoint", "ws://policy.invalid:1") == "policy_exists"


def test_a_station_name_that_two_labs_have_needs_the_lab() -> None:
    for lab in ("One", "Two"):
        run("create_lab", lab)
        run("create_station", "bench", "--lab", lab, "--cameras", "left")
    run("create_member", "dana@example.org", "--lab", "Two", "--role", "evaluator")
    assert refused("create_client_key", "--email", "dana@example.org", "--station", "bench") == "station_ambiguous"
    assert run("create_client_key", "--email", "dana@example.org", "--station", "Two/bench")["station"] == "bench"
    assert refused("create_client_key", "--email", "dana@example.org", "--station", "One/bench") == "not_a_member"


def test_a_version_can_be_served_elsewhere() -> None:
    run("create_lab", "Owners")
    run("register_policy", "p", "--lab", "Owners", "--endpoint", "ws://policy.invalid:1")
    moved = run("set_endpoint", "p@1", "--endpoint", "ws://policy.invalid:2")
    assert (moved["label"], moved["check"]["status"]) == ("p@1", "could_not_check")
    assert Endpoint.objects.get().url == "ws://policy.invalid:2"
    assert refused("set_endpoint", "p@2", "--endpoint", "ws://policy.invalid:2") == "version_unknown"
    assert refused("set_endpoint", "p@1", "--endpoint", "http://policy.invalid") == "bad_endpoint"
