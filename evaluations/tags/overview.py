"""The page of all questions: who tags, and how often people agree; the same as CSV."""

import csv
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from arena.texts import as_cell
from evaluations.scopes import SCOPES, chosen_scope
from evaluations.tags import selectors
from evaluations.tags.questions import EPISODE_QUESTIONS, SESSION_QUESTIONS

COLUMNS = ["provider", "model", "prompt_version", "question", "same", "both", "share", "low", "high"]


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    scope = chosen_scope(request.GET.get("board"))
    sessions = scope.sessions().public()
    context: dict[str, Any] = {
        "scope": scope,
        "scopes": SCOPES,
        "kinds": [("Of a session", SESSION_QUESTIONS), ("Of each of its two rollouts", EPISODE_QUESTIONS)],
        "coverage": selectors.coverage(sessions),
        "voices": selectors.voices(sessions),
        "agreement": [
            {"found": one, "percent": [100 * figure for figure in (one.share, *one.interval)]}
            for one in selectors.agreement(sessions)
        ],
        "total": sessions.count(),
    }
    return render(request, "evaluations/tags/overview.html", context)


@require_safe
def agreement_csv(request: HttpRequest) -> HttpResponse:
    scope = chosen_scope(request.GET.get("board"))
    answer = HttpResponse(content_type="text/csv")
    answer["Content-Disposition"] = f'attachment; filename="agreement-{scope.slug}.csv"'
    writer = csv.writer(answer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in selectors.agreement(scope.sessions().public()):
        figures = [round(figure, 6) for figure in (one.share, *one.interval)]
        who = [as_cell(text) for text in (one.provider, one.model, one.prompt_version)]
        writer.writerow([*who, one.question.key, one.same, one.both, *figures])
    return answer
