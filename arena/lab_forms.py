"""The forms of labs. They hold the shape of what is typed; what it may be is said by the domain."""

from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone

from arena import applications, labs, notices
from arena.applications import ApplicationText
from arena.errors import ArenaError
from arena.models import ActionSpace, Camera, Embodiment, Lab, Person, Role, Scope, Station
from arena.stations import GREATEST_SPEED, StationLimits

_ENDS = (("never", "never"), ("30", "in 30 days"), ("90", "in 90 days"), ("365", "in a year"))
OTHER_ROBOT = "other"
USUAL_ROBOT = "DROID"


def tell(form: forms.Form, error: ArenaError, **fields: str) -> None:
    """Put an error of the domain where it belongs: at the field that `fields` names for its code, else above all."""
    field, message = fields.get(error.code, ""), error.message
    if error.code == "bad_field":
        field, _, message = message.partition(": ")
        message = message[:1].upper() + message[1:]
    sentence = f"{message} {error.hint}".strip()
    form.add_error(field if field in form.fields else None, sentence)


def _text(rows: int, **attrs: str) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, **attrs})


class ApplicationForm(forms.Form):
    lab_name = forms.CharField(label="Name of the lab", max_length=60, help_text="As it will stand on public pages.")
    about = forms.CharField(
        label="Who you are",
        max_length=applications.LONGEST_TEXT,
        widget=_text(4),
        help_text="Which organisation, who will evaluate, and how we can tell that it is you.",
    )
    robots = forms.CharField(
        label="Your robots",
        max_length=applications.LONGEST_TEXT,
        widget=_text(3),
        help_text="Which robots, how many, which cameras.",
    )
    website = forms.URLField(label="Website", max_length=200, required=False, assume_scheme="https")
    affiliated_labs = forms.ModelMultipleChoiceField(
        label="Labs here that you are close to",
        queryset=Lab.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Shared people, money or projects with a lab that owns policies here. "
        "You will not be given its policies, nor it yours.",
    )
    other_affiliations = forms.CharField(
        label="Others who build policies and are close to you",
        max_length=applications.LONGEST_TEXT,
        required=False,
        widget=_text(2),
        help_text="In words: labs and companies that do not take part here.",
    )
    protocol = forms.BooleanField(label="We follow the evaluation protocol.")
    licence = forms.BooleanField(label="We publish what we submit under CC BY 4.0.")
    privacy = forms.BooleanField(label="Our videos show no faces, private places, screens or documents.")
    terms = forms.CharField(widget=forms.HiddenInput, initial=applications.TERMS_VERSION)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["affiliated_labs"].queryset = applications.labs_that_own_policies()  # type: ignore[attr-defined]

    def clean_lab_name(self) -> str:
        try:
            return applications.require_free_name(self.cleaned_data["lab_name"])
        except ArenaError as error:
            raise forms.ValidationError(f"{error.message} {error.hint}".strip()) from None

    def text(self) -> ApplicationText:
        names = ("lab_name", "about", "robots", "website", "affiliated_labs", "other_affiliations")
        return ApplicationText(**{name: self.cleaned_data[name] for name in names})


class DecisionForm(forms.Form):
    comment = forms.CharField(
        label="Answer to the applicant",
        max_length=applications.LONGEST_TEXT,
        required=False,
        widget=_text(3),
        help_text="Sent with the decision. Needed to decline.",
    )


class InvitationForm(forms.Form):
    email = forms.EmailField(label="E-mail", widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(label="Role", choices=Role.choices, initial=Role.EVALUATOR)


class RoleForm(forms.Form):
    role = forms.ChoiceField(label="Role", choices=Role.choices)


class StationForm(forms.Form):
    name = forms.CharField(label="Name", max_length=60, help_text="As your people call it, such as “bench 1”.")
    embodiment = forms.ChoiceField(label="Robot", help_text="Policies are matched to it.")
    other_embodiment = forms.CharField(
        label="Another robot",
        max_length=60,
        required=False,
        help_text="Only if it is not in the list: its name, as policies and clients should call it.",
    )
    cameras = forms.MultipleChoiceField(
        label="Cameras",
        choices=Camera.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text="At least one beside the robot: left or right.",
    )
    action_spaces = forms.MultipleChoiceField(
        label="What the robot can be told",
        choices=ActionSpace.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Leave all empty if you do not know: then no policy is kept away.",
    )
    place = forms.CharField(
        label="Where it stands", max_length=120, required=False, help_text="Seen by members of your lab only."
    )
    max_speed = forms.FloatField(
        label="Greatest speed of the hand, m/s",
        required=False,
        min_value=0.001,
        max_value=GREATEST_SPEED,
        widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
    )
    workspace = forms.CharField(
        label="Workspace", max_length=200, required=False, help_text="In words: “40 cm around the middle of the table”."
    )
    safety_notes = forms.CharField(
        label="What else a policy must respect", max_length=2000, required=False, widget=_text(3)
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = {name: title or name for name, title in Embodiment.objects.values_list("name", "title")}
        known.setdefault(USUAL_ROBOT, USUAL_ROBOT)
        self.fields["embodiment"].choices = [*known.items(), (OTHER_ROBOT, "another, named below")]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("embodiment") == OTHER_ROBOT and not data.get("other_embodiment"):
            self.add_error("other_embodiment", "Name the robot, or choose one from the list.")
        elif data.get("embodiment") != OTHER_ROBOT and data.get("other_embodiment"):
            self.add_error("other_embodiment", "Leave this empty, or choose “another” above.")
        return data

    def description(self) -> dict[str, Any]:
        data = self.cleaned_data
        limits = StationLimits(
            **{name: data[name] for name in ("action_spaces", "place", "max_speed", "workspace", "safety_notes")}
        )
        chosen = data["embodiment"]
        robot = data["other_embodiment"] if chosen == OTHER_ROBOT else chosen
        return {"name": data["name"], "embodiment": robot, "cameras": data["cameras"], "limits": limits}

    @staticmethod
    def values_of(station: Station) -> dict[str, Any]:
        names = ("name", "cameras", "action_spaces", "place", "max_speed", "workspace", "safety_notes")
        return {name: getattr(station, name) for name in names} | {"embodiment": station.embodiment.name}


class AffiliationForm(forms.Form):
    other = forms.ModelChoiceField(label="Lab", queryset=Lab.objects.none(), empty_label="choose a lab")
    comment = forms.CharField(
        label="In what way", max_length=200, required=False, help_text="Seen by members of your lab and by stewards."
    )

    def __init__(self, *args: Any, lab: Lab, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["other"].queryset = labs.registered().exclude(pk=lab.pk)  # type: ignore[attr-defined]


class ApiKeyForm(forms.Form):
    name = forms.CharField(label="What it is for", max_length=60, help_text="Such as “upload script on bench 1”.")
    lab = forms.ModelChoiceField(label="Lab", queryset=Lab.objects.none(), empty_label=None, to_field_name="slug")
    scopes = forms.MultipleChoiceField(
        label="What it may do", choices=Scope.choices, widget=forms.CheckboxSelectMultiple, initial=[Scope.READ]
    )
    ends = forms.ChoiceField(label="It ends", choices=_ENDS, initial="365")

    def __init__(self, *args: Any, labs: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["lab"].queryset = labs  # type: ignore[attr-defined]

    def wishes(self) -> dict[str, Any]:
        data, now = self.cleaned_data, timezone.now()
        ends = now + timedelta(days=int(data["ends"])) if data["ends"] != "never" else None
        return {"name": data["name"], "lab": data["lab"], "scopes": data["scopes"], "expires_at": ends, "now": now}


class AccessCodeForm(forms.Form):
    """For whom and at which station; a member who is no admin can only choose themselves."""

    person = forms.ModelChoiceField(label="For whom", queryset=Person.objects.none(), empty_label=None)
    station = forms.ModelChoiceField(label="At which station", queryset=Station.objects.none(), empty_label=None)

    def __init__(self, *args: Any, people: Any, stations: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["person"].queryset = people  # type: ignore[attr-defined]
        self.fields["station"].queryset = stations  # type: ignore[attr-defined]
        self.fields["station"].label_from_instance = lambda station: station.name  # type: ignore[attr-defined]


class NoticesForm(forms.Form):
    """Which kinds one wants; the domain keeps those that one does not."""

    wanted = forms.MultipleChoiceField(label="Write to me when", required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, data: Any = None, *, person: Person) -> None:
        self._kinds = notices.kinds_for(person)
        self._muted = set(person.muted_notices)
        super().__init__(data, initial={"wanted": [kind.value for kind in self._kinds if kind not in self._muted]})
        self.fields["wanted"].choices = [(kind.value, kind.label) for kind in self._kinds]  # type: ignore[attr-defined]

    def muted(self) -> set[str]:
        """Also what was muted before and is not offered any more."""
        unwanted = {kind.value for kind in self._kinds if kind not in self.cleaned_data["wanted"]}
        return unwanted | {kind for kind in self._muted if kind not in self._kinds}
