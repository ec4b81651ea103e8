import re

import pytest
from django.test import Client, override_settings
from django.urls import reverse

from arena import forms
from arena.models import Person, Role
from tests.factories import make_lab, make_person

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse"
TOO_MANY = forms.SignInForm.error_messages["too_many"]


@pytest.fixture
def dana() -> Person:
    return make_person("dana@example.org", lab=make_lab(), role=Role.EVALUATOR, password=PASSWORD)


def sign_in(client: Client, email: str, password: str, *, address: str = "192.0.2.1") -> str:
    """What the page says against it; nothing where the person is signed in."""
    answer = client.post(reverse("sign-in"), {"username": email, "password": password}, REMOTE_ADDR=address)
    if answer.status_code == 302:
        return ""
    found = re.search(r'id="sign-in-error" role="alert">(.*?)</p>', answer.content.decode())
    assert found
    return found[1]


def guess(client: Client, email: str, *, times: int, address: str = "192.0.2.1") -> None:
    for _ in range(times):
        assert "do not belong together" in sign_in(client, email, "a guess", address=address)


def test_the_letter_case_of_the_email_does_not_matter(client: Client, dana: Person) -> None:
    assert sign_in(client, "Dana@Example.org", PASSWORD) == ""


def test_after_ten_wrong_passwords_not_even_the_right_one_is_taken(client: Client, dana: Person) -> None:
    guess(client, dana.email, times=9)
    assert sign_in(client, dana.email, PASSWORD) == ""
    client.logout()
    guess(client, dana.email, times=1)
    assert sign_in(client, dana.email, PASSWORD) == TOO_MANY
    assert sign_in(client, dana.email.upper(), PASSWORD) == TOO_MANY


def test_the_others_at_an_address_and_the_person_elsewhere_still_get_in(client: Client, dana: Person) -> None:
    bob = make_person("bob@example.org", lab=make_lab(), role=Role.EVALUATOR, password=PASSWORD)
    guess(client, dana.email, times=10)
    assert sign_in(client, bob.email, PASSWORD) == ""
    client.logout()
    assert sign_in(client, dana.email, PASSWORD, address="192.0.2.2") == ""


def test_one_address_cannot_try_many_accounts(client: Client, dana: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms.WRONG_FROM_ADDRESS, "_most", 3)
    for number in range(3):
        guess(client, f"nobody{number}@example.org", times=1)
    assert sign_in(client, dana.email, PASSWORD) == TOO_MANY
    assert sign_in(client, dana.email, PASSWORD, address="192.0.2.2") == ""


@override_settings(TRUST_FORWARDED_FOR=True)
def test_behind_a_front_server_its_clients_are_told_apart(client: Client, dana: Person) -> None:
    def attempt(seen: str, password: str) -> int:
        fields = {"username": dana.email, "password": password}
        return client.post(reverse("sign-in"), fields, HTTP_X_FORWARDED_FOR=seen).status_code

    for number in range(10):
        attempt(f"10.0.0.{number}, 198.51.100.7", "a guess")
    assert attempt("198.51.100.7", PASSWORD) == 200
    assert attempt("198.51.100.8", PASSWORD) == 302
