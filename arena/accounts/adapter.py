"""What django-allauth asks of us about accounts."""

import logging
from datetime import timedelta
from smtplib import SMTPException
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core import context as current
from allauth.core.internal.ratelimit import truncate_ip
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from arena import people
from arena.errors import Unavailable
from arena.limits import FailureLimit
from arena.models import Person
from arena.requests import client_address

logger = logging.getLogger(__name__)

# A lab's people share one address: what bounds a guesser of one account (settings.ACCOUNT_RATE_LIMITS) must not lock
# out the others. This bounds who tries many accounts, and unlike allauth's count by address no success empties it.
WRONG_FROM_ADDRESS = FailureLimit("wrong passwords from one address", most=100, window=timedelta(minutes=10))


class AccountAdapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "account_inactive": "This account is switched off.",
        "duplicate_email": "This is the e-mail of your account already.",
        "email_password_mismatch": "This e-mail and password do not belong together.",
        "enter_current_password": "This is not your present password.",
        "incorrect_code": "This code is not right, or was used already.",
        "incorrect_password": "This is not your password.",
        "invalid_password_reset": "This link is not valid.",
        "rate_limited": "Too many wrong attempts from here: wait ten minutes.",
        "same_as_current": "This is what it is already.",
        "too_many_login_attempts": "Too many wrong attempts from here: wait ten minutes.",
        "unverified_primary_email": "Your e-mail must be confirmed first.",
    }

    # Guessing

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request)

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Wrong passwords are counted by account and address. allauth would count them by account and Host header: a
        guesser writes that header, and could lock a person out everywhere."""
        return f"{place(request)} {credentials.get('email', '').strip().lower()}"

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        if WRONG_FROM_ADDRESS.reached(place(request)):
            raise self.validation_error("too_many_login_attempts")
        super().pre_authenticate(request, **credentials)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        WRONG_FROM_ADDRESS.count(place(request))

    # Signing up and in

    def save_user(self, request: HttpRequest, user: Person, form: BaseForm, commit: bool = True) -> Person:
        """The manager makes the person, and with it the pseudonym."""
        given = form.cleaned_data
        return Person.objects.create_user(given["email"], given.get("password1"), name=given.get("name", ""))

    def pre_login(self, request: HttpRequest, user: Person, **details: Any) -> HttpResponse | None:
        """Who signs up leaves a row of their e-mail, confirmed or not. Who has none was made by an operator."""
        if not EmailAddress.objects.filter(user=user).exists():
            people.vouch(person=user)
        answer: HttpResponse | None = super().pre_login(request, user, **details)
        return answer

    def is_safe_url(self, url: str) -> bool:
        """Only paths of this site are followed, whatever other hosts it answers to."""
        return url_has_allowed_host_and_scheme(url, allowed_hosts=None)

    def is_ajax(self, request: HttpRequest) -> bool:
        """There are pages for browsers only: no JSON with forms inside."""
        return False

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        try:
            with transaction.atomic():
                return bool(super().confirm_email(request, email_address))
        except IntegrityError:  # somebody signed up with it meanwhile, and did not confirm it
            told = {"email": email_address.email}
            self.add_message(request, messages.ERROR, "account/messages/email_confirmation_failed.txt", told)
            return False

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account")

    # E-mail

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Links lead to PUBLIC_URL. allauth makes them of the Host header, which whoever asks for the mail writes."""
        links = {name: at_public_url(value) for name, value in context.items() if name.endswith("_url") and value}
        public = {"public_url": settings.PUBLIC_URL, "public_host": urlsplit(settings.PUBLIC_URL).netloc}
        told = {"request": current.request, "email": email, **context, **links, **public}
        try:
            self.render_mail(template_prefix, email, told).send()
        except (OSError, SMTPException) as error:
            logger.error("an e-mail (%s) could not be sent: %s", template_prefix, error)
            raise Unavailable(
                "mail_away", "We cannot send e-mail at the moment.", hint="Try again in a few minutes."
            ) from None

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """What it tells of has happened: a mail server that is away does not undo it."""
        try:
            super().send_notification_mail(*args, **kwargs)
        except Unavailable:
            logger.warning("a change to an account was not told to its person")


class SecondFactorAdapter(DefaultMFAAdapter):
    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "add_email_blocked": "Switch your second factor off to change your e-mail, then on again.",
        "cannot_delete_authenticator": "This second factor cannot be removed.",
        "cannot_generate_recovery_codes": "Set up an authenticator app first.",
        "incorrect_code": "This code is not right, or was used already.",
        "unverified_email": "Confirm your new e-mail, or take it back, before you set up a second factor.",
    }


def place(request: HttpRequest) -> str:
    """The address that attempts are counted by. Of IPv6 the network: one subscriber has all addresses in it."""
    return str(truncate_ip(client_address(request)))


def at_public_url(link: str) -> str:
    """The same path at the address that people are told, and at no other host."""
    public, parts = urlsplit(settings.PUBLIC_URL), urlsplit(link)
    return parts._replace(scheme=public.scheme, netloc=public.netloc).geturl()
