from typing import Any

from allauth.account import forms as allauth_forms
from allauth.mfa.base import forms as factor_forms
from allauth.mfa.totp import forms as app_forms
from django import forms
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse

from arena.models import Person

HOW_TO_CHOOSE = "At least 8 characters; no common password, and nothing like your name or e-mail."


def relabel(form: forms.Form, **labels: str) -> None:
    """Our words, and no placeholders: they vanish while one types."""
    for name, field in form.fields.items():
        field.label = labels.get(name, field.label)
        field.widget.attrs.pop("placeholder", None)
    if "password1" in form.fields:
        form.fields["password1"].help_text = HOW_TO_CHOOSE


class SignInForm(allauth_forms.LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        relabel(self, login="E-mail")
        self.fields["password"].help_text = ""


class SignUpForm(allauth_forms.SignupForm):
    name = forms.CharField(
        label="Name",
        max_length=120,
        required=False,
        help_text="Optional. Members of your lab see it.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    field_order = ("email", "name", "password1")
    account_already_exists: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        relabel(self, email="E-mail")

    def clean_name(self) -> str:
        name = " ".join(self.cleaned_data["name"].split())
        if not name.isprintable():
            raise forms.ValidationError("This name holds characters that cannot be shown.")
        return name

    def try_save(self, request: HttpRequest) -> tuple[Person | None, HttpResponse | None]:
        if self.account_already_exists:
            make_password(self.cleaned_data["password1"])  # as long as it takes to make a new account
            return self._answer(request)
        try:
            with transaction.atomic():
                return self._answer(request)
        except IntegrityError:  # the same form twice at once
            self.account_already_exists = True
            return self._answer(request)

    def _answer(self, request: HttpRequest) -> tuple[Person | None, HttpResponse | None]:
        person, answer = super().try_save(request)
        return person, answer


class ChangeEmailForm(allauth_forms.AddEmailForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        relabel(self, email="New e-mail")


class ChangePasswordForm(allauth_forms.ChangePasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        relabel(self, oldpassword="Present password", password1="New password", password2="New password again")
        self.fields["oldpassword"].help_text = ""


class SetPasswordForm(allauth_forms.SetPasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        relabel(self, password1="New password", password2="New password again")


class AskResetForm(allauth_forms.ResetPasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        relabel(self, email="E-mail")


class ResetForm(allauth_forms.ResetPasswordKeyForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        relabel(self, password1="New password", password2="New password again")


class ConfirmPasswordForm(allauth_forms.ReauthenticateForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        relabel(self)
        self.fields["password"].help_text = ""


class _CodeField:
    """A code is six digits from an app, or eight from the list of recovery codes."""

    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["code"]
        field.label = "Code"
        field.widget.attrs = {"autocomplete": "one-time-code", "inputmode": "numeric"}


class CodeForm(_CodeField, factor_forms.AuthenticateForm):
    pass


class ConfirmCodeForm(_CodeField, factor_forms.ReauthenticateForm):
    pass


class ActivateAppForm(_CodeField, app_forms.ActivateTOTPForm):
    pass
