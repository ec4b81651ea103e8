"""The pages of accounts: all that are offered, and no other of allauth's.

The names are allauth's, whose code reverses them; `sign-in`, `sign-out` and `account` are ours.
"""

from collections.abc import Callable

from allauth.account import views as account
from allauth.mfa.base import views as factor
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as app
from allauth.socialaccount import views as social
from allauth.socialaccount.providers.github import views as github
from allauth.socialaccount.providers.google import views as google
from django.http import HttpResponseBase
from django.urls import URLPattern, path, register_converter
from django.views.decorators.http import require_http_methods, require_POST

from arena.accounts.providers import where_configured
from arena.accounts.views import overview


class PersonConverter:
    """allauth's way to write a person's number."""

    regex = "[0-9A-Za-z]+"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(PersonConverter, "person")


def page(route: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
    """A page is read or its form is sent. allauth's forms would take a PUT for a POST."""
    return path(route, require_http_methods(["GET", "HEAD", "POST"])(view), name=name)


FACTOR = "account/second-factor"
SIGN_INS = "account/sign-ins"

urlpatterns = [
    page("sign-in", account.login, name="sign-in"),
    page("sign-in", account.login, name="account_login"),
    page("sign-out", require_POST(account.logout), name="sign-out"),
    page("sign-out", require_POST(account.logout), name="account_logout"),
    page("sign-up", account.signup, name="account_signup"),
    page("account", overview, name="account"),
    page("account/switched-off", account.account_inactive, name="account_inactive"),
    page("account/reauthenticate", account.reauthenticate, name="account_reauthenticate"),
    page("account/email", account.email, name="account_email"),
    page("account/email/sent", account.email_verification_sent, name="account_email_verification_sent"),
    page("account/email/confirm/<key>", account.confirm_email, name="account_confirm_email"),
    page("account/password", account.password_change, name="account_change_password"),
    page("account/password/set", account.password_set, name="account_set_password"),
    page("account/password/reset", account.password_reset, name="account_reset_password"),
    page("account/password/reset/sent", account.password_reset_done, name="account_reset_password_done"),
    page(
        "account/password/reset/done",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    page(
        "account/password/reset/<person:uidb36>-<key>",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    page(FACTOR, factor.index, name="mfa_index"),
    page(f"{FACTOR}/sign-in", factor.authenticate, name="mfa_authenticate"),
    page(f"{FACTOR}/reauthenticate", factor.reauthenticate, name="mfa_reauthenticate"),
    page(f"{FACTOR}/app", app.activate_totp, name="mfa_activate_totp"),
    page(f"{FACTOR}/app/remove", app.deactivate_totp, name="mfa_deactivate_totp"),
    page(f"{FACTOR}/recovery-codes", codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    page(f"{FACTOR}/recovery-codes/new", codes.generate_recovery_codes, name="mfa_generate_recovery_codes"),
    page(f"{FACTOR}/recovery-codes.txt", codes.download_recovery_codes, name="mfa_download_recovery_codes"),
    page(SIGN_INS, social.connections, name="socialaccount_connections"),
    page(f"{SIGN_INS}/sign-up", social.signup, name="socialaccount_signup"),
    page(f"{SIGN_INS}/cancelled", social.login_cancelled, name="socialaccount_login_cancelled"),
    page(f"{SIGN_INS}/failed", social.login_error, name="socialaccount_login_error"),
    page(f"{SIGN_INS}/google", where_configured("google", google.oauth2_login), name="google_login"),
    page(f"{SIGN_INS}/google/callback", where_configured("google", google.oauth2_callback), name="google_callback"),
    page(f"{SIGN_INS}/github", where_configured("github", github.oauth2_login), name="github_login"),
    page(f"{SIGN_INS}/github/callback", where_configured("github", github.oauth2_callback), name="github_callback"),
]
