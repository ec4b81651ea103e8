"""What a signed-in person sees of their labs and of their own history."""

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from arena import access, applications, invitations
from evaluations import history

ROWS_A_PAGE = 25


@login_required
@require_safe
def lab(request: HttpRequest) -> HttpResponse:
    person = access.signed_in(request.user)
    pages = history.labs_of(person)
    application = None if pages else applications.latest_of(person)
    context = {
        "labs": pages,
        "application": application,
        "invitations": invitations.waiting_for(person, now=timezone.now()),
    }
    return render(request, "evaluations/lab.html", context)


@login_required
@require_safe
def own_history(request: HttpRequest) -> HttpResponse:
    """Two lists on one page, each with its own pages: `?page=` and `?events=`."""
    person = access.signed_in(request.user)
    sessions = Paginator(history.own_sessions(person), ROWS_A_PAGE).get_page(request.GET.get("page"))
    events = Paginator(history.own_events(person), ROWS_A_PAGE).get_page(request.GET.get("events"))
    context = {
        "page": sessions,
        "events": events,
        "events_in_words": history.in_words(list(events.object_list), person),
    }
    return render(request, "evaluations/history.html", context)
