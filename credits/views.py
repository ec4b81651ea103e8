"""Statements of credits, and the gifts of stewards."""

import csv
import uuid

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from arena import access
from arena.models import Lab
from arena.texts import as_cell
from credits import ledger, statement
from credits.access import lab_with_statement

ROWS_A_PAGE = 50


class GrantForm(forms.Form):
    amount = forms.IntegerField(min_value=1, max_value=ledger.LARGEST_GRANT)
    comment = forms.CharField(label="Why", max_length=ledger.COMMENT_MAX_LENGTH, help_text="The lab reads it.")
    # Made with the form: a double click grants once.
    once = forms.UUIDField(widget=forms.HiddenInput)


@login_required
@require_safe
def own_credits(request: HttpRequest) -> HttpResponse:
    """The statement of one's lab; where there are several, one chooses."""
    person = access.signed_in(request.user)
    labs = list(Lab.objects.filter(memberships__person=person))
    if len(labs) == 1:
        return redirect("lab-credits", labs[0].slug)
    return render(request, "credits/choose.html", {"labs": [(lab, statement.summary(lab)) for lab in labs]})


@login_required
@require_safe
def lab_credits(request: HttpRequest, slug: str) -> HttpResponse:
    return _page(request, lab_with_statement(request.user, slug), GrantForm(initial={"once": uuid.uuid4()}))


@login_required
@require_safe
def lab_credits_csv(request: HttpRequest, slug: str) -> HttpResponse:
    """Oldest first, as a table is read."""
    lab = lab_with_statement(request.user, slug)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{lab.slug}-credits.csv"'
    rows = csv.writer(response)
    rows.writerow(["number", "at", "kind", "amount", "balance", "key", "comment"])
    for entry in statement.entries(lab).order_by("id"):
        line = statement.line(entry, lab)
        at = entry.at.isoformat()
        rows.writerow([entry.pk, at, entry.kind, line.amount, line.balance, entry.key, as_cell(entry.comment)])
    return response


@login_required
@require_POST
def credits_grant(request: HttpRequest, slug: str) -> HttpResponse:
    person = access.steward(request.user)
    lab = lab_with_statement(request.user, slug)
    form = GrantForm(request.POST)
    if not form.is_valid():
        return _page(request, lab, form, status=400)
    said = form.cleaned_data
    entry = ledger.grant(
        lab=lab, amount=said["amount"], comment=said["comment"], key=f"manual:{said['once']}", by=person
    )
    messages.success(request, f"{entry.amount} credits are granted to {lab}.")
    return redirect("lab-credits", slug)


def _page(request: HttpRequest, lab: Lab, form: GrantForm, *, status: int = 200) -> HttpResponse:
    page = Paginator(statement.entries(lab), ROWS_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "lab": lab,
        "summary": statement.summary(lab),
        "page": page,
        "lines": [statement.line(entry, lab) for entry in page.object_list],
        "form": form,
        "is_steward": access.signed_in(request.user).is_staff,
        "earned": settings.CREDITS_EARNED,
    }
    return render(request, "credits/statement.html", context, status=status)
