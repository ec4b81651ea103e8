"""Every page of accounts that can be reached is one of ours, in every state that its person can be in."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.core import mail
from django.test import Client
from django.urls import URLPattern, reverse

from arena.accounts import urls
from arena.config.providers import providers
from arena.models import Person
from tests.arena.accounts.steps import (
    confirm_it_is_me,
    link_in_mail,
    post,
    sign_in,
    sign_up,
    switch_on_second_factor,
    totp_code,
)

pytestmark = pytest.mark.django_db(transaction=True)

TEMPLATES = str(Path(project.BASE_DIR) / "templates")
# Backwards: the page to sign up, early in the alphabet, forgets a sign-in that is half done.
NAMES = sorted({str(pattern.name) for pattern in urls.urlpatterns if isinstance(pattern, URLPattern)}, reverse=True)
# Answered by another page: what leads on, what takes a form only, and what is shown after a step (see below).
LEAD_ON = {"sign-out", "account_logout", "account_set_password", "mfa_download_recovery_codes", "socialaccount_signup"}
OF_LINKS = {"account_confirm_email", "account_reset_password_from_key"}


@pytest.fixture(autouse=True)
def _with_providers(settings: Any) -> None:
    settings.SOCIALACCOUNT_PROVIDERS = providers(google=("id", "secret"), github=("id", "secret"))


def address(name: str) -> str:
    match name:
        case "account_confirm_email":
            return reverse(name, kwargs={"key": "nothing:of:ours"})
        case "account_reset_password_from_key":
            return reverse(name, kwargs={"uidb36": "a", "key": "nothing-of-ours"})
        case _:
            return reverse(name)


def visit(client: Client, path: str) -> int:
    """The status of a page, all of whose parts are ours."""
    answer = client.get(path)
    for template in answer.templates:
        if template.origin is not None and "/django/forms/" not in template.origin.name:
            assert template.origin.name.startswith(TEMPLATES), (path, template.origin.name)
    if answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html"):
        page = answer.content.decode()
        assert "css/account.css" in page, path
        assert re.search(r"<h1[^>]*>\s*[A-Z]", page), path
        assert re.search(r"<title>\s*[A-Z]\S.* · Policy Arena\s*</title>", page), path
        assert "style=" not in page, path
        assert not re.search(r"<script(?![^>]*\bsrc=)", page), path
    return answer.status_code


def states(dana: Person) -> Iterator[Client]:
    yield Client()
    plain = Client()
    sign_in(plain, dana.email)
    yield plain
    confirm_it_is_me(plain)
    yield plain
    secret = switch_on_second_factor(plain)
    yield plain
    halfway = Client()
    sign_in(halfway, dana.email)
    yield halfway
    halfway.post(reverse("mfa_authenticate"), {"code": totp_code(secret, later=1)})
    yield halfway


def test_every_route_is_one_of_our_pages(dana: Person) -> None:
    shown = set()
    for client in states(dana):
        for name in NAMES:
            status = visit(client, address(name))
            assert status in {200, 302, 401, 404, 405}, (name, status)
            if status in {200, 401}:
                shown.add(name)
    assert set(NAMES) - shown <= LEAD_ON


def test_the_pages_behind_links_in_mail(client: Client, dana: Person) -> None:
    sign_up(Client(), "alice@example.org")
    assert visit(client, link_in_mail()) == 200
    post(client, "account_reset_password", {"email": dana.email})
    assert visit(client, client.get(link_in_mail()).headers["Location"]) == 200


def test_who_has_no_password_sets_one(client: Client, dana: Person) -> None:
    dana.set_unusable_password()
    dana.save()
    client.force_login(dana)
    assert visit(client, reverse("account_set_password")) == 200
    assert client.get(reverse("account_change_password")).headers["Location"] == "/account/password/set"


def test_all_mails_are_in_our_words(dana: Person) -> None:
    """allauth's own begin with a greeting in the name of a host."""
    for _ in states(dana):
        pass
    sign_up(Client(), dana.email)
    post(Client(), "account_reset_password", {"email": "nobody@example.org"})
    assert len(mail.outbox) >= 3
    for message in mail.outbox:
        assert message.subject.startswith("Policy Arena: ")
        assert "Hello from" not in str(message.body)
        assert str(message.body).rstrip().endswith(f"Policy Arena\n{project.PUBLIC_URL}")
        assert message.from_email == "Policy Arena <no-reply@127.0.0.1>"


def test_every_text_that_allauth_could_send_is_ours() -> None:
    """A template of allauth's for a feature that is on, without one of ours in its place."""
    import allauth

    off = ("webauthn", "login_code", "password_reset_code", "phone", "email_confirm_", "usersessions", "idp", "openid")
    theirs = Path(allauth.__file__).parent / "templates"
    missing = [
        str(path.relative_to(theirs))
        for folder in ("account", "mfa", "socialaccount")
        for path in (theirs / folder).rglob("*.txt")
        if not any(word in path.name for word in off) and not (Path(TEMPLATES) / path.relative_to(theirs)).exists()
    ]
    assert missing == []
