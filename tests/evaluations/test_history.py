"""A person's history and lab pages: their own things, in a fixed number of queries, and never a side too early."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from arena import api_keys, keys, labs, members
from arena.models import Membership, Role, Scope
from evaluations import history, sessions
from tests.arena.conftest import as_person
from tests.factories import Arena, finish_session, make_lab, make_person, make_station, make_version, open_session

NOW = timezone.now()
PAGES = ("/account/history", "/lab")


@pytest.mark.parametrize("path", PAGES)
def test_ones_own_sessions_are_listed_and_nobody_elses(arena: Arena, path: str) -> None:
    open_session(arena, "an open task")
    finish_session(open_session(arena, "a finished task"))
    sessions.abandon(session=open_session(arena, "a task given up"), by=arena.dana, now=NOW)
    page = as_person(arena.dana).get(path).content.decode()
    for task in ("an open task", "a finished task", "a task given up"):
        assert task in page
    colleague = make_person("bob@example.org", lab=arena.lab, role=Role.ADMIN)
    assert "task" not in as_person(colleague).get(path).content.decode().split("</header>")[-1].split("<footer")[0]
    visitor: Any = Client().get(path)
    assert visitor.url == f"/sign-in?next={path}"


@pytest.mark.parametrize("path", PAGES)
def test_no_policy_is_named_before_or_after_the_reveal(arena: Arena, path: str) -> None:
    session = open_session(arena)
    for _ in range(2):
        page = as_person(arena.dana).get(path).content.decode()
        assert not any(version.policy.slug in page or version.policy.name in page for version in arena.versions)
        finish_session(session)


def test_what_was_done_with_my_account_is_said_in_words(arena: Arena) -> None:
    admin = make_person("ann@example.org", lab=arena.lab, role=Role.ADMIN)
    membership = Membership.objects.get(person=arena.dana)
    keys.revoke_client_key(key=arena.key, by=admin)
    key, _ = api_keys.create_api_key(person=arena.dana, lab=arena.lab, name="<b>k</b>", scopes=[Scope.READ], now=NOW)
    api_keys.revoke_api_key(key=key, now=NOW, by=arena.dana)
    members.change_role(membership=membership, role=Role.OWNER, by=admin)
    page = as_person(arena.dana).get("/account/history").content.decode()
    assert f"Access code at a station of {arena.lab.name} revoked" in page
    assert "API key “&lt;b&gt;k&lt;/b&gt;” of" in page
    assert f"Role in {arena.lab.name} changed to policy owner" in page
    assert "by ann@example.org" in page
    assert "by you" in page
    seen_by_admin = as_person(admin).get("/account/history").content.decode()
    assert f"({arena.dana.email})" in seen_by_admin
    charlie = make_person("charlie@example.org", lab=make_lab(), role=Role.ADMIN)
    assert arena.dana.email not in as_person(charlie).get("/account/history").content.decode()


def test_a_removed_member_still_reads_their_history(arena: Arena) -> None:
    finish_session(open_session(arena, "a finished task"))
    admin = make_person("ann@example.org", lab=arena.lab, role=Role.ADMIN)
    members.remove_member(membership=Membership.objects.get(person=arena.dana), by=admin, now=NOW)
    page = as_person(arena.dana).get("/account/history").content.decode()
    assert "a finished task" in page
    assert "Membership of" in page
    assert "in no lab yet" in as_person(arena.dana).get("/lab").content.decode()


def test_both_lists_have_pages_of_their_own(arena: Arena) -> None:
    for number in range(history.RECENT_SESSIONS + 20):
        sessions.abandon(
            session=open_session(arena, f"task {number:02}."), by=arena.dana, now=NOW + timedelta(seconds=number)
        )
        _, _ = keys.create_client_key(person=arena.dana, station=arena.station, by=arena.dana)
    client = as_person(arena.dana)
    first = client.get("/account/history").content.decode()
    assert "task 29." in first
    assert "task 00." not in first
    assert "Pages of events" in first
    assert "task 00." in client.get("/account/history?page=2").content.decode()
    assert client.get("/account/history?page=999&events=x").status_code == 200
    lab = client.get("/lab").content.decode()
    assert "task 29." in lab
    assert "task 19." not in lab


def test_neither_page_costs_more_for_more(arena: Arena, django_assert_max_num_queries: Any) -> None:
    client = as_person(arena.dana)
    admin = make_person("ann@example.org", lab=arena.lab, role=Role.ADMIN)
    for number in range(4):
        lab = make_lab()
        labs.add_member(lab=lab, email=arena.dana.email, role=Role.ADMIN)
        make_station(lab=lab)
        make_version(lab=lab)
        finish_session(open_session(arena, f"task {number}"))
        keys.create_client_key(person=arena.dana, station=arena.station, by=admin)
    with django_assert_max_num_queries(13):
        assert client.get("/lab").status_code == 200
    with django_assert_max_num_queries(13):
        assert client.get("/account/history").status_code == 200
