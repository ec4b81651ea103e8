"""The public leaderboard."""

import csv

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from leaderboard import compare, exports, inputs, selectors, snapshots
from leaderboard.boards import chosen_board
from leaderboard.pair_evidence import MOST_SESSIONS, POWER

# Of a board's row, beside its policy version.
CSV_COLUMNS = (
    "rank_low",
    "rank_high",
    "group",
    "score",
    "low",
    "high",
    "unadjusted",
    "expected_progress",
    "n",
    "wins",
    "ties",
    "losses",
    "mean_progress",
    "standing",
    "unlisted",
    "in_input",
)


@require_safe
def leaderboard(request: HttpRequest) -> HttpResponse:
    board = chosen_board(request.GET.get("board"))
    return render(request, "leaderboard/leaderboard.html", selectors.leaderboard_page(board, now=timezone.now()))


@require_safe
def compare_two(request: HttpRequest, first: str, second: str) -> HttpResponse:
    found = compare.compare(compare.version_named(first), compare.version_named(second))
    latest = list(reversed(found.met))[: compare.SESSIONS_SHOWN]
    context = {"found": found, "latest": latest, "most_sessions": MOST_SESSIONS, "power": round(100 * POWER)}
    return render(request, "leaderboard/compare.html", context)


@require_safe
def compare_sessions(request: HttpRequest, first: str, second: str) -> HttpResponse:
    """The sessions between two versions, as seen from the first."""
    found = compare.compare(compare.version_named(first), compare.version_named(second))
    answer = HttpResponse(content_type="text/csv")
    names = f"{found.first.shown_slug}-{found.second.shown_slug}"
    answer["Content-Disposition"] = f'attachment; filename="{names}.csv"'
    writer = csv.writer(answer, lineterminator="\n")
    writer.writerow(["session", "closed_at", "lab", "category", "verdict", "difference"])
    for one in found.met:
        session = one.session
        category = session.category.value
        difference = "" if one.difference is None else round(one.difference, 6)
        writer.writerow(
            [session.pk, f"{session.closed_at:%Y-%m-%dT%H:%M:%SZ}", session.lab.slug, category, one.verdict, difference]
        )
    return answer


@require_safe
def snapshot_input(request: HttpRequest, snapshot_id: int) -> HttpResponse:
    """The comparisons that a snapshot was computed from, byte for byte."""
    snapshot = snapshots.numbered(snapshot_id)
    answer = HttpResponse(inputs.content_of(snapshot.input), content_type="text/csv")
    answer["ETag"] = f'"{snapshot.input_id}"'
    answer["Content-Disposition"] = f'attachment; filename="{snapshot.board}-{snapshot.input_id[:12]}.csv"'
    return answer


@require_safe
def snapshot_rows(request: HttpRequest, snapshot_id: int) -> HttpResponse:
    """The table of a board, one policy version a row. No names that people gave: a spreadsheet could run them."""
    snapshot = snapshots.numbered(snapshot_id)
    answer = HttpResponse(content_type="text/csv")
    answer["Content-Disposition"] = f'attachment; filename="{snapshot.board}-{snapshot.pk}.csv"'
    writer = csv.writer(answer, lineterminator="\n")
    writer.writerow(["policy", *CSV_COLUMNS])
    for row in selectors.board_page(snapshot).rows:
        writer.writerow([row.label, *(getattr(row, column) for column in CSV_COLUMNS)])
    return answer


@require_safe
def snapshot_export(request: HttpRequest, snapshot_id: int) -> HttpResponse:
    """The same with model, settings and result, in one archive that `rank` computes anew."""
    snapshot = snapshots.numbered(snapshot_id)
    answer = HttpResponse(exports.archive(snapshot), content_type="application/zip")
    answer["ETag"] = f'"snapshot-{snapshot.pk}"'
    answer["Content-Disposition"] = f'attachment; filename="{snapshot.board}-{snapshot.pk}.zip"'
    return answer
