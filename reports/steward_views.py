"""Stewards: what waits for a worker, what failed and for whom, and what they do about it."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from arena import access as people
from reports import access, work, work_list
from reports.forms import RetryForm, SkipForm

A_PAGE = 30


@login_required
@require_safe
def work_page(request: HttpRequest) -> HttpResponse:
    people.steward(request.user)
    return _page(request)


@login_required
@require_POST
def work_retry(request: HttpRequest, work_id: uuid.UUID) -> HttpResponse:
    piece, form = access.work_to_review(request.user, work_id), RetryForm(request.POST, prefix=str(work_id))
    if form.is_valid():
        by, provider = people.steward(request.user), form.cleaned_data["provider"]
        work.retry(work=piece, by=by, now=timezone.now(), provider=provider)
        messages.success(request, "It is tried again, from its first attempt.")
        return redirect("review-work")
    return _page(request, retrying={work_id: form}, status=400)


@login_required
@require_POST
def work_skip(request: HttpRequest, work_id: uuid.UUID) -> HttpResponse:
    piece, form = access.work_to_review(request.user, work_id), SkipForm(request.POST, prefix=str(work_id))
    if form.is_valid():
        by, comment = people.steward(request.user), form.cleaned_data["comment"]
        work.skip(work=piece, by=by, comment=comment, now=timezone.now())
        messages.success(request, "It is skipped. Whoever asks for it again asks anew.")
        return redirect("review-work")
    return _page(request, skipping={work_id: form}, status=400)


def _page(
    request: HttpRequest,
    *,
    retrying: dict[uuid.UUID, RetryForm] | None = None,
    skipping: dict[uuid.UUID, SkipForm] | None = None,
    status: int = 200,
) -> HttpResponse:
    retrying, skipping = retrying or {}, skipping or {}
    state = work_list.chosen(request.GET.get("state"))
    # What a form was sent for stands first, whatever is listed.
    page = Paginator(work_list.listed(state, first=[*retrying, *skipping]), A_PAGE).get_page(request.GET.get("page"))
    entries = [
        (
            one,
            retrying.get(one.work.pk) or RetryForm(prefix=str(one.work.pk)),
            skipping.get(one.work.pk) or SkipForm(prefix=str(one.work.pk)),
        )
        for one in work_list.entries(page.object_list)
    ]
    context = {"page": page, "entries": entries, "state": state, "states": work_list.states()}
    return render(request, "reports/work.html", context, status=status)
