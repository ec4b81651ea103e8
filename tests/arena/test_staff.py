import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from arena.models import Endpoint, Person
from tests.factories import Arena

pytestmark = pytest.mark.django_db

REGISTERED = sorted(model._meta.model_name or "" for model in admin.site._registry if model._meta.app_label == "arena")


@pytest.fixture
def eve(client: Client) -> Client:
    client.force_login(Person.objects.create_superuser("eve@example.org"))
    return client


def test_a_stranger_is_sent_to_the_one_sign_in_page_and_back(client: Client) -> None:
    answer = client.get("/staff/arena/lab/", follow=True)
    assert answer.redirect_chain[-1] == ("/sign-in?next=/staff/arena/lab/", 302)
    posted = client.post("/staff/login/", {"username": "eve@example.org", "password": "x"})
    assert posted.headers["Location"] == "/sign-in?next=/staff/"


def test_a_steward_comes_back_from_signing_in(client: Client) -> None:
    Person.objects.create_superuser("eve@example.org", "correct horse")
    fields = {"login": "eve@example.org", "password": "correct horse", "next": "/staff/"}
    answer = client.post(reverse("sign-in"), fields, follow=True)
    assert answer.redirect_chain == [("/staff/", 302)]
    assert answer.status_code == 200


def test_a_member_is_told_that_this_is_for_stewards(client: Client, arena: Arena) -> None:
    client.force_login(arena.dana)
    answer = client.get("/staff/", follow=True)
    assert answer.status_code == 403
    assert "Only stewards" in answer.content.decode()


@pytest.mark.parametrize("model", REGISTERED)
def test_a_steward_reads_every_list_and_changes_nothing(eve: Client, arena: Arena, model: str) -> None:
    assert eve.get(f"/staff/arena/{model}/").status_code == 200
    assert eve.get(f"/staff/arena/{model}/add/").status_code == 403


@pytest.mark.parametrize("operation", ["change", "delete"])
def test_a_row_is_shown_and_cannot_be_changed(eve: Client, arena: Arena, operation: str) -> None:
    page = reverse("admin:arena_lab_change", args=[arena.lab.pk])
    assert arena.lab.name in eve.get(page).content.decode()
    target = reverse(f"admin:arena_lab_{operation}", args=[arena.lab.pk])
    assert eve.post(target, {"name": "Renamed", "post": "yes"}).status_code == 403
    arena.lab.refresh_from_db()
    assert arena.lab.name != "Renamed"


def test_the_address_of_a_policy_server_is_shown_to_nobody_here(eve: Client, arena: Arena) -> None:
    endpoint = Endpoint.objects.get(version=arena.versions[0])
    for page in ("/staff/arena/endpoint/", f"/staff/arena/endpoint/{endpoint.pk}/change/"):
        answer = eve.get(page)
        assert answer.status_code == 200
        assert "policy.example" not in answer.content.decode()


def test_groups_are_not_a_thing_of_ours(eve: Client) -> None:
    assert not admin.site.is_registered(Group)
    assert eve.get("/staff/auth/group/").status_code == 404
