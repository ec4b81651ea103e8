"""What somebody says of a session. It holds the shape of what is typed; the domain says what it may be."""

from typing import Any

from django import forms
from django.http import QueryDict

from evaluations.models import Label
from evaluations.tags.page import Attempt
from evaluations.tags.records import LATEST_MOMENT_S, LONGEST_WHY


class TagForm(forms.Form):
    question = forms.CharField(max_length=40)
    label = forms.ChoiceField(choices=Label.choices, required=False)
    answer = forms.CharField(max_length=40, error_messages={"required": "Choose an answer."})
    why = forms.CharField(max_length=LONGEST_WHY, required=False)
    moment_s = forms.FloatField(
        min_value=0,
        max_value=LATEST_MOMENT_S,
        required=False,
        error_messages={"invalid": "The moment is a number of seconds."},
    )

    def said(self) -> dict[str, Any]:
        return self.cleaned_data | {"label": self.cleaned_data["label"] or None}

    @property
    def problem(self) -> str:
        return " ".join(str(message) for messages in self.errors.values() for message in messages)


def attempt(posted: QueryDict, *, error: str = "") -> Attempt:
    typed = {name: posted.get(name, "") for name in ("question", "answer", "why")}
    return Attempt(**typed, label=posted.get("label") or None, moment=posted.get("moment_s", ""), error=error)
