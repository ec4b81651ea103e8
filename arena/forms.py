from datetime import timedelta
from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError

from arena.limits import FailureLimit
from arena.requests import client_address

# A lab's people share one address: what bounds a guesser of one account must not lock out the others.
WRONG_FOR_ACCOUNT = FailureLimit("wrong passwords for one account", most=10, window=timedelta(minutes=10))
WRONG_FROM_ADDRESS = FailureLimit("wrong passwords from one address", most=100, window=timedelta(minutes=10))


class SignInForm(AuthenticationForm):
    """E-mail and password; the e-mail's letter case does not matter. Guessing is bounded by address and account."""

    error_messages = {
        "invalid_login": "This e-mail and password do not belong together.",
        "inactive": "This account is switched off.",
        "too_many": "Too many wrong passwords from here: wait ten minutes.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].widget.attrs["autocomplete"] = "email"

    def clean_username(self) -> str:
        return str(self.cleaned_data["username"]).strip().lower()

    def clean(self) -> dict[str, Any]:
        counters = self._counters()
        if any(limit.reached(key) for limit, key in counters):
            raise ValidationError(self.error_messages["too_many"], code="too_many")
        try:
            return super().clean()
        except ValidationError:
            for limit, key in counters:
                limit.count(key)
            raise

    def _counters(self) -> list[tuple[FailureLimit, str]]:
        address = client_address(self.request) if self.request else ""
        email = self.cleaned_data.get("username", "")
        return [(WRONG_FOR_ACCOUNT, f"{address} {email}"), (WRONG_FROM_ADDRESS, address)]
