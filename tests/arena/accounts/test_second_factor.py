import re

import pytest
from django.core import mail
from django.test import Client, override_settings
from django.urls import reverse

from arena import people
from arena.models import AuditEvent, Person
from tests.arena.accounts.steps import (
    NEW_PASSWORD,
    PASSWORD,
    confirm_it_is_me,
    is_signed_in,
    link_in_mail,
    post,
    sign_in,
    switch_on_second_factor,
    totp_code,
)

pytestmark = pytest.mark.django_db(transaction=True)

STEP = "/account/second-factor/sign-in"


@pytest.fixture
def secret(client: Client, dana: Person) -> str:
    """Dana's app is set up; nobody is signed in."""
    sign_in(client, dana.email)
    secret = switch_on_second_factor(client)
    post(client, "sign-out", {})
    return secret


def enter(client: Client, code: str) -> str:
    return str(client.post(STEP, {"code": code}, follow=True).content.decode())


def recovery_codes(client: Client) -> list[str]:
    return re.findall(r"<li><code>(\d+)</code></li>", client.get(reverse("mfa_view_recovery_codes")).content.decode())


def test_it_is_set_up_with_the_code_that_the_app_shows(client: Client, dana: Person) -> None:
    sign_in(client, dana.email)
    confirm_it_is_me(client)
    page = client.get(reverse("mfa_activate_totp")).content.decode()
    assert 'src="data:image/svg+xml;base64,' in page
    assert "not right" in post(client, "mfa_activate_totp", {"code": "000000"}).content.decode()
    assert not people.has_second_factor(dana)
    switch_on_second_factor(client)
    assert people.has_second_factor(dana)
    assert len(recovery_codes(client)) == 10
    assert mail.outbox[-1].subject == "Policy Arena: second factor switched on"
    assert AuditEvent.objects.filter(tag="person:mfa-activated", person=dana).count() == 1


def test_the_password_alone_opens_nothing(client: Client, dana: Person, secret: str) -> None:
    answer = post(client, "sign-in", {"login": dana.email, "password": PASSWORD})
    assert answer.headers["Location"] == STEP
    assert not is_signed_in(client)
    assert "not right" in enter(client, "123")
    assert not is_signed_in(client)
    enter(client, totp_code(secret, later=1))
    assert is_signed_in(client)


def test_a_code_opens_once(client: Client, dana: Person, secret: str) -> None:
    code = totp_code(secret, later=1)
    sign_in(client, dana.email)
    enter(client, code)
    sign_in(other := Client(), dana.email)
    assert "was used already" in enter(other, code)
    assert not is_signed_in(other)


def test_a_recovery_code_opens_once(client: Client, dana: Person, secret: str) -> None:
    sign_in(client, dana.email)
    enter(client, totp_code(secret, later=1))
    confirm_it_is_me(client)
    first, *rest = recovery_codes(client)
    for_download = client.get(reverse("mfa_download_recovery_codes")).content.decode()
    assert first in for_download.split()
    sign_in(other := Client(), dana.email)
    enter(other, first)
    assert is_signed_in(other)
    assert recovery_codes(client) == rest
    sign_in(third := Client(), dana.email)
    assert "not right" in enter(third, first)


def test_codes_cannot_be_guessed_at_length(client: Client, dana: Person, secret: str) -> None:
    sign_in(client, dana.email)
    for number in range(10):
        assert "not right" in enter(client, f"{number:03}")
    assert "Too many wrong attempts" in enter(client, totp_code(secret, later=1))
    assert not is_signed_in(client)


def test_a_new_password_by_mail_does_not_go_round_it(client: Client, dana: Person, secret: str) -> None:
    post(client, "account_reset_password", {"email": dana.email})
    form = client.get(link_in_mail(), follow=True)
    client.post(form.request["PATH_INFO"], {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    sign_in(client, dana.email, NEW_PASSWORD)
    assert not is_signed_in(client)


def test_one_may_sign_in_as_somebody_else_instead(client: Client, dana: Person, secret: str) -> None:
    sign_in(client, dana.email)
    client.post(reverse("sign-out"), {"next": "/sign-in"})
    assert client.get(STEP).headers["Location"] == "/sign-in"


def test_it_is_switched_off_after_saying_who_one_is(client: Client, dana: Person, secret: str) -> None:
    sign_in(client, dana.email)
    enter(client, totp_code(secret, later=1))
    assert client.get(reverse("mfa_deactivate_totp")).headers["Location"].startswith("/account/reauthenticate?")
    confirm_it_is_me(client)
    post(client, "mfa_deactivate_totp", {})
    assert not people.has_second_factor(dana)
    assert AuditEvent.objects.filter(tag="person:mfa-deactivated", person=dana).count() == 1
    assert "switched off" in mail.outbox[-1].subject


@pytest.fixture
def eve(client: Client) -> Client:
    people.create_steward(email="eve@example.org", password=PASSWORD)
    sign_in(client, "eve@example.org")
    return client


def test_a_steward_without_one_is_reminded(eve: Client) -> None:
    assert "a steward without a second factor" in eve.get(reverse("account")).content.decode()
    assert eve.get("/staff/").status_code == 200
    switch_on_second_factor(eve)
    assert "a steward without a second factor" not in eve.get(reverse("account")).content.decode()


@override_settings(STEWARD_MFA_REQUIRED=True)
def test_the_stewards_pages_can_be_closed_without_one(eve: Client) -> None:
    answer = eve.get("/staff/", follow=True)
    assert answer.status_code == 403
    assert "second_factor_required" in answer.content.decode()
    switch_on_second_factor(eve)
    assert eve.get("/staff/").status_code == 200


@override_settings(STEWARD_MFA_REQUIRED=True)
def test_a_member_is_still_told_that_it_is_for_stewards(client: Client, dana: Person) -> None:
    sign_in(client, dana.email)
    assert "Only stewards" in client.get("/staff/", follow=True).content.decode()
