import pytest
from django.db import DatabaseError, transaction

from arena import affiliations
from arena.errors import AccessDenied, ArenaError
from arena.models import Affiliation, AuditEvent, Lab, Person, Role
from tests.factories import make_lab, make_person, make_steward

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> Person:
    return make_person("alice@example.org", lab=make_lab("Owners"), role=Role.ADMIN)


def lab_of(person: Person) -> Lab:
    return person.memberships.get().lab


def test_an_affiliation_bars_both_labs_whoever_declared_it(alice: Person) -> None:
    owners, others, third = lab_of(alice), make_lab("Others"), make_lab("Third")
    affiliations.declare(lab=owners, other=others, by=alice)
    affiliations.declare(lab=third, other=owners, by=alice)
    assert affiliations.barred_labs([owners.pk]) == {others.pk, third.pk}
    assert affiliations.barred_labs([others.pk]) == {owners.pk}
    assert affiliations.barred_labs({third.pk, owners.pk}) == {owners.pk, others.pk, third.pk}
    assert affiliations.barred_labs([]) == frozenset()
    assert affiliations.barred_labs([make_lab().pk]) == frozenset()


def test_what_either_has_declared_is_not_declared_twice(alice: Person) -> None:
    owners, others = lab_of(alice), make_lab("Others")
    first = affiliations.declare(lab=owners, other=others, by=alice, comment="one student in both")
    assert affiliations.declare(lab=owners, other=others, by=alice) == first
    assert affiliations.declare(lab=others, other=owners, by=alice) == first
    assert AuditEvent.objects.filter(tag="affiliation:declared").count() == 1


def test_a_lab_is_not_affiliated_with_itself(alice: Person) -> None:
    with pytest.raises(ArenaError) as caught:
        affiliations.declare(lab=lab_of(alice), other=lab_of(alice), by=alice)
    assert caught.value.code == "affiliation_with_itself"


def test_only_a_steward_ends_one_and_the_record_stays(alice: Person) -> None:
    owners, others = lab_of(alice), make_lab("Others")
    affiliation = affiliations.declare(lab=owners, other=others, by=alice)
    with pytest.raises(AccessDenied) as caught:
        affiliations.end(affiliation=affiliation, by=alice)
    assert caught.value.code == "not_a_steward"
    assert affiliations.barred_labs([owners.pk]) == {others.pk}
    eve = make_steward()
    for _ in range(2):
        affiliations.end(affiliation=affiliation, by=eve)
    assert affiliations.barred_labs([owners.pk]) == affiliations.barred_labs([others.pk]) == frozenset()
    affiliation.refresh_from_db()
    assert affiliation.ended_by == eve
    assert AuditEvent.objects.filter(tag="affiliation:ended").count() == 1
    with pytest.raises(DatabaseError), transaction.atomic():
        affiliation.delete()


def test_after_its_end_it_can_be_declared_anew(alice: Person) -> None:
    owners, others = lab_of(alice), make_lab("Others")
    first = affiliations.declare(lab=owners, other=others, by=alice)
    affiliations.end(affiliation=first, by=make_steward())
    second = affiliations.declare(lab=others, other=owners, by=alice)
    assert second != first
    assert Affiliation.objects.count() == 2
    assert affiliations.barred_labs([owners.pk]) == {others.pk}


def test_a_lab_sees_those_that_others_declared(alice: Person) -> None:
    owners, others = lab_of(alice), make_lab("Others")
    affiliation = affiliations.declare(lab=owners, other=others, by=alice)
    assert affiliations.affiliations_of(others) == [(affiliation, owners)]
    assert affiliations.affiliations_of(owners) == [(affiliation, others)]
