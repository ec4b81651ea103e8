"""Versions that are evaluated without their name: the choice, the places of a lab, and the way out."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, transaction
from django.test import override_settings
from django.utils import timezone

from arena import policies
from arena.errors import Conflict
from arena.models import AuditEvent, Lab, Person, PolicyVersion, Role
from tests.factories import make_lab, make_person, make_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def lab() -> Lab:
    return make_lab("Dune Lab")


@pytest.fixture
def alice(lab: Lab) -> Person:
    return make_person("alice@example.org", lab=lab, role=Role.OWNER)


def unlisted(lab: Lab, name: str = "Heron", version: str = "1") -> PolicyVersion:
    return make_version(name, lab=lab, version=version, unlisted=True)


def test_others_are_told_a_pseudonym_that_names_the_lab(lab: Lab) -> None:
    first, second = unlisted(lab), unlisted(lab, version="2")
    assert (first.shown_label, second.shown_label) == ("unlisted.dune-lab@1", "unlisted.dune-lab@2")
    assert (first.shown_name, first.shown_slug, first.shown_version) == (
        "Unlisted of Dune Lab",
        "unlisted.dune-lab",
        "1",
    )
    assert first.label_for(lab.pk) == first.label == "heron@1"
    assert first.label_for(make_lab().pk) == first.label_for(None) == "unlisted.dune-lab@1"
    assert AuditEvent.objects.get(subject="heron@1").tag == "policy:registered-unlisted"


def test_one_that_was_registered_in_the_open_goes_by_its_name(lab: Lab) -> None:
    version = make_version("Heron", lab=lab)
    assert not version.is_unlisted
    assert version.shown_label == version.input_label == version.label


def test_listing_tells_the_name_and_happens_once(lab: Lab, alice: Person) -> None:
    version = policies.list_version(version=unlisted(lab), by=alice)
    assert version.listed_at is not None
    assert (version.shown_label, version.shown_name) == ("heron@1", "Heron")
    assert version.input_label == "unlisted.dune-lab@1"
    again = policies.list_version(version=version, by=alice)
    assert again.listed_at == version.listed_at
    event = AuditEvent.objects.get(tag="policy:listed")
    assert (event.subject, event.person, event.details["pseudonym"]) == ("heron@1", alice, "unlisted.dune-lab@1")


def test_a_retired_version_can_be_listed(lab: Lab, alice: Person) -> None:
    version = policies.set_pool(version=unlisted(lab), pool=PolicyVersion.Pool.RETIRED, by=alice)
    assert not policies.list_version(version=version, by=alice).is_unlisted


@pytest.mark.parametrize(
    ("was_listed", "change"),
    [
        (False, {"pseudonym": ""}),
        (False, {"pseudonym": "unlisted.other@1"}),
        (True, {"listed_at": None}),
        (True, {"listed_at": timezone.now() + timedelta(days=1)}),
    ],
)
def test_the_database_keeps_the_pseudonym_and_the_listing(
    lab: Lab, alice: Person, was_listed: bool, change: dict[str, Any]
) -> None:
    version = unlisted(lab)
    if was_listed:
        policies.list_version(version=version, by=alice)
    with pytest.raises(DatabaseError), transaction.atomic():
        PolicyVersion.objects.filter(pk=version.pk).update(**change)


def test_what_was_registered_in_the_open_stays_so(lab: Lab) -> None:
    version = make_version(lab=lab)
    with pytest.raises(DatabaseError), transaction.atomic():
        PolicyVersion.objects.filter(pk=version.pk).update(pseudonym="unlisted.dune-lab@9")
    with pytest.raises(IntegrityError), transaction.atomic():
        PolicyVersion.objects.filter(pk=version.pk).update(listed_at=timezone.now())


def test_a_lab_has_two_places_and_another_its_own(lab: Lab) -> None:
    unlisted(lab)
    assert policies.unlisted_places_left(lab) == 1
    unlisted(lab, version="2")
    with pytest.raises(Conflict) as refused:
        unlisted(lab, name="Egret")
    assert refused.value.code == "unlisted_limit"
    assert not PolicyVersion.objects.filter(policy__slug="egret").exists()
    unlisted(make_lab(), name="Stork")
    make_version("Egret", lab=lab)


def test_listing_frees_a_place_at_once(lab: Lab, alice: Person) -> None:
    first, _ = unlisted(lab), unlisted(lab, version="2")
    policies.list_version(version=first, by=alice)
    assert unlisted(lab, version="3").pseudonym == "unlisted.dune-lab@3"
    assert policies.unlisted_places_left(lab) == 0


def test_retiring_frees_a_place_ninety_days_after_it_was_registered(lab: Lab, alice: Person) -> None:
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        withdrawn, _ = unlisted(lab), unlisted(lab, version="2")
        policies.set_pool(version=withdrawn, pool=PolicyVersion.Pool.RETIRED, by=alice)
    with time_machine.travel(now + policies.UNLISTED_PLACE_KEPT - timedelta(seconds=1), tick=False):
        assert policies.unlisted_places_left(lab) == 0
    with time_machine.travel(now + policies.UNLISTED_PLACE_KEPT + timedelta(seconds=1), tick=False):
        assert policies.unlisted_places_left(lab) == 1
        unlisted(lab, version="3")
        with pytest.raises(Conflict):
            unlisted(lab, version="4")


def test_an_installation_can_do_without(lab: Lab) -> None:
    with override_settings(UNLISTED_VERSIONS_MAX=0), pytest.raises(Conflict):
        unlisted(lab)


def test_a_slug_is_never_a_pseudonym(lab: Lab) -> None:
    secret, open_one = unlisted(lab), make_version("unlisted.dune-lab", lab=lab)
    assert open_one.policy.slug == "unlisteddune-lab"
    assert PolicyVersion.objects.shown_as(secret.pseudonym).get() == secret
    assert not PolicyVersion.objects.shown_as(secret.label).exists()
    assert not PolicyVersion.objects.shown_as("").exists()


def test_the_operators_command_says_the_pseudonym(lab: Lab) -> None:
    out = StringIO()
    call_command(
        "register_policy", "Heron", lab=lab.slug, endpoint="ws://127.0.0.1:9", unlisted=True, json=True, stdout=out
    )
    assert json.loads(out.getvalue())["pseudonym"] == "unlisted.dune-lab@1"
