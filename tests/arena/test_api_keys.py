import logging
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session as WebSession
from django.db import connection
from django.test import Client
from django.utils import timezone

from arena import api_keys, members
from arena.errors import AccessDenied, ArenaError, Conflict, NotSignedIn, TooMany
from arena.models import ApiKey, AuditEvent, Lab, Person, Role, Scope
from tests.arena.conftest import Cast, as_person

NOW = timezone.now()
SECOND = timedelta(seconds=1)
HERE = "192.0.2.1"


def make(person: Person, lab: Lab, **changes: Any) -> tuple[ApiKey, str]:
    fields = {"name": "script", "scopes": [Scope.READ, Scope.EVALUATE], "now": NOW, **changes}
    return api_keys.create_api_key(person=person, lab=lab, **fields)


def opens(secret: str, *, at: Any = NOW) -> ApiKey:
    return api_keys.authenticate_api_key(secret=secret, address=HERE, now=at)


def test_a_key_opens_what_its_person_chose(cast: Cast) -> None:
    key, secret = make(cast.dana, cast.evaluators, scopes=[Scope.EVALUATE, Scope.READ])
    assert re.fullmatch(r"arena_[\w-]{43}", secret)
    found = opens(secret)
    assert (found, found.person, found.lab) == (key, cast.dana, cast.evaluators)
    assert found.scopes == ["read", "evaluate"]
    assert secret.startswith(found.prefix)
    assert len(found.prefix) == 12


def test_the_secret_is_kept_nowhere(cast: Cast) -> None:
    _, secret = make(cast.dana, cast.evaluators)
    with connection.cursor() as cursor:
        for table in (ApiKey, AuditEvent):
            cursor.execute(f"select t::text from {table._meta.db_table} t")
            assert not any(secret in row or secret[12:] in row for (row,) in cursor.fetchall())


def test_it_ends_at_its_end_and_not_before(cast: Cast) -> None:
    ends = NOW + timedelta(days=1)
    _, secret = make(cast.dana, cast.evaluators, expires_at=ends)
    assert opens(secret, at=ends - SECOND)
    with pytest.raises(NotSignedIn):
        opens(secret, at=ends)


@pytest.mark.parametrize("how", ["revoked", "switched off", "no member"])
def test_a_key_that_has_ended_is_refused(cast: Cast, how: str) -> None:
    key, secret = make(cast.dana, cast.evaluators)
    if how == "revoked":
        for _ in range(2):
            api_keys.revoke_api_key(key=key, now=NOW, by=cast.dana)
        assert AuditEvent.objects.filter(tag="api-key:revoked").count() == 1
    elif how == "switched off":
        Person.objects.filter(pk=cast.dana.pk).update(is_active=False)
    else:
        members.remove_member(membership=cast.membership(cast.dana), by=cast.eve, now=NOW)
    with pytest.raises(NotSignedIn) as caught:
        opens(secret)
    assert caught.value.code == "bad_api_key"


@pytest.mark.parametrize("wrong", ["", "arena_", "arena_x", "nonsense", "x" * 5000, "arena_\x00", "arena_\udcff"])
def test_a_wrong_key_is_refused_and_never_an_error(cast: Cast, wrong: str) -> None:
    with pytest.raises(NotSignedIn):
        opens(wrong)


def test_wrong_ones_are_bounded_and_do_not_shut_out_the_right_one(cast: Cast) -> None:
    _, secret = make(cast.dana, cast.evaluators)
    for _ in range(20):
        with pytest.raises(NotSignedIn):
            opens("arena_wrong")
    with pytest.raises(TooMany):
        opens("arena_wrong")
    assert opens(secret)
    with pytest.raises(NotSignedIn):
        api_keys.authenticate_api_key(secret="arena_wrong", address="192.0.2.2", now=NOW)


def test_when_it_was_last_used_is_kept_in_steps_of_a_minute(cast: Cast) -> None:
    key, secret = make(cast.dana, cast.evaluators)
    for later, kept in ((0, 0), (60, 0), (61, 61), (90, 61)):
        opens(secret, at=NOW + later * SECOND)
        key.refresh_from_db()
        assert key.last_used_at == NOW + kept * SECOND


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"scopes": []}, "bad_scope"),
        ({"scopes": ["everything"]}, "bad_scope"),
        ({"scopes": ["manage"]}, "bad_scope"),
        ({"name": " "}, "bad_name"),
        ({"expires_at": NOW}, "bad_expiry"),
    ],
)
def test_keys_that_cannot_be(cast: Cast, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(ArenaError) as caught:
        make(cast.dana, cast.evaluators, **changes)
    assert caught.value.code == code


def test_only_a_member_has_a_key_and_only_an_admin_one_that_manages(cast: Cast) -> None:
    with pytest.raises(AccessDenied):
        make(cast.dana, cast.owners)
    assert make(cast.alice, cast.owners, scopes=[Scope.MANAGE])[0].scopes == ["manage"]


def test_a_name_is_had_by_one_living_key(cast: Cast) -> None:
    key, _ = make(cast.dana, cast.evaluators)
    with pytest.raises(Conflict):
        make(cast.dana, cast.evaluators, name="Script")
    api_keys.revoke_api_key(key=key, now=NOW)
    assert make(cast.dana, cast.evaluators)


def test_twenty_keys_are_enough(cast: Cast) -> None:
    for number in range(api_keys.MOST_LIVING):
        make(cast.dana, cast.evaluators, name=f"key {number}")
    with pytest.raises(TooMany):
        make(cast.dana, cast.evaluators)


def form(**changes: Any) -> dict[str, Any]:
    return {"name": "script", "lab": "evaluators", "scopes": ["read"], "ends": "30", "form_id": "f1", **changes}


def test_the_page_shows_a_key_once(cast: Cast, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client = as_person(cast.dana)
    answer = client.post("/account/keys", form())
    found = re.search(r'class="secret">(arena_[\w-]+)<', answer.content.decode())
    assert found
    secret = found[1]
    assert opens(secret).expires_at is not None
    assert "no-store" in answer["Cache-Control"]
    assert secret not in client.get("/account/keys").content.decode()
    assert secret not in str([row.get_decoded() for row in WebSession.objects.all()])
    assert secret not in caplog.text
    assert "script" in client.get("/account/keys").content.decode()


def test_a_form_that_is_sent_twice_makes_one_key(cast: Cast) -> None:
    client = as_person(cast.dana)
    client.post("/account/keys", form())
    answer: Any = client.post("/account/keys", form(name="other"), follow=True)
    assert "sent twice" in answer.content.decode()
    assert ApiKey.objects.count() == 1


def test_what_was_typed_is_shown_again_with_what_is_wrong(cast: Cast) -> None:
    client = as_person(cast.dana)
    answer = client.post("/account/keys", form(scopes=["manage"], name="my name"))
    assert answer.status_code == 400
    assert "Only a lab admin" in answer.content.decode()
    assert 'value="my name"' in answer.content.decode()
    assert client.post("/account/keys", form(lab="owners")).status_code == 400
    assert not ApiKey.objects.exists()


def test_nobody_sees_or_revokes_the_keys_of_another(cast: Cast) -> None:
    key, _ = make(cast.bob, cast.owners, name="bob's own")
    for person in (cast.alice, cast.charlie, cast.eve):
        assert "bob&#x27;s own" not in as_person(person).get("/account/keys").content.decode()
        assert as_person(person).post(f"/account/keys/{key.pk}/revoke").status_code == 404
    assert as_person(cast.bob).post("/account/keys/99999999999999999999/revoke").status_code == 404
    assert as_person(cast.bob).get(f"/account/keys/{key.pk}/revoke").status_code == 405
    assert as_person(cast.bob).post(f"/account/keys/{key.pk}/revoke").status_code == 302
    key.refresh_from_db()
    assert key.revoked_at
    assert "Ended" in as_person(cast.bob).get("/account/keys").content.decode()


def test_who_is_in_no_lab_is_told_what_to_do(cast: Cast) -> None:
    assert "/join" in as_person(cast.eve).get("/account/keys").content.decode()
    assert Client().get("/account/keys").status_code == 302


def test_the_page_does_not_cost_more_for_more_keys(cast: Cast, django_assert_max_num_queries: Any) -> None:
    for number in range(6):
        key, _ = make(cast.dana, cast.evaluators, name=f"key {number}")
        if number % 2:
            api_keys.revoke_api_key(key=key, now=NOW)
    client = as_person(cast.dana)
    with django_assert_max_num_queries(9):
        client.get("/account/keys")


def test_an_admin_who_is_admin_no_longer_keeps_the_key_with_its_scopes(cast: Cast) -> None:
    """What a scope allows is bounded by the role at the time of the call: the caller looks at both."""
    _, secret = make(cast.alice, cast.owners, scopes=[Scope.MANAGE])
    members.change_role(membership=cast.membership(cast.bob), role=Role.ADMIN, by=cast.alice)
    members.change_role(membership=cast.membership(cast.alice), role=Role.OWNER, by=cast.bob)
    assert opens(secret).person.memberships.get().role == Role.OWNER
