"""What programs are told at the owner's desk, and how it is read off the rows."""

from typing import Any

from rest_framework import serializers

from arena.api.fields import Output
from arena.api.pagination import PageOutput
from arena.models import Endpoint, Policy, PolicyStake, PolicyVersion
from arena.uptime import Stretch
from evaluations.desk import checks
from evaluations.desk.access import lab_of
from evaluations.desk.examination import Outcome, Step
from evaluations.desk.selectors import VersionCard
from evaluations.models import Label, Preference, ProtocolCheck, State, TaskCategory
from evaluations.pairing import DrawKind
from evaluations.trying.outputs import TrialOutput, trial_shown


class PolicyOutput(Output):
    slug = serializers.SlugField()
    name = serializers.CharField()
    lab = serializers.SlugField()
    open_source = serializers.BooleanField()
    simulated = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    versions = serializers.ListField(child=serializers.CharField(), help_text="SLUG@VERSION, the oldest first.")


class PolicyPageOutput(PageOutput):
    results = PolicyOutput(many=True)


class StretchOutput(Output):
    health = serializers.ChoiceField(choices=Endpoint.Health.choices)
    begin = serializers.DateTimeField()
    end = serializers.DateTimeField()
    problem = serializers.CharField(allow_blank=True)


class ServerOutput(Output):
    address = serializers.CharField(allow_null=True, help_text="Told to owners and admins of its lab alone.")
    health = serializers.ChoiceField(choices=Endpoint.Health.choices)
    problem = serializers.CharField(allow_blank=True)
    checked_at = serializers.DateTimeField(allow_null=True)
    uptime = serializers.FloatField(
        allow_null=True, help_text="0 to 1, of the time in the last 30 days in which it was known to be up or down."
    )
    history = StretchOutput(many=True, help_text="The last 30 days, the latest first.")


class FindingOutput(Output):
    step = serializers.ChoiceField(choices=[step.value for step in Step])
    outcome = serializers.ChoiceField(choices=[outcome.value for outcome in Outcome])
    sentence = serializers.CharField()


class CheckOutput(Output):
    id = serializers.UUIDField()
    version = serializers.CharField()
    asked_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True, help_text="Null while it waits or runs.")
    passed = serializers.BooleanField(allow_null=True)
    first_ms = serializers.FloatField(allow_null=True)
    median_ms = serializers.FloatField(allow_null=True)
    p95_ms = serializers.FloatField(allow_null=True)
    findings = FindingOutput(many=True)


class CheckPageOutput(PageOutput):
    results = CheckOutput(many=True)


class EndedSessionsOutput(Output):
    """Published ones alone."""

    assigned = serializers.IntegerField()
    valid = serializers.IntegerField()
    spoilt_by_serving = serializers.IntegerField(help_text="Not counted because a policy server did not answer.")


class VersionOutput(Output):
    version = serializers.CharField(help_text="SLUG@VERSION")
    embodiment = serializers.CharField()
    pool = serializers.ChoiceField(choices=PolicyVersion.Pool.choices)
    unlisted = serializers.BooleanField(help_text="Others read the pseudonym instead of its name.")
    pseudonym = serializers.CharField(allow_blank=True, help_text="Where it was registered unlisted; inputs keep it.")
    listed_at = serializers.DateTimeField(allow_null=True, help_text="Of one that was registered unlisted.")
    created_at = serializers.DateTimeField()
    server = ServerOutput(allow_null=True)
    sessions = EndedSessionsOutput()
    check = CheckOutput(allow_null=True, help_text="The latest.")
    trials = TrialOutput(many=True, help_text="The latest first.")
    hosts = serializers.ListField(
        child=serializers.SlugField(), help_text="Labs that can be asked for a trial, while it waits for one."
    )


class PolicyDetailOutput(PolicyOutput):
    versions = VersionOutput(many=True, help_text="The latest first.")  # type: ignore[assignment]


class StakeOutput(Output):
    id = serializers.IntegerField()
    lab = serializers.SlugField()
    comment = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()


class StakePageOutput(PageOutput):
    results = StakeOutput(many=True)


class ResultOfPolicyOutput(Output):
    """One side of a published session, as in the file of results."""

    session = serializers.UUIDField()
    completed = serializers.DateTimeField()
    version = serializers.CharField()
    side = serializers.ChoiceField(choices=Label.choices)
    opponent = serializers.CharField()
    state = serializers.ChoiceField(choices=State.choices)
    valid = serializers.BooleanField(allow_null=True)
    excluded = serializers.CharField(allow_blank=True, help_text="The reason; empty where it counts.")
    reason = serializers.CharField(allow_blank=True)
    preference = serializers.ChoiceField(choices=Preference.choices, allow_blank=True)
    outcome = serializers.ChoiceField(choices=["win", "tie", "loss"], allow_blank=True)
    progress = serializers.FloatField(allow_null=True)
    success = serializers.BooleanField(allow_null=True)
    opponent_progress = serializers.FloatField(allow_null=True)
    opponent_success = serializers.BooleanField(allow_null=True)
    failure_modes = serializers.ListField(child=serializers.CharField())
    recovered = serializers.BooleanField(allow_null=True)
    instruction = serializers.CharField()
    task_category = serializers.ChoiceField(choices=TaskCategory.choices)
    lab = serializers.CharField()
    embodiment = serializers.CharField()
    simulated = serializers.BooleanField()
    requested = serializers.BooleanField()
    draw_kind = serializers.ChoiceField(choices=[kind.value for kind in DrawKind])
    pair_probability = serializers.FloatField(allow_null=True)
    steps = serializers.IntegerField(allow_null=True)
    latency_p50_ms = serializers.FloatField(allow_null=True)
    latency_p95_ms = serializers.FloatField(allow_null=True)
    notes = serializers.CharField(allow_blank=True)
    videos = serializers.ListField(child=serializers.CharField())
    trajectory = serializers.CharField(allow_blank=True)


class ResultOfPolicyPageOutput(PageOutput):
    results = ResultOfPolicyOutput(many=True)


def policy_shown(policy: Policy) -> dict[str, Any]:
    names = ("slug", "name", "open_source", "simulated", "created_at")
    facts = {name: getattr(policy, name) for name in names}
    return facts | {"lab": lab_of(policy).slug, "versions": [one.label for one in policy.versions.all()]}


def version_shown(card: VersionCard, *, tells_address: bool) -> dict[str, Any]:
    version = card.version
    return {
        "version": version.label,
        "embodiment": version.embodiment.name,
        "pool": version.pool,
        "unlisted": version.is_unlisted,
        "pseudonym": version.pseudonym,
        "listed_at": version.listed_at,
        "created_at": version.created_at,
        "server": _server(card, tells_address=tells_address),
        "sessions": {name: getattr(card, name) for name in ("assigned", "valid", "spoilt_by_serving")},
        "check": check_shown(card.check, version) if card.check else None,
        "trials": [trial_shown(one, owned=True) for one in card.trials],
        "hosts": [host.slug for host in card.hosts] if card.may_ask else [],
    }


def check_shown(check: ProtocolCheck, version: PolicyVersion) -> dict[str, Any]:
    names = ("asked_at", "finished_at", "passed", "first_ms", "median_ms", "p95_ms")
    facts = {name: getattr(check, name) for name in names}
    return facts | {"id": check.pk, "version": version.label, "findings": map(vars, checks.findings(check))}


def stake_shown(stake: PolicyStake) -> dict[str, Any]:
    return {"id": stake.pk, "lab": stake.lab.slug, "comment": stake.comment, "created_at": stake.created_at}


def _server(card: VersionCard, *, tells_address: bool) -> dict[str, Any] | None:
    endpoint = card.endpoint
    if endpoint is None:
        return None
    return {
        "address": endpoint.url if tells_address else None,
        "health": endpoint.health,
        "problem": endpoint.last_problem,
        "checked_at": endpoint.checked_at,
        "uptime": None if card.up is None else card.up / 100,
        "history": [_stretch(part) for part in card.stretches],
    }


def _stretch(part: Stretch) -> dict[str, Any]:
    return {"health": part.health, "begin": part.begin, "end": part.end, "problem": part.problem}
