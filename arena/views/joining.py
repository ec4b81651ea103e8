"""A lab applies."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from arena import access, applications
from arena.errors import ArenaError
from arena.lab_forms import ApplicationForm, tell
from arena.models import Application


@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest) -> HttpResponse:
    """What it means to take part; for who is signed in, the application or how it stands."""
    if not request.user.is_authenticated:
        return render(request, "arena/join.html", {"application": None})
    person = access.signed_in(request.user)
    form = ApplicationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            applications.apply(person=person, text=form.text(), terms=form.cleaned_data["terms"], now=timezone.now())
            return redirect("join")
        except ArenaError as error:
            tell(form, error, bad_name="lab_name", lab_exists="lab_name")
    latest = applications.latest_of(person)
    waits = latest is not None and latest.state == Application.State.PENDING
    context = {"application": latest, "form": None if waits else form}
    return render(request, "arena/join.html", context, status=400 if form.errors and not waits else 200)


@require_safe
def terms(request: HttpRequest) -> HttpResponse:
    return render(request, "arena/terms.html", {"version": applications.TERMS_VERSION})
