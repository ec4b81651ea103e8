"""Which labs a lab is close to."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from arena import access, affiliations
from arena.lab_forms import AffiliationForm


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def affiliation_list(request: HttpRequest, slug: str) -> HttpResponse:
    lab = access.lab_to_affiliate(request.user, slug)
    person = access.signed_in(request.user)
    form = AffiliationForm(request.POST or None, lab=lab)
    if request.method == "POST" and form.is_valid():
        other = form.cleaned_data["other"]
        affiliations.declare(lab=lab, other=other, by=person, comment=form.cleaned_data["comment"])
        messages.success(request, f"{lab} and {other} are not given each other's policies from now on.")
        return redirect("lab-affiliations", slug)
    context = {
        "lab": lab,
        "form": form,
        "affiliations": affiliations.affiliations_of(lab),
        "is_steward": person.is_staff,
    }
    return render(request, "arena/affiliations.html", context, status=400 if form.errors else 200)


@login_required
@require_POST
def affiliation_end(request: HttpRequest, slug: str, affiliation_id: int) -> HttpResponse:
    affiliation = access.affiliation_to_end(request.user, affiliation_id)
    affiliations.end(affiliation=affiliation, by=access.steward(request.user))
    messages.success(request, f"{affiliation.lab} and {affiliation.other} are affiliated no longer.")
    return redirect("lab-affiliations", slug)
