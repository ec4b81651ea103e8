"""Signing in by e-mail and password, and how guessing is bounded."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client, override_settings
from django.urls import reverse
from redis.exceptions import RedisError

from arena.accounts import adapter
from arena.models import Person, Role
from tests.arena.accounts.steps import PASSWORD, is_signed_in, sign_in
from tests.factories import make_lab, make_person

pytestmark = pytest.mark.django_db

TOO_MANY = adapter.AccountAdapter.error_messages["too_many_login_attempts"]


def guess(client: Client, email: str, *, times: int, address: str = "192.0.2.1") -> None:
    for _ in range(times):
        assert "do not belong together" in sign_in(client, email, "a guess", address=address)


def test_the_letter_case_of_the_email_does_not_matter(client: Client, dana: Person) -> None:
    assert sign_in(client, "Dana@Example.org") == ""
    assert is_signed_in(client)


def test_an_unknown_address_is_answered_like_a_wrong_password(client: Client, dana: Person) -> None:
    assert sign_in(client, "nobody@example.org", "x") == sign_in(client, dana.email, "x")


def test_after_ten_wrong_passwords_not_even_the_right_one_is_taken(client: Client, dana: Person) -> None:
    guess(client, dana.email, times=9)
    assert sign_in(client, dana.email) == ""
    client.logout()
    guess(client, dana.email, times=1)
    assert sign_in(client, dana.email) == TOO_MANY
    assert sign_in(client, dana.email.upper()) == TOO_MANY


@override_settings(ALLOWED_HOSTS=["*"])
def test_another_host_header_is_no_further_ten(client: Client, dana: Person) -> None:
    for number in range(10):
        fields = {"login": dana.email, "password": "a guess"}
        client.post(reverse("sign-in"), fields, HTTP_HOST=f"arena.example:{number + 1}", REMOTE_ADDR="192.0.2.1")
    assert sign_in(client, dana.email) == TOO_MANY


def test_the_others_at_an_address_and_the_person_elsewhere_still_get_in(client: Client, dana: Person) -> None:
    bob = make_person("bob@example.org", lab=make_lab(), role=Role.EVALUATOR, password=PASSWORD)
    guess(client, dana.email, times=10)
    for _ in range(100):
        assert sign_in(client, dana.email, "a guess") == TOO_MANY
    assert sign_in(client, bob.email) == ""
    client.logout()
    assert sign_in(client, dana.email, address="192.0.2.2") == ""


def test_one_address_cannot_try_many_accounts(client: Client, dana: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter.WRONG_FROM_ADDRESS, "_most", 3)
    for number in range(3):
        guess(client, f"nobody{number}@example.org", times=1)
    assert sign_in(client, dana.email) == TOO_MANY
    assert sign_in(client, dana.email, address="192.0.2.2") == ""


def test_the_addresses_of_one_ipv6_network_are_one(client: Client, dana: Person) -> None:
    for number in range(10):
        guess(client, dana.email, times=1, address=f"2001:db8:1:2::{number + 1}")
    assert sign_in(client, dana.email, address="2001:db8:1:2:ffff::1") == TOO_MANY
    assert sign_in(client, dana.email, address="2001:db8:1:3::1") == ""


@override_settings(TRUST_FORWARDED_FOR=True)
def test_behind_a_front_server_its_clients_are_told_apart(client: Client, dana: Person) -> None:
    def attempt(seen: str, password: str) -> int:
        fields = {"login": dana.email, "password": password}
        return client.post(reverse("sign-in"), fields, HTTP_X_FORWARDED_FOR=seen).status_code

    for number in range(10):
        attempt(f"10.0.0.{number}, 198.51.100.7", "a guess")
    assert attempt("198.51.100.7", PASSWORD) == 200
    assert attempt("198.51.100.8", PASSWORD) == 302


def test_while_the_cache_is_away_one_can_sign_in(client: Client, dana: Person, settings: Any) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    with pytest.raises(RedisError):
        cache.get("anything")
    assert "do not belong together" in sign_in(client, dana.email, "wrong")
    assert sign_in(client, dana.email) == ""
    assert is_signed_in(client)


def test_an_account_that_is_switched_off(client: Client, dana: Person) -> None:
    Person.objects.filter(pk=dana.pk).update(is_active=False)
    assert "do not belong together" in sign_in(client, dana.email, "wrong")
    answer = client.post(reverse("sign-in"), {"login": dana.email, "password": PASSWORD}, follow=True)
    assert "This account is switched off" in answer.content.decode()
    assert not is_signed_in(client)


def test_the_session_is_another_one_after_signing_in(client: Client, dana: Person) -> None:
    """Whoever planted a session in somebody's browser does not come along."""
    session = client.session
    session["planted"] = "yes"
    session.save()
    planted = session.session_key
    assert sign_in(client, dana.email) == ""
    assert client.session.session_key != planted


@pytest.mark.parametrize(
    ("asked", "reached"),
    [
        ("/status", "/status"),
        ("https://evil.example/", "/lab"),
        ("//evil.example/", "/lab"),
        ("http://127.0.0.1:8000/status", "/lab"),
        ("javascript:alert(1)", "/lab"),
    ],
)
def test_one_is_sent_on_within_the_site_only(client: Client, dana: Person, asked: str, reached: str) -> None:
    fields = {"login": dana.email, "password": PASSWORD, "next": asked}
    assert client.post(reverse("sign-in"), fields).headers["Location"] == reached


def test_signing_out_is_a_post(client: Client, dana: Person) -> None:
    client.force_login(dana)
    assert client.get(reverse("sign-out")).status_code == 405
    assert is_signed_in(client)
    assert client.post(reverse("sign-out")).status_code == 302
    assert not is_signed_in(client)
