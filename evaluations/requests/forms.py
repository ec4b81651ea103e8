"""The form of a request. It holds the shape of what is typed; what can be ordered is said by the domain."""

from datetime import UTC, datetime, time
from typing import Any

from django import forms

from arena.models import PolicyVersion
from evaluations.models import LARGEST_REQUEST, TaskCategory
from evaluations.requests import selectors
from evaluations.requests.orders import Conditions

FIELD_OF = {
    "bad_amount": "wanted",
    "not_enough_credits": "wanted",
    "until_is_past": "until",
    "bad_lab_cap": "most_from_one_lab",
    "opponent_does_not_fit": "opponents",
    "stop_needs_one_opponent": "stop_when_decided",
    "decided_already": "stop_when_decided",
}


class OpponentsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]  # generic only in its stubs
    """own: the lab that orders, which knows the names of its own unlisted versions."""

    own: int | None = None

    def label_from_instance(self, version: PolicyVersion) -> str:
        return version.label_for(self.own)


class RequestForm(forms.Form):
    wanted = forms.IntegerField(label="Evaluations", min_value=1, max_value=LARGEST_REQUEST, initial=20)
    opponents = OpponentsField(
        label="Against",
        queryset=PolicyVersion.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None: against whom a comparison tells most. Yours can meet an earlier version on the same scenes.",
    )
    categories = forms.MultipleChoiceField(
        label="On tasks of this kind",
        choices=[choice for choice in TaskCategory.choices if choice[0] != TaskCategory.UNKNOWN],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None: on all kinds.",
    )
    until = forms.DateField(
        label="Until the end of",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="UTC. What is not done by then is paid back.",
    )
    most_from_one_lab = forms.IntegerField(
        label="At most so many from one lab", min_value=1, max_value=LARGEST_REQUEST, required=False
    )
    stop_when_decided = forms.BooleanField(
        label="Stop as soon as the two are told apart, and pay the rest back (needs one opponent)", required=False
    )

    def __init__(self, *args: Any, version: PolicyVersion, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        opponents = self.fields["opponents"]
        assert isinstance(opponents, OpponentsField)
        opponents.queryset, opponents.own = selectors.opponents_of(version), version.policy.lab_id

    def conditions(self) -> Conditions:
        said = self.cleaned_data
        until = said["until"]
        return Conditions(
            categories=said["categories"],
            opponents=list(said["opponents"]),
            until=datetime.combine(until, time.max, UTC) if until else None,
            most_from_one_lab=said["most_from_one_lab"],
            stop_when_decided=said["stop_when_decided"],
        )
