"""The stewards' queue, and their hand on the boards."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from arena import access
from arena.errors import ArenaError
from arena.lab_forms import tell
from leaderboard import board_words, freezes, review
from leaderboard.boards import board_named
from leaderboard.models import Freeze

PAST_SHOWN = 20
_REASON: dict[str, Any] = {
    "label": "Why",
    "max_length": freezes.LONGEST_REASON,
    "widget": forms.Textarea(attrs={"rows": 3}),
}


class FreezeForm(forms.Form):
    board = forms.ChoiceField(label="Board")
    reason = forms.CharField(help_text="Everybody reads it above the board.", **_REASON)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        slugs = freezes.may_be_frozen()
        titles = board_words.titles([board_named(slug) for slug in slugs])
        self.fields["board"].choices = [(slug, f"{titles[slug]} ({slug})") for slug in slugs]  # type: ignore[attr-defined]


class PublishForm(forms.Form):
    reason = forms.CharField(help_text="Kept, and public.", **_REASON)


@login_required
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    access.steward(request.user)
    return render(request, "leaderboard/review/queue.html", {"waiting": review.waiting()})


@login_required
@require_safe
def boards(request: HttpRequest) -> HttpResponse:
    access.steward(request.user)
    return _boards(request, FreezeForm())


@login_required
@require_POST
def freeze(request: HttpRequest) -> HttpResponse:
    steward, form = access.steward(request.user), FreezeForm(request.POST)
    if form.is_valid():
        said = form.cleaned_data
        try:
            freezes.freeze(board=board_named(said["board"]), reason=said["reason"], by=steward, now=timezone.now())
        except ArenaError as error:
            tell(form, error)
        else:
            messages.success(request, f"The board {said['board']} is frozen: it keeps its last snapshot.")
            return redirect("review-boards")
    return _boards(request, form, status=400)


@login_required
@require_POST
def publish(request: HttpRequest, freeze_id: int) -> HttpResponse:
    steward, form = access.steward(request.user), PublishForm(request.POST, prefix=str(freeze_id))
    if form.is_valid():
        reason = form.cleaned_data["reason"]
        try:
            done = freezes.publish(freeze_id=freeze_id, reason=reason, by=steward, now=timezone.now())
        except ArenaError as error:
            if error.code == "freeze_unknown":
                raise
            tell(form, error)
        else:
            messages.success(request, f"The board {done.board} is published: new results are being computed.")
            return redirect("review-boards")
    return _boards(request, FreezeForm(), publishing={freeze_id: form}, status=400)


def _boards(
    request: HttpRequest,
    form: FreezeForm,
    *,
    publishing: dict[int, PublishForm] | None = None,
    status: int = 200,
) -> HttpResponse:
    given = publishing or {}
    frozen = [(one, given.get(one.pk) or PublishForm(prefix=str(one.pk))) for one in freezes.living()]
    past: list[Freeze] = list(freezes.past()[:PAST_SHOWN])
    context = {"form": form, "frozen": frozen, "past": past}
    return render(request, "leaderboard/review/boards.html", context, status=status)
