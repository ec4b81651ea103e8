"""What a signed-in person sees of their labs, of their own history, and of what was done in a lab."""

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from arena import access, applications, invitations
from arena.models import Lab, Role
from evaluations import events, history

ROWS_A_PAGE = 25
EVENTS_A_PAGE = 50


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
    done = Paginator(events.own_events(person), ROWS_A_PAGE).get_page(request.GET.get("events"))
    context = {
        "page": sessions,
        "events": done,
        "events_in_words": events.in_words(list(done.object_list), person),
    }
    return render(request, "evaluations/history.html", context)


@login_required
@require_safe
def lab_events(request: HttpRequest, slug: str) -> HttpResponse:
    """What was done in a lab, for its members."""
    own = access.membership(request.user, slug)
    person = access.signed_in(request.user)
    page = Paginator(events.lab_events(own.lab), EVENTS_A_PAGE).get_page(request.GET.get("page"))
    told = events.in_words(list(page.object_list), person, names_invited=own.role == Role.ADMIN)
    return render(request, "evaluations/lab_events.html", {"lab": own.lab, "page": page, "events": told})


@login_required
@require_safe
def all_events(request: HttpRequest) -> HttpResponse:
    """All that was done, for stewards: `?tag=`, `?lab=`, `?person=`."""
    person = access.steward(request.user)
    asked = {name: request.GET.get(name, "").replace("\x00", "").strip() for name in ("tag", "lab", "person")}
    found = events.all_events(prefix=asked["tag"], lab=asked["lab"], person=asked["person"])
    page = Paginator(found, EVENTS_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "events": events.in_words(list(page.object_list), person, steward=True),
        "asked": asked,
        "labs": Lab.objects.order_by("name"),
        "kinds": sorted({tag.partition(":")[0] for tag in events.WORDS}),
    }
    return render(request, "evaluations/all_events.html", context)
