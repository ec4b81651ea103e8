"""The public leaderboard."""

import gzip

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from arena.errors import NotFound
from evaluations.scopes import SCOPES, chosen_scope
from leaderboard import exports, selectors, snapshots
from leaderboard.boards import PROVISIONAL_BELOW
from leaderboard.models import Snapshot


@require_safe
def leaderboard(request: HttpRequest) -> HttpResponse:
    scope = chosen_scope(request.GET.get("board"))
    snapshot = snapshots.latest(scope.slug)
    context = {
        "scope": scope,
        "scopes": SCOPES,
        "page": selectors.board_page(snapshot) if snapshot else None,
        "provisional_below": PROVISIONAL_BELOW,
    }
    return render(request, "leaderboard/leaderboard.html", context)


@require_safe
def snapshot_input(request: HttpRequest, snapshot_id: int) -> HttpResponse:
    """The comparisons that a snapshot was computed from, byte for byte."""
    snapshot = _snapshot(snapshot_id)
    answer = HttpResponse(gzip.decompress(bytes(snapshot.input.content)), content_type="text/csv")
    answer["ETag"] = f'"{snapshot.input_id}"'
    answer["Content-Disposition"] = f'attachment; filename="{snapshot.board}-{snapshot.input_id[:12]}.csv"'
    return answer


@require_safe
def snapshot_export(request: HttpRequest, snapshot_id: int) -> HttpResponse:
    """The same with model, settings and result, in one archive that `rank` computes anew."""
    snapshot = _snapshot(snapshot_id)
    answer = HttpResponse(exports.archive(snapshot), content_type="application/zip")
    answer["ETag"] = f'"snapshot-{snapshot.pk}"'
    answer["Content-Disposition"] = f'attachment; filename="{snapshot.board}-{snapshot.pk}.zip"'
    return answer


def _snapshot(snapshot_id: int) -> Snapshot:
    snapshot = Snapshot.objects.filter(pk=snapshot_id).select_related("input").first()
    if snapshot is None:
        raise NotFound("snapshot_unknown", "There is no such snapshot.")
    return snapshot
