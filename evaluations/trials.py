"""Trials: before a new version is dealt to anybody, a lab that its owner chose runs it and says go or no-go.

A trial's sessions are training sessions: they count nowhere, earn nothing and are published nowhere.
"""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from arena import audit, policies
from arena.errors import AccessDenied, ArenaError, Conflict
from arena.models import Lab, Person, PolicyVersion, Source, Station
from evaluations import decisions
from evaluations.models import Session, State, Trial
from evaluations.sessions import clean_comment


def hosts_for(version: PolicyVersion) -> QuerySet[Lab]:
    """The labs that could try it: those with a station in use for its robot, its owner's among them."""
    fitting = Station.objects.filter(retired_at=None, simulated=False, embodiment=version.embodiment_id)
    return Lab.objects.filter(stations__in=fitting, source=Source.REGISTERED).distinct().order_by("name")


@transaction.atomic
def ask(*, version: PolicyVersion, host: Lab, by: Person, now: datetime) -> Trial:
    """An owner asks a lab to try a version that waits for it."""
    if not settings.TRIAL_SESSIONS:
        raise Conflict("trials_off", "This installation does without trials.")
    version = PolicyVersion.objects.select_for_update(of=("self",)).select_related("policy__lab").get(pk=version.pk)
    if version.pool != PolicyVersion.Pool.TRIAL:
        raise Conflict("no_trial_due", f"{version} does not wait for a trial.")
    if not hosts_for(version).filter(pk=host.pk).exists():
        raise ArenaError("host_unfit", f"{host} has no station in use for this robot.")
    if Trial.objects.filter(version=version, state=Trial.State.ASKED).exists():
        raise Conflict(
            "trial_asked_already", f"A trial of {version} waits already.", hint="Withdraw it to ask another lab."
        )
    trial = Trial.objects.create(version=version, host=host, asked_by=by, asked_at=now)
    audit.record("trial:asked", subject=version.label, person=by, lab=version.policy.lab, host=host.name)
    members = Person.objects.filter(memberships__lab=host)
    decisions.tell_trial_asked(trial, to=[person for person in members if may_decide(trial, person)])
    return trial


@transaction.atomic
def withdraw(*, trial: Trial, by: Person, now: datetime, comment: str = "") -> Trial:
    """Its owner does not want it any more. A repeat changes nothing."""
    trial = lock(trial)
    if trial.state == Trial.State.WITHDRAWN:
        return trial
    _require_living(trial)
    _decide(trial, Trial.State.WITHDRAWN, comment=clean_comment(comment), by=by, now=now)
    label, lab = trial.version.label, trial.version.policy.lab
    audit.record("trial:withdrawn", subject=label, person=by, lab=lab, host=trial.host.name)
    return trial


@transaction.atomic
def decide(*, trial: Trial, go: bool, comment: str, by: Person, now: datetime) -> Trial:
    """The host's word: go, which puts the version into the pool, or no-go, which says why."""
    trial = lock(trial)
    _require_living(trial)
    require_impartial(trial, by)
    comment = clean_comment(comment)
    if not go and not comment:
        raise ArenaError("comment_missing", "Say why it is a no-go: its owner reads it.")
    if go and (missing := sessions_missing(trial)):
        raise Conflict(
            "trial_too_short",
            f"A go needs {settings.TRIAL_SESSIONS} sessions of the trial that were submitted and are valid; "
            f"{missing} {'is' if missing == 1 else 'are'} missing.",
        )
    _decide(trial, Trial.State.GO if go else Trial.State.NO_GO, comment=comment, by=by, now=now)
    tag = "trial:go" if go else "trial:no-go"
    audit.record(tag, subject=trial.version.label_for(trial.host_id), person=by, lab=trial.host, comment=comment)
    if go:
        policies.end_trial(version=trial.version)
    decisions.tell_trial_decided(trial)
    return trial


@transaction.atomic
def waive(*, version: PolicyVersion, comment: str, by: Person, now: datetime) -> PolicyVersion:
    """A steward puts a version into the pool without a go, and says why."""
    if not by.is_staff:
        raise AccessDenied("not_a_steward", "Only a steward waives a trial.")
    comment = clean_comment(comment)
    if not comment:
        raise ArenaError("comment_missing", "Say why it needs no trial.")
    _withdraw_living(version, by=by, now=now)
    return policies.end_trial(version=version, by=by, waived_because=comment)


@transaction.atomic
def set_pool(*, version: PolicyVersion, pool: PolicyVersion.Pool, by: Person, now: datetime) -> PolicyVersion:
    """Where a version leaves its place before the pool, nobody needs to try it any more."""
    _withdraw_living(version, by=by, now=now)
    return policies.set_pool(version=version, pool=pool, by=by)


def may_decide(trial: Trial, person: Person) -> bool:
    """A member of the host's who is not of the owner's lab, unless that is the host itself."""
    labs = set(person.memberships.values_list("lab", flat=True))
    owner = trial.version.policy.lab_id
    return trial.host_id in labs and (owner == trial.host_id or owner not in labs)


def require_impartial(trial: Trial, person: Person) -> None:
    if not may_decide(trial, person):
        raise AccessDenied("not_the_host", f"Only members of {trial.host} who do not own the policy say go or no-go.")


def require_station(*, trial: Trial, station: Station) -> Trial:
    """The trial, locked until the transaction ends, where a session of it may be opened at this station."""
    trial = lock(trial)
    _require_living(trial)
    if station.lab_id != trial.host_id:
        raise AccessDenied("not_the_host", f"Only members of {trial.host} try it, at a station of theirs.")
    return trial


def sessions_of(trial: Trial) -> QuerySet[Session]:
    """Those of its sessions that were submitted and are valid."""
    return trial.sessions.filter(state=State.SUBMITTED, valid=True)


def sessions_missing(trial: Trial) -> int:
    """How many more of them a go needs."""
    return max(settings.TRIAL_SESSIONS - sessions_of(trial).count(), 0)


def waiting_for(person: Person) -> Sequence[Trial]:
    """The trials that wait for a lab of this person's, the oldest first."""
    waiting = Trial.objects.filter(state=Trial.State.ASKED, host__memberships__person=person)
    return list(waiting.select_related("version__policy__lab", "version__embodiment", "host").order_by("asked_at"))


def stations_for(trial: Trial) -> QuerySet[Station]:
    """The host's stations in use for the version's robot."""
    found = trial.host.stations.filter(retired_at=None, simulated=False, embodiment=trial.version.embodiment_id)
    return found.select_related("lab", "embodiment").order_by("name")


def lock(trial: Trial) -> Trial:
    rows = Trial.objects.select_for_update(of=("self",)).select_related("version__policy__lab", "host")
    return rows.get(pk=trial.pk)


def _withdraw_living(version: PolicyVersion, *, by: Person, now: datetime) -> None:
    for trial in Trial.objects.filter(version=version, state=Trial.State.ASKED):
        withdraw(trial=trial, by=by, now=now)


def _require_living(trial: Trial) -> None:
    if not trial.is_living:
        raise Conflict("trial_over", f"This trial has ended: {trial.get_state_display()}.")


def _decide(trial: Trial, state: Trial.State, *, comment: str, by: Person, now: datetime) -> None:
    trial.state, trial.comment, trial.decided_by, trial.decided_at = state, comment, by, now
    trial.save(update_fields=["state", "comment", "decided_by", "decided_at"])
