"""The pages of trials: access, validate, domain, page."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from arena import access as people
from arena.errors import ArenaError
from arena.models import Lab
from evaluations import assignments, trials
from evaluations.desk.access import version_to_change
from evaluations.models import Trial
from evaluations.sessions import COMMENT_MAX_LENGTH
from evaluations.trying import access, selectors


@login_required
@require_safe
def trial_page(request: HttpRequest, trial_id: uuid.UUID) -> HttpResponse:
    return _page(request, access.trial_to_read(request.user, trial_id))


@login_required
@require_POST
def start(request: HttpRequest, trial_id: uuid.UUID) -> HttpResponse:
    """A session of the trial, at a station of the host's."""
    trial = access.trial_to_run(request.user, trial_id)
    person, chosen = people.signed_in(request.user), request.POST.get("station", "")
    try:
        station = next((one for one in trials.stations_for(trial) if str(one.pk) == chosen), None)
        if station is None:
            raise ArenaError("station_missing", "Say at which station you are.")
        assignments.require_training(person=person, station=station)
        instruction = request.POST.get("instruction", "")
        session = assignments.open_session(
            person=person, station=station, instruction=instruction, trial=trial, now=timezone.now()
        )
    except ArenaError as error:
        return _page(request, trial, start_problem=error)
    return redirect("evaluate-session", session.pk)


@login_required
@require_POST
def decide(request: HttpRequest, trial_id: uuid.UUID) -> HttpResponse:
    trial = access.trial_to_run(request.user, trial_id)
    said = request.POST.get("decision", "")
    try:
        if said not in (Trial.State.GO, Trial.State.NO_GO):
            raise ArenaError("bad_field", "decision: Say go or no-go.")
        decided = trials.decide(
            trial=trial,
            go=said == Trial.State.GO,
            comment=request.POST.get("comment", ""),
            by=people.signed_in(request.user),
            now=timezone.now(),
        )
    except ArenaError as error:
        return _page(request, access.trial_to_read(request.user, trial_id), decision_problem=error)
    words = "Go: it is in the pool now." if decided.state == Trial.State.GO else "No-go: it stays out of the pool."
    messages.success(request, words)
    return redirect("trial", trial_id)


@login_required
@require_POST
def withdraw(request: HttpRequest, trial_id: uuid.UUID) -> HttpResponse:
    trial = access.trial_to_withdraw(request.user, trial_id)
    trials.withdraw(trial=trial, by=people.signed_in(request.user), now=timezone.now())
    messages.success(request, "The trial is withdrawn.")
    return redirect("policy-manage", trial.version.policy.slug)


@login_required
@require_POST
def ask(request: HttpRequest, label: str) -> HttpResponse:
    """An owner asks a lab for a trial."""
    version = version_to_change(request.user, label)
    host = Lab.objects.filter(slug=request.POST.get("host", "")).first()
    if host is None:
        raise ArenaError("bad_field", "host: Choose a lab.")
    trials.ask(version=version, host=host, by=people.signed_in(request.user), now=timezone.now())
    messages.success(request, f"{host} finds the trial of {version} on its page for evaluating.")
    return redirect("policy-manage", version.policy.slug)


@login_required
@require_POST
def waive(request: HttpRequest, label: str) -> HttpResponse:
    version = access.version_to_waive(request.user, label)
    comment = request.POST.get("comment", "")
    try:
        trials.waive(version=version, comment=comment, by=people.steward(request.user), now=timezone.now())
    except ArenaError as error:
        return _review(request, problem=error, label=label)
    messages.success(request, f"{version} is in the pool without a trial.")
    return redirect("trials-review")


@login_required
@require_safe
def review(request: HttpRequest) -> HttpResponse:
    """For stewards: the versions that wait for a trial, and the waiver."""
    people.steward(request.user)
    return _review(request)


def _review(request: HttpRequest, *, problem: ArenaError | None = None, label: str = "") -> HttpResponse:
    context = {
        "versions": selectors.before_trial(),
        "problem": problem,
        "of": label,
        "comment_max_length": COMMENT_MAX_LENGTH,
    }
    return render(request, "evaluations/trials/review.html", context, status=problem.status if problem else 200)


def _page(
    request: HttpRequest,
    trial: Trial,
    *,
    start_problem: ArenaError | None = None,
    decision_problem: ArenaError | None = None,
) -> HttpResponse:
    person, problem = people.signed_in(request.user), start_problem or decision_problem
    is_host, stations = access.is_of_host(person, trial), list(trials.stations_for(trial))
    is_owner = access.is_of_owner(person, trial)
    context = {
        "trial": trial,
        "version": trial.version,
        "endpoint": getattr(trial.version, "endpoint", None),
        "is_host": is_host,
        "may_decide": trials.may_decide(trial, person),
        "stations": stations,
        "sessions": selectors.sessions_at(trial) if is_host else [],
        "shown": selectors.shown(trial),
        "is_owner": is_owner,
        "name": trial.version.label if is_owner else trial.version.shown_label,
        "earlier": selectors.earlier_of(trial),
        "start_problem": start_problem,
        "decision_problem": decision_problem,
        "problems": [problem] if problem else [],
        "posted": request.POST,
        "chosen": request.POST.get("station") or (str(stations[0].pk) if len(stations) == 1 else ""),
        "comment_max_length": COMMENT_MAX_LENGTH,
        "instruction_max_length": assignments.INSTRUCTION_MAX_LENGTH,
    }
    return render(request, "evaluations/trials/detail.html", context, status=problem.status if problem else 200)
