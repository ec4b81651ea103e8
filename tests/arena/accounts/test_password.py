import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from arena import people
from arena.models import AuditEvent, Person
from tests.arena.accounts.steps import NEW_PASSWORD, PASSWORD, is_signed_in, link_in_mail, post, sign_in

pytestmark = pytest.mark.django_db


def ask_reset(email: str, address: str = "192.0.2.1") -> tuple[int, str]:
    answer = post(Client(), "account_reset_password", {"email": email}, REMOTE_ADDR=address)
    return answer.status_code, answer.headers.get("Location", "")


def set_anew(client: Client, password: str = NEW_PASSWORD) -> str:
    """By the link in the last mail; what the page then says."""
    form = client.get(link_in_mail(), follow=True)
    fields = {"password1": password, "password2": password}
    return str(client.post(form.request["PATH_INFO"], fields, follow=True).content.decode())


def test_a_forgotten_password_is_set_anew_and_sessions_end(client: Client, dana: Person) -> None:
    sign_in(elsewhere := Client(), dana.email)
    assert ask_reset("DANA@example.org") == (302, "/account/password/reset/sent")
    assert mail.outbox[0].to == [dana.email]
    assert "Your password is set" in set_anew(client)
    assert not is_signed_in(elsewhere)
    assert "do not belong together" in sign_in(client, dana.email, PASSWORD)
    assert sign_in(client, dana.email, NEW_PASSWORD) == ""
    assert mail.outbox[-1].subject == "Policy Arena: your password was set anew"
    assert AuditEvent.objects.filter(tag="person:password-reset", person=dana).count() == 1


def test_the_link_works_once(client: Client, dana: Person) -> None:
    ask_reset(dana.email)
    link = link_in_mail()
    set_anew(client)
    assert "This link cannot be used" in Client().get(link, follow=True).content.decode()


@pytest.mark.parametrize("link", ["zzzzzzzzzzzzz-a-b", "1-", "0-a-b", "a-%00", "zzzzzzzzzzzzzzzzzzzzzzzzz-a"])
def test_links_that_nobody_sent(client: Client, dana: Person, link: str) -> None:
    assert client.get(f"/account/password/reset/{link}").status_code in {200, 404}


def test_an_unknown_address_is_answered_alike(dana: Person) -> None:
    assert ask_reset("nobody@example.org") == ask_reset(dana.email)
    assert [message.to for message in mail.outbox] == [["nobody@example.org"], [dana.email]]
    assert "no\naccount with this e-mail" in str(mail.outbox[0].body)


def test_an_account_made_without_a_password_gets_one_so(client: Client) -> None:
    people.create_person(email="alice@example.org")
    ask_reset("alice@example.org")
    set_anew(client)
    assert sign_in(client, "alice@example.org", NEW_PASSWORD) == ""


def test_nobody_is_flooded_with_links(dana: Person) -> None:
    for number in range(5):
        assert ask_reset(dana.email, address=f"192.0.2.{number}")[0] == 302
    assert ask_reset(dana.email, address="192.0.2.99")[0] == 429
    assert ask_reset("bob@example.org", address="192.0.2.99")[0] == 302


def test_the_refusal_is_a_page_of_ours(client: Client, dana: Person) -> None:
    for _ in range(5):
        ask_reset(dana.email)
    answer = client.post(reverse("account_reset_password"), {"email": dana.email})
    assert "Too many requests from here." in answer.content.decode()
    assert "too_many_requests" in answer.content.decode()


def test_changing_it_keeps_this_session_and_ends_the_others(client: Client, dana: Person) -> None:
    sign_in(client, dana.email)
    sign_in(elsewhere := Client(), dana.email)
    fields = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    wrong = post(client, "account_change_password", {**fields, "oldpassword": "wrong"})
    assert "not your present password" in wrong.content.decode()
    assert post(client, "account_change_password", fields).headers["Location"] == "/account"
    assert is_signed_in(client)
    assert not is_signed_in(elsewhere)
    assert "password was changed" in mail.outbox[-1].subject
    assert AuditEvent.objects.filter(tag="person:password-changed", person=dana).exists()
