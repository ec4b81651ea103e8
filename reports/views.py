"""The pages of reports, and the sessions that they cite."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from arena.errors import ArenaError
from arena.models import PolicyVersion
from evaluations.selectors import session_page
from reports import access, policy_reports, selectors, told
from reports.forms import CitedForm
from reports.markdown import markdown
from reports.models import PolicyReport


@require_safe
def report(request: HttpRequest, label: str, second: str | None = None) -> HttpResponse:
    version, other = _versions(request, label, second)
    page = selectors.report_page(version, other, request.GET.get("number"))
    page["may_ask"] = access.may_ask(access.reader(request.user), version, other)
    return render(request, "reports/report.html", page)


@require_safe
def report_markdown(request: HttpRequest, label: str, second: str | None = None) -> HttpResponse:
    found = _report(request, label, second)
    text = markdown(told.told(found), site=request.build_absolute_uri("/").rstrip("/"))
    return HttpResponse(text, content_type="text/markdown; charset=utf-8")


@require_safe
def report_json(request: HttpRequest, label: str, second: str | None = None) -> JsonResponse:
    return JsonResponse(told.as_json(_report(request, label, second)))


@login_required
@require_POST
def report_ask(request: HttpRequest, label: str, second: str | None = None) -> HttpResponse:
    version, other = _versions(request, label, second)
    access.require_may_ask(access.reader(request.user), version, other)
    try:
        policy_reports.ask(version=version, other=other, now=timezone.now())
    except ArenaError as error:
        messages.info(request, f"{error.message} {error.hint}".strip())
    else:
        messages.success(request, "Asked for: this page follows by itself.")
    return redirect(policy_reports.address(version, other))


@require_safe
def cited(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """A session for the place where it is cited: a part of a page."""
    form = CitedForm(request.GET)
    context = session_page(access.cited_session(session_id))
    context["start_s"] = form.start_s()
    return render(request, "reports/cited.html", context)


def _versions(request: HttpRequest, label: str, second: str | None) -> tuple[PolicyVersion, PolicyVersion | None]:
    return access.versions_to_read(access.reader(request.user), label, second)


def _report(request: HttpRequest, label: str, second: str | None) -> PolicyReport:
    version, other = _versions(request, label, second)
    return selectors.report_numbered(version, other, request.GET.get("number"))
