"""What programs are told of trials."""

from typing import Any

from rest_framework import serializers

from arena.api.fields import Output
from arena.api.pagination import PageOutput
from evaluations.models import Label, Session, Side, State, Trial
from evaluations.trying.selectors import Outcome, TrialShown


class TriedSideOutput(Output):
    side = serializers.ChoiceField(choices=Label.choices)
    progress = serializers.FloatField(allow_null=True)
    success = serializers.BooleanField(allow_null=True)
    failure_modes = serializers.ListField(child=serializers.CharField())
    videos = serializers.ListField(child=serializers.CharField())


class TrialSessionOutput(Output):
    """A session of the trial that has ended, as far as the version's owners may know it."""

    session = serializers.UUIDField()
    instruction = serializers.CharField()
    state = serializers.ChoiceField(choices=State.choices)
    valid = serializers.BooleanField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)
    closed_at = serializers.DateTimeField()
    sides = TriedSideOutput(many=True, help_text="Those with the version under trial.")
    notes = serializers.CharField(allow_blank=True)


class RunOfTrialOutput(Output):
    """A session as the members of the lab that tries see it: that it was begun, and how it ended."""

    session = serializers.UUIDField()
    instruction = serializers.CharField()
    station = serializers.CharField()
    evaluator = serializers.CharField()
    state = serializers.ChoiceField(choices=State.choices)
    valid = serializers.BooleanField(allow_null=True)
    opened_at = serializers.DateTimeField()


class TrialOutput(Output):
    id = serializers.UUIDField()
    version = serializers.CharField(help_text="SLUG@VERSION")
    host = serializers.SlugField(help_text="The lab that tries it.")
    state = serializers.ChoiceField(choices=Trial.State.choices)
    asked_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    comment = serializers.CharField(allow_blank=True)
    done = serializers.IntegerField(help_text="Sessions that were submitted and are valid.")
    needed = serializers.IntegerField(help_text="So many of them a go needs.")


class TrialPageOutput(PageOutput):
    results = TrialOutput(many=True)


class SaidBeforeOutput(Output):
    host = serializers.SlugField()
    state = serializers.ChoiceField(choices=Trial.State.choices)
    comment = serializers.CharField(allow_blank=True)
    decided_at = serializers.DateTimeField()


class TrialDetailOutput(TrialOutput):
    lab = serializers.SlugField(help_text="Whose version it is.")
    embodiment = serializers.CharField()
    health = serializers.CharField(help_text="Of its server.")
    stations = serializers.ListField(child=serializers.IntegerField(), help_text="The host's that fit, to its members.")
    may_decide = serializers.BooleanField(help_text="Whether you may say go or no-go while it waits.")
    earlier = SaidBeforeOutput(many=True, help_text="What labs decided of the version before.")
    outcomes = TrialSessionOutput(many=True, help_text="To the version's lab.")
    sessions = RunOfTrialOutput(many=True, help_text="To the lab that tries.")


def trial_shown(shown: TrialShown, *, owned: bool) -> dict[str, Any]:
    """owned: to the version's own lab, which is told its name in any case."""
    trial = shown.trial
    facts = {name: getattr(trial, name) for name in ("state", "asked_at", "decided_at", "comment")}
    counts = {"done": shown.done, "needed": shown.needed}
    name = trial.version.label if owned else trial.version.shown_label
    return facts | counts | {"id": trial.pk, "version": name, "host": trial.host.slug}


def said_before(trial: Trial) -> dict[str, Any]:
    facts = {name: getattr(trial, name) for name in ("state", "comment", "decided_at")}
    return facts | {"host": trial.host.slug}


def outcome_shown(one: Outcome) -> dict[str, Any]:
    names = ("instruction", "state", "valid", "reason", "closed_at")
    facts = {name: getattr(one.session, name) for name in names}
    return facts | {
        "session": one.session.pk,
        "sides": [_side(one.session, side) for side in one.sides],
        "notes": one.notes,
    }


def run_shown(session: Session) -> dict[str, Any]:
    facts = {name: getattr(session, name) for name in ("instruction", "state", "valid", "opened_at")}
    station, evaluator = session.station, session.evaluator
    return facts | {"session": session.pk, "station": station.name if station else "", "evaluator": str(evaluator)}


def _side(session: Session, side: Side) -> dict[str, Any]:
    episode = getattr(side, "episode", None)
    return {
        "side": side.label,
        "progress": episode.progress if episode else None,
        "success": episode.success if episode else None,
        "failure_modes": list(episode.failure_modes) if episode else [],
        "videos": [f"/sessions/{session.pk}/{side.label}/{video.kind}.mp4" for video in side.videos],
    }
