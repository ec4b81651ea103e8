"""The pages of accounts: all that are offered, and no other of allauth's.

The names are allauth's, whose code reverses them; `sign-in`, `sign-out` and `account` are ours.
"""

from allauth.account import views as account
from allauth.mfa.base import views as factor
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as app
from allauth.socialaccount import views as social
from allauth.socialaccount.providers.github import views as github
from allauth.socialaccount.providers.google import views as google
from django.urls import path, register_converter
from django.views.decorators.http import require_POST

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

FACTOR = "account/second-factor"
SIGN_INS = "account/sign-ins"

urlpatterns = [
    path("sign-in", account.login, name="sign-in"),
    path("sign-in", account.login, name="account_login"),
    path("sign-out", require_POST(account.logout), name="sign-out"),
    path("sign-out", require_POST(account.logout), name="account_logout"),
    path("sign-up", account.signup, name="account_signup"),
    path("account", overview, name="account"),
    path("account/switched-off", account.account_inactive, name="account_inactive"),
    path("account/reauthenticate", account.reauthenticate, name="account_reauthenticate"),
    path("account/email", account.email, name="account_email"),
    path("account/email/sent", account.email_verification_sent, name="account_email_verification_sent"),
    path("account/email/confirm/<key>", account.confirm_email, name="account_confirm_email"),
    path("account/password", account.password_change, name="account_change_password"),
    path("account/password/set", account.password_set, name="account_set_password"),
    path("account/password/reset", account.password_reset, name="account_reset_password"),
    path("account/password/reset/sent", account.password_reset_done, name="account_reset_password_done"),
    path(
        "account/password/reset/done",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path(
        "account/password/reset/<person:uidb36>-<key>",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(FACTOR, factor.index, name="mfa_index"),
    path(f"{FACTOR}/sign-in", factor.authenticate, name="mfa_authenticate"),
    path(f"{FACTOR}/reauthenticate", factor.reauthenticate, name="mfa_reauthenticate"),
    path(f"{FACTOR}/app", app.activate_totp, name="mfa_activate_totp"),
    path(f"{FACTOR}/app/remove", app.deactivate_totp, name="mfa_deactivate_totp"),
    path(f"{FACTOR}/recovery-codes", codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path(f"{FACTOR}/recovery-codes/new", codes.generate_recovery_codes, name="mfa_generate_recovery_codes"),
    path(f"{FACTOR}/recovery-codes.txt", codes.download_recovery_codes, name="mfa_download_recovery_codes"),
    path(SIGN_INS, social.connections, name="socialaccount_connections"),
    path(f"{SIGN_INS}/sign-up", social.signup, name="socialaccount_signup"),
    path(f"{SIGN_INS}/cancelled", social.login_cancelled, name="socialaccount_login_cancelled"),
    path(f"{SIGN_INS}/failed", social.login_error, name="socialaccount_login_error"),
    path(f"{SIGN_INS}/google", where_configured("google", google.oauth2_login), name="google_login"),
    path(f"{SIGN_INS}/google/callback", where_configured("google", google.oauth2_callback), name="google_callback"),
    path(f"{SIGN_INS}/github", where_configured("github", github.oauth2_login), name="github_login"),
    path(f"{SIGN_INS}/github/callback", where_configured("github", github.oauth2_callback), name="github_callback"),
]
