"""What people do at the pages of accounts."""

import re
import time
from typing import Any, cast

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core import mail
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

PASSWORD = "correct horse"
NEW_PASSWORD = "battery staple"


def post(client: Client, name: str, fields: dict[str, str], **environ: Any) -> HttpResponse:
    return cast("HttpResponse", client.post(reverse(name), fields, **environ))


def sign_in(client: Client, email: str, password: str = PASSWORD, *, address: str = "192.0.2.1") -> str:
    """What the page says against it; nothing where it goes on."""
    answer = post(client, "sign-in", {"login": email, "password": password}, REMOTE_ADDR=address)
    if answer.status_code == 302:
        return ""
    found = re.search(r'id="form-error" role="alert">(.*?)</p>', answer.content.decode())
    assert found
    return found[1]


def is_signed_in(client: Client) -> bool:
    return client.get(reverse("account")).status_code == 200


def sign_up(client: Client, email: str, password: str = PASSWORD, name: str = "") -> HttpResponse:
    return post(client, "account_signup", {"email": email, "password1": password, "name": name})


def link_in_mail(number: int = -1) -> str:
    """The path of the first link in a message, wherever the message was sent from."""
    found = re.search(r"^https?://[^/\s]+(/\S+)$", str(mail.outbox[number].body), re.MULTILINE)
    assert found, mail.outbox[number].body
    return found[1]


def totp_code(secret: str, *, later: int = 0) -> str:
    """What the person's app shows, now or some periods later."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + later)))


def confirm_it_is_me(client: Client, password: str = PASSWORD) -> None:
    answer = post(client, "account_reauthenticate", {"password": password, "next": reverse("account")})
    assert answer.status_code == 302


def switch_on_second_factor(client: Client) -> str:
    """The secret of the app of whoever is signed in."""
    confirm_it_is_me(client)
    page = client.get(reverse("mfa_activate_totp")).content.decode()
    found = re.search(r'class="hash">([A-Z2-7]+)<', page)
    assert found
    answer = post(client, "mfa_activate_totp", {"code": totp_code(found[1])})
    assert answer.status_code == 302, answer.content.decode()
    return found[1]
