"""Stewards decide on applications."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from arena import access, applications
from arena.errors import ArenaError
from arena.lab_forms import DecisionForm, tell

DECIDED_A_PAGE = 20


@login_required
@require_safe
def application_list(request: HttpRequest) -> HttpResponse:
    access.steward(request.user)
    page = Paginator(applications.decided(), DECIDED_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "arena/application_list.html", {"waiting": applications.waiting(), "page": page})


@login_required
@require_safe
def application_detail(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = access.application_to_review(request.user, application_id)
    return render(request, "arena/application.html", {"application": application, "form": DecisionForm()})


@login_required
@require_POST
def application_decide(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = access.application_to_review(request.user, application_id)
    decide = {"approve": applications.approve, "decline": applications.decline}.get(request.POST.get("decision", ""))
    form = DecisionForm(request.POST)
    if form.is_valid() and decide is None:
        form.add_error(None, "Say whether the lab is approved or declined.")
    elif decide is not None and form.is_valid():
        try:
            decided = decide(
                application_id=application.pk,
                by=access.steward(request.user),
                now=timezone.now(),
                comment=form.cleaned_data["comment"],
            )
            messages.success(request, f"{decided.lab_name}: {decided.get_state_display()}. The applicant is told.")
            return redirect("applications")
        except ArenaError as error:
            tell(form, error)
    application = access.application_to_review(request.user, application_id)
    return render(request, "arena/application.html", {"application": application, "form": form}, status=400)
