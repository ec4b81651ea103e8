"""The only roads to a trial: members of its host and of its version's lab read it, the host's run and decide it."""

import uuid

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from arena import access
from arena.errors import AccessDenied, NotFound
from arena.models import Lab, Person, PolicyVersion, Source
from evaluations.desk.access import lab_of
from evaluations.models import Trial
from evaluations.requests.access import labs_of, require_owner
from evaluations.trying import selectors

User = Person | AnonymousUser


def trial_in(labs: QuerySet[Lab], trial_id: uuid.UUID) -> Trial:
    """A trial at one of these labs, in which one acts, or of a version of theirs."""
    rows = selectors.trials_of(labs).filter(pk=trial_id)
    found = rows.select_related("host", "version__policy__lab", "version__embodiment", "version__endpoint").first()
    if found is None:
        raise NotFound("trial_unknown", "Your labs have no trial at this address.")
    return found


def trial_to_read(user: User, trial_id: uuid.UUID) -> Trial:
    return trial_in(labs_of(user), trial_id)


def trial_to_run(user: User, trial_id: uuid.UUID) -> Trial:
    return of_host(labs_of(user), trial_to_read(user, trial_id))


def of_host(labs: QuerySet[Lab], trial: Trial) -> Trial:
    """The trial, where one of these labs is the one that was asked."""
    if not labs.filter(pk=trial.host_id).exists():
        raise AccessDenied("not_the_host", f"Only members of {trial.host} run this trial and decide it.")
    return trial


def of_owner(labs: QuerySet[Lab], trial: Trial) -> Trial:
    """The trial, where one of these labs owns the version."""
    owner = lab_of(trial.version.policy)
    if not labs.filter(pk=owner.pk).exists():
        raise AccessDenied("not_an_owner", f"Only policy owners and admins of {owner} may do this.")
    return trial


def trial_to_withdraw(user: User, trial_id: uuid.UUID) -> Trial:
    found = trial_to_read(user, trial_id)
    require_owner(user, lab_of(found.version.policy))
    return found


def version_to_waive(user: User, label: str) -> PolicyVersion:
    access.steward(user)
    registered = PolicyVersion.objects.filter(policy__source=Source.REGISTERED).select_related("policy__lab")
    found = registered.labelled(label).first()
    if found is None:
        raise NotFound("version_unknown", "There is no such version.", hint="It looks like SLUG@VERSION.")
    return found


def is_of_host(user: User, trial: Trial) -> bool:
    return trial.host.memberships.filter(person=user.pk).exists()


def is_of_owner(user: User, trial: Trial) -> bool:
    return lab_of(trial.version.policy).memberships.filter(person=user.pk).exists()
