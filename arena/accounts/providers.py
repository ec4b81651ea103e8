"""Sign-in by Google and GitHub, where an operator has configured them.

A provider's word that an e-mail belongs to somebody is taken only where the provider hosts that e-mail: Google for
gmail.com and for the domains of its own customers. Elsewhere a provider knows that an address was confirmed once,
perhaps years ago by somebody who has left; then we send an e-mail of our own.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.socialaccount.adapter import DefaultSocialAccountAdapter, _build_apps_from_settings
from allauth.socialaccount.models import SocialApp, SocialLogin
from django.conf import settings
from django.db import transaction
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponseBase

from arena.models import Person

NAMES = {"google": "Google", "github": "GitHub"}
GOOGLE_MAIL = ("gmail.com", "googlemail.com")


def hosts(provider: str, email: str, told: dict[str, Any]) -> bool:
    """Whether the provider is also where the mail of this address arrives. `hd` is Google's name for a customer."""
    domain = email.rpartition("@")[2].lower()
    return provider == "google" and (domain in GOOGLE_MAIL or bool(told.get("hd")))


def one_of(addresses: list[Any]) -> list[Any]:
    """A person has one e-mail here. Of several that the provider tells: the main one, or else one confirmed there."""
    return sorted(addresses, key=lambda address: (address.primary, address.verified), reverse=True)[:1]


class ProviderAdapter(DefaultSocialAccountAdapter):
    error_messages = {
        **DefaultSocialAccountAdapter.error_messages,
        "connected_other": "This account is connected to another person here.",
        "email_taken": "There is an account with this e-mail already. Sign in to it, then connect your %s account.",
        "no_password": "Set a password first: without it you could not sign in any more.",
        "no_verified_email": "Your e-mail must be confirmed first.",
    }

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> Person:
        person: Person = super().populate_user(request, sociallogin, data)
        parts = [data.get("name") or "", f"{data.get('first_name') or ''} {data.get('last_name') or ''}"]
        person.name = next((" ".join(part.split())[:120] for part in parts if part.strip()), "")
        sociallogin.email_addresses = one_of(sociallogin.email_addresses)
        for address in sociallogin.email_addresses:
            person.email = address.email.lower()
            account = sociallogin.account
            address.verified = address.verified and hosts(account.provider, address.email, account.extra_data)
        return person

    @transaction.atomic
    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: BaseForm | None = None) -> Person:
        email = form.cleaned_data["email"] if form else sociallogin.user.email
        person = Person.objects.create_user(email, None, name=sociallogin.user.name)
        sociallogin.user = person
        sociallogin.save(request)
        return person

    def list_apps(self, request: HttpRequest, provider: str | None = None, client_id: str | None = None) -> list[Any]:
        """Those of the settings. allauth would also read a table, which nobody fills."""
        found = _build_apps_from_settings(provider=provider, client_id=client_id)
        return [app for apps in found.values() for app in apps]

    def get_app(self, request: HttpRequest, provider: str, client_id: str | None = None) -> SocialApp:
        """A provider that is no longer configured still names the accounts that were connected by it."""
        apps = self.list_apps(request, provider=provider, client_id=client_id)
        return apps[0] if apps else SocialApp(provider=provider, name=NAMES.get(provider, provider))


View = Callable[..., HttpResponseBase]


def where_configured(provider: str, view: View) -> View:
    @wraps(view)
    def configured(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if provider not in settings.SOCIALACCOUNT_PROVIDERS:
            raise Http404
        return view(request, *args, **kwargs)

    return configured
