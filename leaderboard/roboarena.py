"""The leaderboard as the public RoboArena website reads it, in its exact shape."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from arena.models import Policy
from evaluations.roboarena.website import WebsiteView
from evaluations.scopes import default_scope
from leaderboard import snapshots
from leaderboard.boards import board_named

# The field's display scale: 1500 + 200 x theta, theta in log-odds with mean 0.
DISPLAY_MEAN = 1500
DISPLAY_FACTOR = 200


class Leaderboard(WebsiteView):
    def get(self, request: Request) -> Response:
        board = board_named(request.query_params.get("board"))
        snapshot = snapshots.latest(board.slug if board else default_scope().slug)
        if snapshot is None:
            return Response({"last_updated": None, "board": []})
        rows = snapshot.result["policies"]
        slugs = {row["policy"].split("@")[0] for row in rows}
        open_source = set(Policy.objects.filter(slug__in=slugs, open_source=True).values_list("slug", flat=True))
        return Response(
            {
                "last_updated": snapshot.created_at.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z",
                "board": sorted((_row(row, open_source) for row in rows), key=lambda row: -row["score"]),
            }
        )


def _row(row: dict[str, Any], open_source: set[str]) -> dict[str, Any]:
    return {
        "policy": row["policy"],
        "score": round(row["score"] * DISPLAY_FACTOR + DISPLAY_MEAN),
        "std": round(row["se"] * DISPLAY_FACTOR, 1),
        "open_source": row["policy"].split("@")[0] in open_source,
        "num_evals": row["n"],
    }
