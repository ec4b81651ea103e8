"""The page that answers whether a board can be trusted, and its tables."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from evaluations.scopes import SCOPES, chosen_scope
from leaderboard import integrity, integrity_csv, integrity_words
from leaderboard.integrity import Facts


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    context = integrity_words.page(_asked(request)) | {"scopes": SCOPES}
    return render(request, "leaderboard/integrity.html", context)


@require_safe
def concentration(request: HttpRequest) -> HttpResponse:
    return integrity_csv.concentration(_asked(request))


@require_safe
def completion(request: HttpRequest) -> HttpResponse:
    return integrity_csv.completion(_asked(request))


def _asked(request: HttpRequest) -> Facts:
    return integrity.facts(chosen_scope(request.GET.get("board")))
