"""Stewards look at what does not fit."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from arena import access
from arena.errors import ArenaError
from leaderboard import oddities
from leaderboard.models import Oddity
from leaderboard.oddities import LIVE, WORDS, Check

LOOKED_SHOWN = 50


@dataclass(frozen=True)
class Shown:
    """An oddity in words."""

    oddity: Oddity

    @property
    def words(self) -> str:
        return WORDS[Check(self.oddity.check_name)]

    @property
    def about(self) -> str:
        return str(self.oddity.figures.get("about", ""))

    @property
    def figure(self) -> str:
        value = self.oddity.figures["figure"]
        check = Check(self.oddity.check_name)
        if check in (Check.TIES, Check.SIDE):
            return f"{value:+.1f} standard errors".replace("-", "−")
        return f"{value:.1f} times what is expected" if check is Check.RESIDUALS else f"{100 * value:.0f} %"

    @property
    def chance(self) -> str:
        p = self.oddity.figures["p"]
        return "below one in a million" if p < 1e-6 else f"about 1 in {1 / p:,.0f}"


@login_required
@require_safe
def oddity_list(request: HttpRequest) -> HttpResponse:
    access.steward(request.user)
    return render(request, "leaderboard/oddities.html", _context())


@login_required
@require_POST
def oddity_look(request: HttpRequest, oddity_id: int) -> HttpResponse:
    steward = access.steward(request.user)
    comment = request.POST.get("comment", "")
    try:
        oddities.look_at(oddity_id=oddity_id, comment=comment, by=steward, now=timezone.now())
    except ArenaError as error:
        if error.code != "comment_missing":
            raise
        context = _context() | {"problem": error.message, "of": oddity_id}
        return render(request, "leaderboard/oddities.html", context, status=error.status)
    messages.success(request, "Kept: you have looked at it.")
    return redirect("oddities")


def _context() -> dict[str, Any]:
    looked = Oddity.objects.exclude(looked_at=None).select_related("looked_by").order_by("-looked_at")[:LOOKED_SHOWN]
    return {
        "open": [Shown(oddity) for oddity in Oddity.objects.filter(looked_at=None)],
        "looked": [Shown(oddity) for oddity in looked],
        "looks": [(scope, oddities.last_look(scope)) for scope in LIVE],
        "words": WORDS,
        "false_alarm": round(100 * oddities.FALSE_ALARM),
    }
