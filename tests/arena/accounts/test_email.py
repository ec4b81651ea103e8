import pytest
from django.core import mail
from django.test import Client, override_settings
from django.urls import reverse

from arena.models import AuditEvent, Person
from tests.arena.accounts.steps import (
    confirm_it_is_me,
    is_signed_in,
    link_in_mail,
    post,
    sign_in,
    sign_up,
    switch_on_second_factor,
)

pytestmark = pytest.mark.django_db

NEW = {"action_add": "yes", "email": "Dana@Elsewhere.example"}


@pytest.fixture
def signed_in(client: Client, dana: Person) -> Client:
    sign_in(client, dana.email)
    return client


def test_a_new_email_takes_the_place_of_the_old_once_it_is_confirmed(signed_in: Client, dana: Person) -> None:
    confirm_it_is_me(signed_in)
    post(signed_in, "account_email", NEW)
    dana.refresh_from_db()
    assert dana.email == "dana@example.org"
    assert mail.outbox[-1].to == ["dana@elsewhere.example"]
    signed_in.post(link_in_mail())
    dana.refresh_from_db()
    assert dana.email == "dana@elsewhere.example"
    assert mail.outbox[-1].to == ["dana@example.org"]
    assert "from dana@example.org" in str(mail.outbox[-1].body)
    assert "do not belong together" in sign_in(Client(), "dana@example.org")
    assert sign_in(Client(), dana.email) == ""
    assert AuditEvent.objects.filter(tag="person:email-changed", person=dana).count() == 1


def test_it_asks_for_the_password_first_and_then_goes_on(signed_in: Client, dana: Person) -> None:
    answer = post(signed_in, "account_email", NEW)
    assert answer.headers["Location"] == "/account/reauthenticate?next=%2Faccount%2Femail"
    assert mail.outbox == []
    assert "not your password" in post(signed_in, "account_reauthenticate", {"password": "x"}).content.decode()
    signed_in.post(answer.headers["Location"], {"password": "correct horse", "next": "/account/email"})
    assert mail.outbox[-1].to == ["dana@elsewhere.example"]


def test_an_email_of_somebody_else_cannot_be_taken(signed_in: Client, dana: Person, alice: Person) -> None:
    confirm_it_is_me(signed_in)
    post(signed_in, "account_email", {**NEW, "email": alice.email})
    signed_in.post(link_in_mail())
    dana.refresh_from_db()
    assert dana.email == "dana@example.org"


def test_an_email_with_which_somebody_signed_up_meanwhile(signed_in: Client, dana: Person) -> None:
    confirm_it_is_me(signed_in)
    post(signed_in, "account_email", NEW)
    link = link_in_mail()
    Person.objects.create_user("dana@elsewhere.example")
    answer = signed_in.post(link, follow=True)
    assert answer.status_code == 200
    dana.refresh_from_db()
    assert dana.email == "dana@example.org"


def test_the_present_email_can_be_kept(signed_in: Client) -> None:
    confirm_it_is_me(signed_in)
    post(signed_in, "account_email", NEW)
    assert "dana@elsewhere.example is not confirmed" in signed_in.get(reverse("account")).content.decode()
    post(signed_in, "account_email", {"action_remove": "yes", "email": "dana@elsewhere.example"})
    assert "is not confirmed" not in signed_in.get(reverse("account")).content.decode()


def test_not_while_a_second_factor_is_on(signed_in: Client) -> None:
    switch_on_second_factor(signed_in)
    assert "Switch your second factor off" in post(signed_in, "account_email", NEW).content.decode()


@override_settings(EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend", EMAIL_HOST="127.0.0.1", EMAIL_PORT=1)
def test_a_mail_server_that_is_away_is_said(client: Client) -> None:
    answer = sign_up(client, "alice@example.org")
    assert answer.status_code == 503
    assert "We cannot send e-mail at the moment." in answer.content.decode()


@override_settings(EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend", EMAIL_HOST="127.0.0.1", EMAIL_PORT=1)
def test_what_has_happened_is_not_undone_by_it(signed_in: Client, dana: Person) -> None:
    fields = {"oldpassword": "correct horse", "password1": "battery staple", "password2": "battery staple"}
    assert post(signed_in, "account_change_password", fields).status_code == 302
    assert is_signed_in(signed_in)
