"""Makes what the demo needs and finds there is not yet: a start that was interrupted is completed by the next one."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.management import call_command
from django.utils import timezone
from django.utils.text import slugify

from arena import api_keys, keys, labs, policies, stations
from arena.errors import NotFound
from arena.models import Lab, Person, Policy, PolicyVersion, Role, Scope, Station
from evaluations import endpoints
from workers.demo.keepsakes import HOST, Keepsakes
from workers.platform import CannotRun

EMBODIMENT = "METAWORLD"
STATION = "Simulated table"
# These labs own the policies and run no station: a lab is never dealt a policy of its own.
OWNERS = ("Foundry Robotics (simulated)", "Gradient Works (simulated)")
# Every second simulated lab uses the API, the others RoboArena's client protocol: both are at work all the time.
API_EVERY = 2
API_KEY_NAME = "Simulated table's program"
# Training sessions are run against the best and the worst of them: a newcomer sees both ends of the scale.
PRACTICE = ("expert", "random")
STEWARD = "steward@arena.example"
_VARIABLE = "ARENA_DEMO_STEWARD_PASSWORD"


@dataclass(frozen=True)
class SimulatedLab:
    """What one simulated lab is told of the platform."""

    profile: str
    name: str
    email: str
    code: str
    api_key: str = ""
    """Where it has one it uses the API."""


@dataclass(frozen=True)
class Account:
    role: str
    email: str
    password: str


def refuse_other_installations(keepsakes: Keepsakes) -> None:
    """A database with labs that no demo made is somebody's work: simulation does not belong there."""
    if not keepsakes.exist() and Lab.objects.exists():
        raise CannotRun(
            "This installation has labs and is no demo. Give the demo an ARENA_HOME of its own, "
            "and a DATABASE_URL of its own if you set one."
        )


def seed_labs(profiles: Sequence[dict[str, Any]], keepsakes: Keepsakes) -> list[SimulatedLab]:
    return [
        _seed_lab(profile, keepsakes, uses_api=number % API_EVERY == API_EVERY - 1)
        for number, profile in enumerate(profiles)
    ]


def _seed_lab(profile: dict[str, Any], keepsakes: Keepsakes, *, uses_api: bool) -> SimulatedLab:
    lab = _lab(profile["title"])
    email = f"{profile['evaluators'][0]}@{profile['name']}.example"
    person = _member(lab, email, Role.EVALUATOR, keepsakes)
    _member(lab, f"admin@{profile['name']}.example", Role.ADMIN, keepsakes)
    station = Station.objects.filter(lab=lab, name=STATION).first() or stations.create_station(
        lab=lab, name=STATION, cameras=profile["cameras"], embodiment=EMBODIMENT
    )
    if email not in keepsakes.codes:
        _, code = keys.create_client_key(person=person, station=station)
        keepsakes.keep_code(email, code)
    api_key = _api_key(person, lab, keepsakes) if uses_api else ""
    return SimulatedLab(profile["name"], lab.name, email, keepsakes.codes[email], api_key)


def _api_key(person: Person, lab: Lab, keepsakes: Keepsakes) -> str:
    if person.email not in keepsakes.api_keys:
        now = timezone.now()
        # One that a start made that was interrupted before it kept the secret is of no use to anybody.
        for lost in person.api_keys.filter(lab=lab, name=API_KEY_NAME, revoked_at=None):
            api_keys.revoke_api_key(key=lost, now=now)
        _, secret = api_keys.create_api_key(
            person=person, lab=lab, name=API_KEY_NAME, scopes=(Scope.READ, Scope.EVALUATE), now=now
        )
        keepsakes.keep_api_key(person.email, secret)
    return keepsakes.api_keys[person.email]


def seed_policies(rows: Sequence[dict[str, Any]], ports: Iterable[int], keepsakes: Keepsakes) -> None:
    owners = [_lab(name) for name in OWNERS]
    for owner in owners:
        _member(owner, f"owner@{_domain(owner)}", Role.OWNER, keepsakes)
    for number, (row, port) in enumerate(zip(rows, ports, strict=True)):
        known = PolicyVersion.objects.filter(policy__slug=slugify(row["name"]), version=row["version"])
        if known.exists():
            continue
        version = policies.register_policy(
            lab=owners[number % len(owners)],
            name=row["name"],
            endpoint_url=f"ws://{HOST}:{port}",
            version=row["version"],
            embodiment=EMBODIMENT,
            open_source=True,
        )
        endpoints.check(endpoint_id=version.endpoint.pk)
    Policy.objects.filter(slug__in=PRACTICE, lab__in=owners).update(practice=True)


def seed_steward(keepsakes: Keepsakes) -> None:
    if Person.objects.filter(email=STEWARD).exists():
        return
    os.environ[_VARIABLE] = keepsakes.password(STEWARD)
    try:
        with open(os.devnull, "w", encoding="ascii") as nowhere:
            call_command("create_steward", STEWARD, "--password-env", _VARIABLE, stdout=nowhere)
    finally:
        del os.environ[_VARIABLE]


def accounts(simulated: Sequence[SimulatedLab], keepsakes: Keepsakes) -> list[Account]:
    """One for each role, to look around with."""
    first = simulated[0]
    emails = {
        "evaluator": first.email,
        "lab admin": f"admin@{first.profile}.example",
        "policy owner": f"owner@{_domain(labs.find_lab(OWNERS[0]))}",
        "steward": STEWARD,
    }
    return [Account(role, email, keepsakes.password(email)) for role, email in emails.items()]


def _lab(name: str) -> Lab:
    try:
        return labs.find_lab(name)
    except NotFound:
        return labs.create_lab(name=name, simulated=True)


def _member(lab: Lab, email: str, role: Role, keepsakes: Keepsakes) -> Person:
    return labs.add_member(lab=lab, email=email, role=role, password=keepsakes.password(email)).person


def _domain(lab: Lab) -> str:
    return f"{lab.slug.partition('-')[0]}.example"
