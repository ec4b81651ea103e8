"""The forms of reports and of the stewards' page of background work."""

import math
from typing import Any

from django import forms

from reports import providers
from reports.providers import BUILTIN
from reports.work import LONGEST_REASON


class CitedForm(forms.Form):
    """What a link to a cited session says of it."""

    at = forms.FloatField(required=False, min_value=0, max_value=24 * 3600)

    def start_s(self) -> float | None:
        """The moment from which it is to be played, where a sensible one is named."""
        at = self.cleaned_data.get("at") if self.is_valid() else None
        return round(float(at), 1) if at is not None and math.isfinite(at) else None


class RetryForm(forms.Form):
    provider = forms.ChoiceField(label="By", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [BUILTIN, *(one.name for one in providers.configured())]
        self.fields["provider"].choices = [("", "as before"), *((name, name) for name in names)]  # type: ignore[attr-defined]


class SkipForm(forms.Form):
    comment = forms.CharField(
        label="Why", max_length=LONGEST_REASON, widget=forms.TextInput(), help_text="Kept with it."
    )
