"""The forms of reports, appeals and decisions. They hold the shape of what is typed; the domain says what it may be."""

from typing import Any

from django import forms

from arena.models import Person
from evaluations.models import Report, Session
from evaluations.session_reports import LONGEST_TEXT, SHORTEST_TEXT, owns_a_side
from evaluations.sessions import REASON_MAX_LENGTH

_SAID: dict[str, Any] = {
    "min_length": SHORTEST_TEXT,
    "max_length": LONGEST_TEXT,
    "widget": forms.Textarea(attrs={"rows": 4}),
}


class ReportForm(forms.Form):
    kind = forms.ChoiceField(label="What is wrong")
    text = forms.CharField(
        label="What you saw",
        help_text="Stewards alone read it. Say where: which video, which moment. Leave an address if we may ask.",
        **_SAID,
    )

    def __init__(self, *args: Any, session: Session, person: Person | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = list(Report.Kind.choices)
        if not owns_a_side(person, session):
            kinds = [(value, label) for value, label in kinds if value != Report.Kind.SERVING]
        self.fields["kind"].choices = [("", "choose"), *kinds]  # type: ignore[attr-defined]


class AppealForm(forms.Form):
    text = forms.CharField(
        label="Why it should count",
        help_text="A steward reads it who has not excluded the session, and decides. There is one appeal.",
        **_SAID,
    )


class ReportDecisionForm(forms.Form):
    comment = forms.CharField(
        label="Why",
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Kept with the report. If the session is excluded it is published, so name nobody.",
    )
    exclude_because = forms.CharField(
        label="Exclude the session because of",
        max_length=REASON_MAX_LENGTH,
        required=False,
        help_text="In a word or two, published: “stake”. Empty: the session counts as before.",
    )


class AppealDecisionForm(forms.Form):
    comment = forms.CharField(
        label="Why",
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Published on the page of the session.",
    )
