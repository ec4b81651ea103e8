"""Stewards decide on reports and appeals."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from arena import access as people
from arena.errors import ArenaError
from arena.lab_forms import tell
from evaluations import access, appeals, session_reports
from evaluations.review.forms import AppealDecisionForm, ReportDecisionForm

DECIDED_A_PAGE = 20


@login_required
@require_safe
def report_list(request: HttpRequest) -> HttpResponse:
    people.steward(request.user)
    page = Paginator(session_reports.decided(), DECIDED_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "evaluations/review/reports.html", {"waiting": session_reports.waiting(), "page": page})


@login_required
@require_safe
def report_detail(request: HttpRequest, report_id: int) -> HttpResponse:
    report = access.report_to_review(request.user, report_id)
    return render(request, "evaluations/review/report.html", {"report": report, "form": ReportDecisionForm()})


@login_required
@require_POST
def report_decide(request: HttpRequest, report_id: int) -> HttpResponse:
    report, form = access.report_to_review(request.user, report_id), ReportDecisionForm(request.POST)
    upheld = {"uphold": True, "dismiss": False}.get(request.POST.get("decision", ""))
    if form.is_valid() and upheld is None:
        form.add_error(None, "Say whether the report is upheld or dismissed.")
    elif upheld is not None and form.is_valid():
        try:
            decided = session_reports.decide(
                report_id=report.pk,
                upheld=upheld,
                comment=form.cleaned_data["comment"],
                by=people.steward(request.user),
                now=timezone.now(),
                exclude_because=form.cleaned_data["exclude_because"],
            )
            messages.success(request, f"The report is {decided.get_state_display()}.")
            return redirect("session-reports")
        except ArenaError as error:
            tell(form, error)
    report = access.report_to_review(request.user, report_id)
    return render(request, "evaluations/review/report.html", {"report": report, "form": form}, status=400)


@login_required
@require_safe
def appeal_list(request: HttpRequest) -> HttpResponse:
    people.steward(request.user)
    page = Paginator(appeals.decided(), DECIDED_A_PAGE).get_page(request.GET.get("page"))
    context = {"waiting": [(one, appeals.deciders(one).exists()) for one in appeals.waiting()], "page": page}
    return render(request, "evaluations/review/appeals.html", context)


@login_required
@require_safe
def appeal_detail(request: HttpRequest, appeal_id: int) -> HttpResponse:
    return _appeal(request, appeal_id, AppealDecisionForm())


@login_required
@require_POST
def appeal_decide(request: HttpRequest, appeal_id: int) -> HttpResponse:
    appeal, form = access.appeal_to_review(request.user, appeal_id), AppealDecisionForm(request.POST)
    lift = {"lift": True, "uphold": False}.get(request.POST.get("decision", ""))
    if form.is_valid() and lift is None:
        form.add_error(None, "Say whether the exclusion is lifted or stands.")
    elif lift is not None and form.is_valid():
        try:
            decided = appeals.decide(
                appeal_id=appeal.pk,
                lift=lift,
                comment=form.cleaned_data["comment"],
                by=people.steward(request.user),
                now=timezone.now(),
            )
            told = (
                "The exclusion is lifted: the session counts again." if decided.is_lifted else "The exclusion stands."
            )
            messages.success(request, told)
            return redirect("appeals")
        except ArenaError as error:
            tell(form, error)
    return _appeal(request, appeal_id, form, status=400)


def _appeal(request: HttpRequest, appeal_id: int, form: AppealDecisionForm, *, status: int = 200) -> HttpResponse:
    appeal = access.appeal_to_review(request.user, appeal_id)
    context = {
        "appeal": appeal,
        "form": form,
        "may_decide": appeals.may_decide(people.steward(request.user), appeal),
        "deciders": list(appeals.deciders(appeal)),
    }
    return render(request, "evaluations/review/appeal.html", context, status=status)
