"""The evaluator's pages: access, validate, domain, page."""

import uuid

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from arena.errors import ArenaError
from arena.people import signed_in
from evaluations import access, guesses, sessions, submissions
from evaluations.drafts import DraftConflict
from evaluations.evaluate import entries, pages, starting
from evaluations.evaluate import selectors as reads
from evaluations.evaluate.starting import StartForm
from evaluations.ranges import ranged_response


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    """Open sessions to resume, then the form that opens a new one."""
    if request.method == "POST":
        return _start(request)
    return _start_page(request, _asked_for(request))


def _asked_for(request: HttpRequest) -> StartForm:
    """The form as a link or a choice fills it: the station, what was typed, or the task of an earlier session."""
    station, instruction = request.GET.get("station", ""), request.GET.get("instruction", "")
    task = reads.task_like(signed_in(request), request.GET.get("like"))
    if task is None:
        return StartForm(station=station, instruction=instruction)
    stages = starting.stage_rows(task.rubric)
    own = stages != starting.suggested_stages(task.instruction)
    return StartForm(station=station, instruction=task.instruction, stages=stages, rubric_edited=own)


def _start_page(request: HttpRequest, form: StartForm) -> HttpResponse:
    context = pages.start_page(person=signed_in(request), form=form, now=timezone.now())
    return render(request, "evaluations/evaluate/start.html", context, status=form.status)


def _start(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    form = starting.posted_form(request.POST, request.FILES.get("photo"))
    try:
        session = starting.start(person=person, stations=reads.stations_of(person), form=form, now=timezone.now())
    except ArenaError as error:
        form.refuse(error)
        return _start_page(request, form)
    return redirect("evaluate-session", session.pk)


@login_required
@require_safe
def rubric(request: HttpRequest) -> HttpResponse:
    """The stages for the kind of task that an instruction suggests, as a part of the form."""
    stages = starting.suggested_stages(request.GET.get("instruction", ""))
    return render(request, "evaluations/evaluate/rubric.html", {"form": StartForm(stages=stages)})


@login_required
@require_safe
def session_page(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    now = timezone.now()
    session = pages.settle(access.session_to_run(signed_in(request), session_id), now)
    if session.is_open:
        context = pages.steps_page(session, now=now, wanted=request.GET.get("step"))
        return render(request, "evaluations/evaluate/steps.html", context)
    if session.is_blind:
        return render(request, "evaluations/evaluate/guess.html", pages.guess_page(session))
    return render(request, "evaluations/evaluate/outcome.html", pages.outcome_page(session))


@login_required
@require_POST
def submit(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """What the form holds is kept first, so that nothing is lost where it cannot be submitted yet; or only kept."""
    now = timezone.now()
    session = access.session_to_run(signed_in(request), session_id)
    conflict, problem = None, ""
    try:
        entries.save_posted(session=session, data=request.POST, now=now)
        if "keep" not in request.POST:
            submissions.submit_draft(session=session, now=now)
        return redirect("evaluate-session", session_id)
    except DraftConflict as error:
        conflict, problem = error, error.message
    except ArenaError as error:
        problem = error.message
    session = pages.settle(access.session_to_run(signed_in(request), session_id), now)
    if not session.is_open:
        return redirect("evaluate-session", session_id)
    context = pages.steps_page(session, now=now, wanted="check", problem=problem, conflict=conflict)
    return render(request, "evaluations/evaluate/steps.html", context, status=409 if conflict else 400)


@login_required
@require_POST
def guess(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    session = access.session_to_run(signed_in(request), session_id)
    answered = "skip" not in request.POST
    named = [request.POST.get(name) or None if answered else None for name in ("policy_a", "policy_b")]
    try:
        guesses.answer(session=session, policy_a=named[0], policy_b=named[1], now=timezone.now())
    except ArenaError as error:
        if error.code == "session_open":
            return redirect("evaluate-session", session_id)
        context = pages.guess_page(session, error.message)
        return render(request, "evaluations/evaluate/guess.html", context, status=error.status)
    return redirect("evaluate-session", session_id)


@login_required
@require_POST
def extend(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    session = access.session_to_run(signed_in(request), session_id)
    sessions.extend(session=session, now=timezone.now())
    return redirect("evaluate-session", session_id)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def abandon(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """The evaluator's own end of a session that leads nowhere. It is recorded, as every assignment is."""
    person = signed_in(request)
    session = pages.settle(access.session_to_run(person, session_id), timezone.now())
    if not session.is_open:
        return redirect("evaluate-session", session_id)
    if request.method != "POST":
        return render(request, "evaluations/evaluate/abandon.html", pages.abandon_page(session))
    reason, comment = request.POST.get("reason", ""), request.POST.get("comment", "")
    try:
        sessions.abandon(session=session, now=timezone.now(), by=person, reason=reason, comment=comment)
    except ArenaError as error:
        problem = "Say why." if error.code == "bad_reason" else error.message
        context = pages.abandon_page(session, problem, chosen=reason, comment=comment)
        return render(request, "evaluations/evaluate/abandon.html", context, status=400)
    return redirect("evaluate-session", session_id)


@require_safe
def session_photo(request: HttpRequest, session_id: uuid.UUID, photo_id: int) -> HttpResponseBase:
    photo = access.photo_to_read(request.user, session_id, photo_id=photo_id)
    return ranged_response(request, file=photo.file, content_type="image/jpeg", etag=f"photo-{photo.pk}")
