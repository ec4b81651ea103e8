"""What people do to their accounts, as audit events. django-allauth tells of it by signals and by nothing else."""

from typing import Any

from allauth.account import signals as account
from allauth.mfa import signals as factor
from allauth.mfa.models import Authenticator
from allauth.socialaccount import signals as provider
from django.dispatch import receiver

from arena import audit
from arena.models import Person


def _record(tag: str, person: Person, **details: Any) -> None:
    audit.record(f"person:{tag}", subject=f"person:{person.pk}", person=person, **details)


@receiver(account.user_signed_up)
def signed_up(user: Person, **details: Any) -> None:
    login = details.get("sociallogin")
    _record("signed-up", user, **({"provider": login.account.provider} if login else {}))


@receiver(account.email_confirmed)
def email_confirmed(email_address: Any, **_: Any) -> None:
    _record("email-confirmed", email_address.user)


@receiver(account.email_changed)
def email_changed(user: Person, from_email_address: Any, **_: Any) -> None:
    if from_email_address:  # none at the first confirmation
        _record("email-changed", user)


@receiver([account.password_changed, account.password_set])
def password_changed(user: Person, **_: Any) -> None:
    _record("password-changed", user)


@receiver(account.password_reset)
def password_reset(user: Person, **_: Any) -> None:
    _record("password-reset", user)


@receiver([factor.authenticator_added, factor.authenticator_reset])
def factor_added(user: Person, authenticator: Authenticator, **_: Any) -> None:
    app = authenticator.type == Authenticator.Type.TOTP
    _record("mfa-activated" if app else "recovery-codes-made", user)


@receiver(factor.authenticator_removed)
def factor_removed(user: Person, authenticator: Authenticator, **_: Any) -> None:
    if authenticator.type == Authenticator.Type.TOTP:
        _record("mfa-deactivated", user)


@receiver(provider.social_account_added)
def sign_in_connected(sociallogin: Any, **_: Any) -> None:
    _record("sign-in-connected", sociallogin.user, provider=sociallogin.account.provider)


@receiver(provider.social_account_removed)
def sign_in_disconnected(socialaccount: Any, **_: Any) -> None:
    _record("sign-in-disconnected", socialaccount.user, provider=socialaccount.provider)
