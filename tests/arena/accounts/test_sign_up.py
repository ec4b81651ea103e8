from typing import Any

import pytest
from django.core import mail
from django.test import Client, override_settings
from django.urls import reverse

from arena import people
from arena.accounts.adapter import AccountAdapter
from arena.errors import Conflict
from arena.models import AuditEvent, Person
from tests.arena.accounts.steps import NEW_PASSWORD, PASSWORD, is_signed_in, link_in_mail, sign_in, sign_up

pytestmark = pytest.mark.django_db

SENT = "/account/email/sent"


def test_sign_up_mail_confirm_sign_in(client: Client) -> None:
    answer = sign_up(client, "Alice@Example.org", name=" Alice  Liddell ")
    assert (answer.status_code, answer.headers["Location"]) == (302, SENT)
    alice = Person.objects.get()
    assert (alice.email, alice.name, alice.is_staff) == ("alice@example.org", "Alice Liddell", False)
    assert alice.pseudonym.startswith("evaluator-")
    assert sign_in(client, alice.email) == ""
    assert not is_signed_in(client)
    [message] = mail.outbox
    assert message.to == ["alice@example.org"]
    assert message.subject == "Policy Arena: confirm your e-mail"
    confirm = link_in_mail()
    assert "alice@example.org" in client.get(confirm).content.decode()
    assert not is_signed_in(client)
    assert client.post(confirm).headers["Location"] == "/sign-in"
    assert sign_in(client, alice.email) == ""
    assert is_signed_in(client)
    tags = list(AuditEvent.objects.filter(person=alice).order_by("at").values_list("tag", flat=True))
    assert tags == ["person:signed-up", "person:email-confirmed"]


def test_opening_the_link_alone_confirms_nothing(client: Client) -> None:
    """Programs that look through mail open links."""
    sign_up(client, "alice@example.org")
    Client().get(link_in_mail())
    sign_in(client, "alice@example.org")
    assert not is_signed_in(client)


def test_an_address_that_has_an_account_is_answered_alike(client: Client, dana: Person) -> None:
    unknown, known = sign_up(Client(), "new@example.org"), sign_up(Client(), dana.email, NEW_PASSWORD)
    assert (known.status_code, known.headers["Location"]) == (unknown.status_code, unknown.headers["Location"])
    assert [message.to for message in mail.outbox] == [["new@example.org"], [dana.email]]
    assert "There is one already" in str(mail.outbox[1].body)
    assert sign_in(client, dana.email, PASSWORD) == ""


@pytest.mark.parametrize(
    ("email", "password", "says"),
    [
        ("no address", PASSWORD, "valid email"),
        ("alice@example.org", "short", "too short"),
        ("alice@example.org", "password", "too common"),
        ("alice@example.org", "alice@example.org", "too similar"),
    ],
)
def test_what_cannot_be_an_account(client: Client, email: str, password: str, says: str) -> None:
    assert says in sign_up(client, email, password).content.decode()
    assert not Person.objects.exists()


def test_who_is_signed_up_and_not_confirmed_does_not_stand_in_an_operators_way(client: Client) -> None:
    """Mallory signed up with Alice's address. Alice gets the account, and Mallory's password opens nothing."""
    sign_up(client, "alice@example.org", "mallory's own")
    assert people.find_person("alice@example.org") is None
    people.create_steward(email="alice@example.org", password=PASSWORD)
    assert "do not belong together" in sign_in(client, "alice@example.org", "mallory's own")
    assert sign_in(client, "alice@example.org", PASSWORD) == ""
    assert is_signed_in(client)
    with pytest.raises(Conflict):
        people.create_person(email="alice@example.org", password=PASSWORD)


def test_the_same_form_twice_at_once_makes_one_account(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    save = AccountAdapter.save_user

    def after_another(self: AccountAdapter, request: Any, user: Person, form: Any) -> Person:
        Person.objects.create_user(form.cleaned_data["email"])
        return save(self, request, user, form)

    monkeypatch.setattr(AccountAdapter, "save_user", after_another)
    assert sign_up(client, "alice@example.org").headers["Location"] == SENT
    assert len(mail.outbox) == 1


@override_settings(PUBLIC_URL="https://arena.example", ALLOWED_HOSTS=["*"])
def test_links_lead_to_the_public_address_whatever_host_was_asked(client: Client) -> None:
    client.post(reverse("account_signup"), {"email": "a@example.org", "password1": PASSWORD}, HTTP_HOST="evil.example")
    body = str(mail.outbox[0].body)
    assert "https://arena.example/account/email/confirm/" in body
    assert "evil.example" not in body
