from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from arena import api_keys, keys, labs, members
from arena.errors import Conflict, NotFound, NotSignedIn
from arena.models import AuditEvent, Membership, Role, Scope
from tests.arena.conftest import Cast, as_person
from tests.factories import make_person, make_station

NOW = timezone.now()


def test_another_role_is_set_once(cast: Cast) -> None:
    for _ in range(2):
        members.change_role(membership=cast.membership(cast.bob), role=Role.OWNER, by=cast.alice)
    assert cast.membership(cast.bob).role == Role.OWNER
    event = AuditEvent.objects.get(tag="member:role")
    assert (event.person, event.subject) == (cast.alice, f"person:{cast.bob.pk}")


def test_a_lab_keeps_an_admin(cast: Cast) -> None:
    own = cast.membership(cast.alice)
    for attempt in (
        lambda: members.change_role(membership=own, role=Role.OWNER, by=cast.alice),
        lambda: members.remove_member(membership=own, by=cast.alice, now=NOW),
    ):
        with pytest.raises(Conflict) as caught:
            attempt()
        assert caught.value.code == "last_admin"
    members.change_role(membership=cast.membership(cast.bob), role=Role.ADMIN, by=cast.alice)
    members.remove_member(membership=own, by=cast.alice, now=NOW)
    assert [membership.person for membership in members.members_of(cast.owners)] == [cast.bob]
    assert AuditEvent.objects.filter(tag="member:left").count() == 1


def test_an_admin_whose_account_is_switched_off_does_not_count(cast: Cast) -> None:
    members.change_role(membership=cast.membership(cast.bob), role=Role.ADMIN, by=cast.alice)
    cast.bob.is_active = False
    cast.bob.save()
    with pytest.raises(Conflict):
        members.remove_member(membership=cast.membership(cast.alice), by=cast.alice, now=NOW)


def test_the_keys_of_who_leaves_end_and_stay_ended(cast: Cast) -> None:
    station = make_station(lab=cast.owners)
    _, code = keys.create_client_key(person=cast.bob, station=station)
    _, secret = api_keys.create_api_key(person=cast.bob, lab=cast.owners, name="k", scopes=[Scope.READ], now=NOW)
    members.remove_member(membership=cast.membership(cast.bob), by=cast.alice, now=NOW)
    for _ in range(2):
        with pytest.raises(NotSignedIn):
            keys.authenticate_client(code=code, address="192.0.2.1", now=NOW)
        with pytest.raises(NotSignedIn):
            api_keys.authenticate_api_key(secret=secret, address="192.0.2.1", now=NOW)
        labs.add_member(lab=cast.owners, email=cast.bob.email, role=Role.EVALUATOR)


def test_the_keys_in_another_lab_live_on(cast: Cast) -> None:
    labs.add_member(lab=cast.others, email=cast.bob.email, role=Role.EVALUATOR)
    _, secret = api_keys.create_api_key(person=cast.bob, lab=cast.others, name="k", scopes=[Scope.READ], now=NOW)
    own = Membership.objects.get(person=cast.bob, lab=cast.owners)
    members.remove_member(membership=own, by=cast.alice, now=NOW)
    assert api_keys.authenticate_api_key(secret=secret, address="192.0.2.1", now=NOW).person == cast.bob


def test_who_has_gone_cannot_be_removed_again(cast: Cast) -> None:
    own = cast.membership(cast.bob)
    members.remove_member(membership=Membership.objects.get(pk=own.pk), by=cast.alice, now=NOW)
    with pytest.raises(NotFound):
        members.remove_member(membership=own, by=cast.alice, now=NOW)
    assert AuditEvent.objects.filter(tag="member:removed").count() == 1


def test_members_see_the_lab_and_admins_its_controls(cast: Cast) -> None:
    page = as_person(cast.bob).get("/lab/owners/members").content.decode()
    assert "alice@example.org" in page
    assert "Send the invitation" not in page
    assert "Set role" not in page
    assert "Leave" in page
    assert "Send the invitation" in as_person(cast.alice).get("/lab/owners/members").content.decode()
    for stranger in (cast.charlie, cast.dana, cast.eve):
        assert as_person(stranger).get("/lab/owners/members").status_code == 404
    visitor: Any = Client().get("/lab/owners/members")
    assert visitor.url == "/sign-in?next=/lab/owners/members"


def test_only_an_admin_changes_roles_and_removes_others(cast: Cast) -> None:
    alice, bob = cast.membership(cast.alice).pk, cast.membership(cast.bob).pk
    for person, status in ((cast.bob, 403), (cast.charlie, 404), (cast.eve, 404)):
        assert as_person(person).post(f"/lab/owners/members/{bob}/role", {"role": "admin"}).status_code == status
        assert as_person(person).post(f"/lab/owners/members/{alice}/remove").status_code == status
    # Not by way of one's own lab either
    assert as_person(cast.charlie).post(f"/lab/others/members/{bob}/remove").status_code == 404
    assert cast.membership(cast.bob).role == Role.EVALUATOR
    assert as_person(cast.alice).post(f"/lab/owners/members/{bob}/role", {"role": "owner"}).status_code == 302
    assert cast.membership(cast.bob).role == Role.OWNER
    assert as_person(cast.alice).get(f"/lab/owners/members/{bob}/remove").status_code == 200
    assert as_person(cast.alice).post(f"/lab/owners/members/{bob}/remove").status_code == 302
    assert not Membership.objects.filter(pk=bob).exists()


def test_a_member_leaves_and_the_last_admin_is_told_why_not(cast: Cast) -> None:
    bob, alice = cast.membership(cast.bob).pk, cast.membership(cast.alice).pk
    answer: Any = as_person(cast.bob).post(f"/lab/owners/members/{bob}/remove")
    assert answer.url == "/lab"
    refused = as_person(cast.alice).post(f"/lab/owners/members/{alice}/remove")
    assert refused.status_code == 409
    assert "only admin" in refused.content.decode()


def test_the_page_does_not_cost_more_for_more_members(cast: Cast, django_assert_max_num_queries: Any) -> None:
    for number in range(6):
        make_person(f"m{number}@example.org", lab=cast.owners, role=Role.EVALUATOR)
    client = as_person(cast.alice)
    with django_assert_max_num_queries(8):
        client.get("/lab/owners/members")
