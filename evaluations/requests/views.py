"""Requests of one's labs: placed after their price and pace were shown, followed, paused, cancelled."""

import uuid
from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from arena import access as people
from arena.errors import ArenaError
from arena.lab_forms import tell
from arena.models import Person, PolicyVersion
from credits import statement
from evaluations.models import EvaluationRequest, TaskCategory
from evaluations.requests import access, forecast, orders, selectors
from evaluations.requests.forms import FIELD_OF, RequestForm

ROWS_A_PAGE = 25


@login_required
@require_safe
def request_list(request: HttpRequest) -> HttpResponse:
    labs = access.labs_of(request.user)
    page = Paginator(selectors.requests_of(labs), ROWS_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "requests": [selectors.progress(one) for one in page.object_list],
        "versions": selectors.versions_to_order(access.labs_to_order_for(request.user)),
        "in_a_lab": labs.exists(),
    }
    return render(request, "evaluations/requests/list.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def request_new(request: HttpRequest, label: str) -> HttpResponse:
    """The form; then, with what was said, its price and pace; placed once that was seen and is sent again."""
    version = access.version_to_order(request.user, label)
    form = RequestForm(request.POST if request.method == "POST" else None, version=version)
    if request.method != "POST" or not form.is_valid():
        return _form(request, version, form)
    said, now = form.cleaned_data, timezone.now()
    try:
        if "place" in request.POST:
            by = people.signed_in(request.user)
            placed = orders.place(version=version, wanted=said["wanted"], by=by, now=now, conditions=form.conditions())
            messages.success(request, f"{placed.wanted} evaluations of {version} are ordered.")
            return redirect("request", placed.pk)
        orders.require_possible(version=version, wanted=said["wanted"], now=now, conditions=form.conditions())
    except ArenaError as error:
        tell(form, error, **FIELD_OF)
        return _form(request, version, form)
    expected = forecast.forecast(version=version, wanted=said["wanted"], conditions=form.conditions(), now=now)
    return _form(request, version, form, expected)


@login_required
@require_safe
def request_detail(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    shown = selectors.progress(access.request_to_read(request.user, request_id))
    context = {
        "shown": shown,
        "order": shown.request,
        "opponents": selectors.opponents_told(shown.request),
        "categories": [TaskCategory(category).label for category in shown.request.categories],
        "sessions": selectors.published_sessions(shown),
        "days_left": selectors.days_left(shown, now=timezone.now()) if not shown.request.is_over else None,
        "batch": selectors.BATCH,
        "may_change": access.labs_to_order_for(request.user).filter(pk=shown.request.lab_id).exists(),
    }
    return render(request, "evaluations/requests/detail.html", context)


@login_required
@require_POST
def request_pause(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    return _change(request, request_id, lambda order, by: orders.pause(request=order, by=by), "It is paused.")


@login_required
@require_POST
def request_resume(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    return _change(request, request_id, lambda order, by: orders.resume(request=order, by=by), "It goes on.")


@login_required
@require_POST
def request_cancel(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    now = timezone.now()
    said = "It is cancelled. What no running session may still cost is returned."
    return _change(request, request_id, lambda order, by: orders.cancel(request=order, by=by, now=now), said)


def _change(
    request: HttpRequest,
    request_id: uuid.UUID,
    change: Callable[[EvaluationRequest, Person], EvaluationRequest],
    said: str,
) -> HttpResponse:
    order = access.request_to_change(request.user, request_id)
    change(order, people.signed_in(request.user))
    messages.success(request, said)
    return redirect("request", request_id)


def _form(
    request: HttpRequest, version: PolicyVersion, form: RequestForm, expected: forecast.Forecast | None = None
) -> HttpResponse:
    assert version.policy.lab is not None
    context = {
        "version": version,
        "form": form,
        "expected": expected,
        "credits": statement.summary(version.policy.lab),
    }
    return render(request, "evaluations/requests/new.html", context, status=400 if form.errors else 200)
