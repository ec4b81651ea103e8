"""The people of the tests: Alice owns policies and runs her lab, Bob is its member, Charlie runs another lab,
Dana evaluates in a third, Eve is a steward."""

from dataclasses import dataclass

import pytest
from django.test import Client

from arena.models import Lab, Membership, Person, Role
from tests.factories import make_lab, make_person, make_steward, make_version


@dataclass(frozen=True)
class Cast:
    owners: Lab
    others: Lab
    evaluators: Lab
    alice: Person
    bob: Person
    charlie: Person
    dana: Person
    eve: Person

    def membership(self, person: Person) -> Membership:
        return Membership.objects.get(person=person)


def make_cast() -> Cast:
    owners, others, evaluators = make_lab("Owners"), make_lab("Others"), make_lab("Evaluators")
    make_version(lab=owners)
    return Cast(
        owners,
        others,
        evaluators,
        alice=make_person("alice@example.org", lab=owners, role=Role.ADMIN),
        bob=make_person("bob@example.org", lab=owners, role=Role.EVALUATOR),
        charlie=make_person("charlie@example.org", lab=others, role=Role.ADMIN),
        dana=make_person("dana@example.org", lab=evaluators, role=Role.EVALUATOR),
        eve=make_steward(),
    )


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


def as_person(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client
