"""The forms of the desk. They hold the shape of what is typed; what it may be is said by the domain."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings

from arena import labs, stakes
from arena.models import Embodiment, Lab, Policy

FIELD_OF = {
    "bad_name": "name",
    "policy_exists": "name",
    "bad_version": "version",
    "version_exists": "version",
    "bad_endpoint": "endpoint",
    "unlisted_limit": "unlisted",
}
_ADDRESS = "Such as ws://policy.example.org:8000. Only the relay learns it; evaluators never do."


class VersionForm(forms.Form):
    version = forms.CharField(
        label="Version",
        max_length=40,
        initial="1",
        help_text="New weights are a new version, which is ranked by itself.",
    )
    embodiment = forms.ModelChoiceField(
        label="Robot", queryset=Embodiment.objects.all(), empty_label=None, to_field_name="name"
    )
    endpoint = forms.CharField(label="Address of its server", max_length=300, help_text=_ADDRESS)
    unlisted = forms.BooleanField(
        label="Unlisted",
        required=False,
        help_text="Evaluated, counted and shown like any other, under a pseudonym that names your lab, until you list "
        "it, which is for good. It cannot be chosen later, and how many a lab has withdrawn unlisted is public.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not settings.UNLISTED_VERSIONS_MAX:
            del self.fields["unlisted"]


class PolicyForm(VersionForm):
    name = forms.CharField(label="Name", max_length=60, help_text="As it will stand on public pages.")
    lab = forms.ModelChoiceField(label="Lab", queryset=Lab.objects.none(), empty_label=None, to_field_name="slug")
    open_source = forms.BooleanField(label="Its weights and code are open", required=False)

    field_order = ("name", "lab", "version", "embodiment", "endpoint", "open_source", "unlisted")

    def __init__(self, *args: Any, labs: Sequence[Lab], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["lab"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Lab.objects.filter(pk__in=[lab.pk for lab in labs])


class StakeForm(forms.Form):
    lab = forms.ModelChoiceField(label="Lab", queryset=Lab.objects.none(), to_field_name="slug")
    comment = forms.CharField(label="What the stake is", max_length=200, required=False)

    def __init__(self, *args: Any, policy: Policy, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["lab"]
        assert isinstance(field, forms.ModelChoiceField)
        known = [stake.lab_id for stake in stakes.living_of(policy)]
        field.queryset = labs.registered().exclude(pk__in=[policy.lab_id, *known])


class AddressForm(forms.Form):
    endpoint = forms.CharField(label="Address of its server", max_length=300, help_text=_ADDRESS)
