"""Which mails one wants."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from arena import access, notices
from arena.lab_forms import NoticesForm


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def notice_choice(request: HttpRequest) -> HttpResponse:
    person = access.signed_in(request.user)
    form = NoticesForm(request.POST if request.method == "POST" else None, person=person)
    if request.method == "POST" and form.is_valid():
        notices.choose(person=person, muted=form.muted())
        messages.success(request, "Your choice is kept.")
        return redirect("notices")
    return render(request, "arena/notices.html", {"form": form}, status=400 if form.errors else 200)


@csrf_exempt  # mail programs send it without our cookie; the signed address is what allows it
@require_http_methods(["GET", "HEAD", "POST"])
def notice_off(request: HttpRequest, signed: str) -> HttpResponse:
    """The link in a mail: asks on a visit, because programs follow links, and does it when the button is pressed."""
    person, kind = notices.read_off_path(signed)
    done = request.method == "POST"
    if done:
        notices.switch_off(person=person, kind=kind)
    return render(request, "arena/notice_off.html", {"kind": kind, "done": done})
