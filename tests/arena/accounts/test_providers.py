"""Sign-in by Google and GitHub, which a local server plays."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.github.views import GitHubOAuth2Adapter
from allauth.socialaccount.providers.google.views import GoogleOAuth2Adapter
from django.core import mail
from django.test import Client
from django.urls import reverse

from arena.config.providers import providers
from arena.models import AuditEvent, Person, Role
from tests.arena.accounts.provider import CLIENT_ID, CODE, SECRET, Provider, running_provider
from tests.arena.accounts.steps import (
    PASSWORD,
    confirm_it_is_me,
    is_signed_in,
    link_in_mail,
    post,
    sign_in,
    sign_up,
    switch_on_second_factor,
)
from tests.factories import make_lab, make_person

pytestmark = pytest.mark.django_db

BY_GMAIL = {
    "sub": "1001",
    "email": "dana@gmail.com",
    "email_verified": True,
    "given_name": "Dana",
    "family_name": "Scully",
}


@pytest.fixture
def provider(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    credentials = (CLIENT_ID, SECRET)
    settings.SOCIALACCOUNT_PROVIDERS = providers(google=credentials, github=credentials)
    with running_provider() as server:
        for adapter in (GoogleOAuth2Adapter, GitHubOAuth2Adapter):
            monkeypatch.setattr(adapter, "access_token_url", f"{server.url}/token")
        monkeypatch.setattr(GitHubOAuth2Adapter, "profile_url", f"{server.url}/user")
        monkeypatch.setattr(GitHubOAuth2Adapter, "emails_url", f"{server.url}/user/emails")
        yield server


@pytest.fixture
def gmail_dana(db: None) -> Person:
    return make_person("dana@gmail.com", lab=make_lab(), role=Role.EVALUATOR, password=PASSWORD)


def come_by(client: Client, name: str, **query: str) -> str:
    """Press the button, let the provider send one back; where one is sent at last."""
    out = client.post(reverse(f"{name}_login", query=query) if query else reverse(f"{name}_login"))
    assert out.status_code == 302
    asked = parse_qs(urlsplit(out.headers["Location"]).query)
    assert asked["client_id"] == [CLIENT_ID]
    assert "code_challenge" in asked
    back = client.get(reverse(f"{name}_callback"), {"code": CODE, "state": asked["state"][0]})
    return str(back.headers.get("Location", back.status_code))


def say_github(provider: Provider, email: str, *, verified: bool = True) -> None:
    provider.github = {"id": 7, "login": "dana", "name": "Dana Scully"}
    provider.emails = [{"email": email, "primary": True, "verified": verified}]


def test_a_new_person_whose_mail_the_provider_hosts_is_in_at_once(client: Client, provider: Provider) -> None:
    provider.google = BY_GMAIL
    assert come_by(client, "google", next="/status") == "/status"
    dana = Person.objects.get()
    assert (dana.email, dana.name, dana.has_usable_password()) == ("dana@gmail.com", "Dana Scully", False)
    assert dana.pseudonym.startswith("evaluator-")
    assert is_signed_in(client)
    assert "code_verifier" in provider.asked[0]
    assert AuditEvent.objects.get(tag="person:signed-up").details == {"provider": "google"}
    assert come_by(again := Client(), "google") == "/lab"
    assert is_signed_in(again)
    assert Person.objects.count() == 1


@pytest.mark.parametrize("verified", [True, False])
def test_any_other_new_person_confirms_by_our_mail(client: Client, provider: Provider, verified: bool) -> None:
    say_github(provider, "dana@lab.example", verified=verified)
    assert come_by(client, "github") == "/account/email/sent"
    assert not is_signed_in(client)
    client.post(link_in_mail())
    assert come_by(client, "github") == "/lab"
    assert is_signed_in(client)


def test_of_several_emails_the_main_one_is_taken(client: Client, provider: Provider) -> None:
    """The others stay free: they are nobody's here, and nobody is kept from signing up with them."""
    say_github(provider, "dana@lab.example")
    others = ("dana@home.example", "7+dana@users.noreply.example")
    provider.emails = [
        *({"email": email, "primary": False, "verified": True} for email in others),
        *provider.emails,
    ]
    provider.github["email"] = others[0]
    come_by(client, "github")
    assert Person.objects.get().email == "dana@lab.example"
    assert [address.email for address in EmailAddress.objects.all()] == ["dana@lab.example"]


def test_the_host_of_a_mail_opens_the_account_with_it(client: Client, provider: Provider, gmail_dana: Person) -> None:
    provider.google = BY_GMAIL
    come_by(client, "google")
    assert is_signed_in(client)
    assert SocialAccount.objects.get().user == gmail_dana
    assert "a sign-in was connected" in mail.outbox[-1].subject
    assert sign_in(Client(), gmail_dana.email) == ""
    assert AuditEvent.objects.get(tag="person:sign-in-connected").details == {"provider": "google"}


def test_a_customers_domain_of_google_is_hosted_there(client: Client, provider: Provider, dana: Person) -> None:
    provider.google = {**BY_GMAIL, "email": dana.email, "hd": "example.org"}
    come_by(client, "google")
    assert is_signed_in(client)


@pytest.mark.parametrize("name", ["google", "github"])
def test_nobody_else_opens_an_account_by_saying_its_email(
    client: Client, provider: Provider, dana: Person, name: str
) -> None:
    provider.google = {**BY_GMAIL, "email": dana.email}
    say_github(provider, dana.email)
    assert come_by(client, name) == "/account/email/sent"
    assert not is_signed_in(client)
    assert not SocialAccount.objects.exists()
    assert (mail.outbox[-1].to, Person.objects.count()) == ([dana.email], 1)
    assert "connect that\naccount on the page of your account" in str(mail.outbox[-1].body)


def test_an_unconfirmed_mail_of_the_host_opens_nothing(client: Client, provider: Provider, gmail_dana: Person) -> None:
    provider.google = {**BY_GMAIL, "email_verified": False}
    come_by(client, "google")
    assert not is_signed_in(client)


def test_who_signed_up_before_with_somebody_elses_mail_is_put_out(client: Client, provider: Provider) -> None:
    """Mallory made an account with Dana's address and waits for her to use it."""
    sign_up(Client(), "dana@gmail.com", "mallory's own")
    provider.google = BY_GMAIL
    come_by(client, "google")
    dana = Person.objects.get()
    assert not dana.has_usable_password()
    assert "do not belong together" in sign_in(Client(), dana.email, "mallory's own")


def test_the_second_factor_is_asked_for_all_the_same(client: Client, provider: Provider, gmail_dana: Person) -> None:
    sign_in(client, gmail_dana.email)
    switch_on_second_factor(client)
    provider.google = BY_GMAIL
    assert come_by(other := Client(), "google") == "/account/second-factor/sign-in"
    assert not is_signed_in(other)


def test_an_account_is_connected_and_disconnected(client: Client, provider: Provider, dana: Person) -> None:
    say_github(provider, "another@lab.example")
    sign_in(client, dana.email)
    confirm_it_is_me(client)
    assert come_by(client, "github", process="connect") == "/account/sign-ins"
    assert "GitHub" in client.get(reverse("account")).content.decode()
    come_by(other := Client(), "github")
    assert is_signed_in(other)
    dana.refresh_from_db()
    assert dana.email == "dana@example.org"
    page = client.get(reverse("socialaccount_connections")).content.decode()
    assert "Disconnect GitHub" in page
    post(client, "socialaccount_connections", {"account": str(SocialAccount.objects.get().pk)})
    assert not SocialAccount.objects.exists()
    assert AuditEvent.objects.filter(tag="person:sign-in-disconnected", person=dana).exists()


def test_the_last_way_in_stays(client: Client, provider: Provider) -> None:
    provider.google = BY_GMAIL
    come_by(client, "google")
    answer = post(client, "socialaccount_connections", {"account": str(SocialAccount.objects.get().pk)})
    assert "Set a password first" in answer.content.decode()


def test_a_switched_off_account_stays_closed(client: Client, provider: Provider, gmail_dana: Person) -> None:
    Person.objects.update(is_active=False)
    provider.google = BY_GMAIL
    assert come_by(client, "google") == "/account/switched-off"
    assert not is_signed_in(client)


def test_a_visit_alone_signs_nobody_in(client: Client, provider: Provider) -> None:
    answer = client.get(reverse("google_login"))
    assert answer.status_code == 200
    assert "Go to Google" in answer.content.decode()


def test_an_answer_that_nobody_asked_for_is_refused(client: Client, provider: Provider) -> None:
    provider.google = BY_GMAIL
    answer = client.get(reverse("google_callback"), {"code": CODE, "state": "planted"})
    assert answer.status_code == 401
    assert "That did not work" in answer.content.decode()
    assert not Person.objects.exists()


def test_a_token_for_another_site_is_refused(client: Client, provider: Provider) -> None:
    provider.google = {**BY_GMAIL, "aud": "another site"}
    assert come_by(client, "google") == "401"
    assert not Person.objects.exists()


@pytest.mark.parametrize("provider_away", ["close"])
def test_a_provider_that_is_away_is_said(client: Client, provider: Provider, provider_away: str) -> None:
    provider.google = {}
    provider.shutdown()
    provider.server_close()
    assert come_by(client, "google") == "401"


def test_a_provider_without_an_email_is_asked_for_one(client: Client, provider: Provider) -> None:
    provider.github = {"id": 7, "login": "dana", "name": "Dana Scully"}
    assert come_by(client, "github") == "/account/sign-ins/sign-up"
    assert "did not tell us your e-mail" in client.get(reverse("socialaccount_signup")).content.decode()
    post(client, "socialaccount_signup", {"email": "Dana@lab.example"})
    dana = Person.objects.get()
    assert (dana.email, dana.name) == ("dana@lab.example", "Dana Scully")
    assert not EmailAddress.objects.get(user=dana).verified
    client.post(link_in_mail())
    come_by(client, "github")
    assert is_signed_in(client)


def test_buttons_stand_where_a_provider_is_configured(client: Client, settings: Any) -> None:
    page = reverse("sign-in")
    assert "Continue with" not in client.get(page).content.decode()
    assert client.post(reverse("google_login")).status_code == 404
    settings.SOCIALACCOUNT_PROVIDERS = providers(google=(CLIENT_ID, SECRET), github=("", ""))
    content = client.get(f"{page}?next=/status").content.decode()
    assert "Continue with Google" in content
    assert "GitHub" not in content
    assert "next=%2Fstatus" in content
    assert client.post(reverse("github_login")).status_code == 404
