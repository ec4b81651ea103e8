"""Stewards look at what does not fit."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from arena import access
from arena.errors import ArenaError
from evaluations.selectors import with_everything
from leaderboard import oddities, oddity_checks, snapshots
from leaderboard.models import Oddity
from leaderboard.oddities import LIVE
from leaderboard.oddity_checks import WORDS, Check
from leaderboard.selectors import LabRow, lab_rows

LOOKED_SHOWN = 50
SESSIONS_A_PAGE = 24
IN_STANDARD_ERRORS = (Check.TIES, Check.SIDE, Check.PAIR)
# What a figure counts, where it is not plain sessions.
COUNTED = {
    Check.GIVEN_UP: "sessions with it",
    Check.CONTRADICTION: "sessions with a clear difference",
    Check.SAME_POLICY: "sessions with one policy on both sides",
    Check.SAME_POLICY_SIDE: "sessions with one policy on both sides and a preference",
    Check.SHORT: "rollouts of it without success",
}
SUBJECTS = {Check.PAIR: "a pair of policies"}


@dataclass(frozen=True)
class Shown:
    """An oddity in words, and what the order owes to it where it is a lab's."""

    oddity: Oddity
    influence: LabRow | None = None

    @property
    def check(self) -> Check:
        return Check(self.oddity.check_name)

    @property
    def words(self) -> str:
        return WORDS[self.check]

    @property
    def about(self) -> str:
        return str(self.oddity.figures.get("about", ""))

    @property
    def counted(self) -> str:
        return COUNTED.get(self.check, "sessions")

    @property
    def figure(self) -> str:
        value = self.oddity.figures["figure"]
        if self.check in IN_STANDARD_ERRORS:
            return f"{value:+.1f} standard errors".replace("-", "−")
        return f"{value:.1f} times what is expected" if self.check is Check.RESIDUALS else f"{100 * value:.0f} %"

    @property
    def allowed(self) -> str:
        """Up to which figure nobody asks."""
        bound = self.oddity.figures.get("bound")
        if bound is None:
            return ""
        if self.check in IN_STANDARD_ERRORS:
            return f"±{bound:.1f} is a habit"
        if self.check is Check.GIVEN_UP:
            return f"{100 * bound:.0f} % of its others"
        return (
            f"up to {bound:.1f} is nothing"
            if self.check is Check.RESIDUALS
            else f"up to {100 * bound:.0f} % is nothing"
        )

    @property
    def chance(self) -> str:
        return _odds(self.oddity.figures["p"])

    @property
    def threshold(self) -> str:
        threshold = self.oddity.figures.get("threshold")
        return _odds(threshold) if threshold else ""

    @property
    def concerned(self) -> int:
        return len(self.oddity.figures.get("sessions", []))


def _odds(p: float) -> str:
    return "one in a million at most" if p < 1e-6 else f"about 1 in {1 / p:,.0f}"


@login_required
@require_safe
def oddity_list(request: HttpRequest) -> HttpResponse:
    access.steward(request.user)
    return render(request, "leaderboard/oddities.html", _context())


@login_required
@require_safe
def oddity_sessions(request: HttpRequest, oddity_id: int) -> HttpResponse:
    access.steward(request.user)
    oddity = oddities.find(oddity_id)
    newest_first = with_everything(oddities.sessions_of(oddity).order_by("-closed_at", "id"))
    page = Paginator(newest_first, SESSIONS_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "leaderboard/oddity_sessions.html", {"one": Shown(oddity), "page": page})


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
    kept = Oddity.objects.prefetch_related("comments__person")
    return {
        "open": _shown(kept.filter(looked_at=None)),
        "looked": _shown(kept.exclude(looked_at=None).order_by("-looked_at")[:LOOKED_SHOWN]),
        "looks": [(scope, oddities.last_look(scope)) for scope in LIVE],
        "checks": [f"Whether {SUBJECTS.get(check, 'a lab or an evaluator')} {what}." for check, what in WORDS.items()],
        "false_alarm": round(100 * oddity_checks.FALSE_ALARM),
    }


def _shown(kept: Iterable[Oddity]) -> list[Shown]:
    influences = {scope.slug: _influences(scope.slug) for scope in LIVE}
    return [
        Shown(oddity, influences.get(oddity.board, {}).get(oddity.name) if oddity.kind == "lab" else None)
        for oddity in kept
    ]


def _influences(board: str) -> dict[str, LabRow]:
    snapshot = snapshots.latest(board)
    return {row.slug: row for row in lab_rows(snapshot.result)} if snapshot else {}
