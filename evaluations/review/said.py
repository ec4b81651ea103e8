"""What people say against a session or its exclusion."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from arena import access as people
from arena.errors import ArenaError
from arena.lab_forms import tell
from arena.models import Person
from arena.requests import client_address
from evaluations import access, appeals, session_reports
from evaluations.review.forms import AppealForm, ReportForm


@require_http_methods(["GET", "HEAD", "POST"])
def session_report(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """Anybody, without an account and without scripts. `?kind=` chooses one beforehand."""
    session = access.session_to_report(session_id)
    person = request.user if isinstance(request.user, Person) else None
    posted = request.POST if request.method == "POST" else None
    form, status = ReportForm(posted, session=session, person=person, initial={"kind": request.GET.get("kind")}), 200
    if posted is not None and form.is_valid():
        try:
            session_reports.report(
                session=session,
                kind=form.cleaned_data["kind"],
                text=form.cleaned_data["text"],
                by=person,
                address=client_address(request),
                now=timezone.now(),
            )
        except ArenaError as error:
            tell(form, error)
            status = error.status
        else:
            return redirect(f"{request.path}?sent")
    if form.errors and status == 200:
        status = 400
    context = {"session": session, "form": form, "sent": "sent" in request.GET}
    return render(request, "evaluations/review/report_form.html", context, status=status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def session_appeal(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    session = access.session_to_appeal(request.user, session_id)
    form, status = AppealForm(request.POST if request.method == "POST" else None), 200
    if request.method == "POST" and form.is_valid():
        try:
            by = people.signed_in(request.user)
            appeals.appeal(session=session, text=form.cleaned_data["text"], by=by, now=timezone.now())
        except ArenaError as error:
            tell(form, error)
            status = error.status
        else:
            messages.success(request, "Kept: a steward who has not excluded the session decides.")
            return redirect("session-appeal", session.pk)
    if form.errors and status == 200:
        status = 400
    return render(request, "evaluations/review/appeal_form.html", {"session": session, "form": form}, status=status)
