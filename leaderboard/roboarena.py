"""The leaderboard as the public RoboArena website reads it, in its exact shape."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from arena.models import PolicyVersion
from evaluations.roboarena.website import WebsiteView
from evaluations.scopes import chosen_scope
from leaderboard import naming, snapshots

# The field's display scale: 1500 + 200 x theta, theta in log-odds with mean 0.
DISPLAY_MEAN = 1500
DISPLAY_FACTOR = 200


class Leaderboard(WebsiteView):
    def get(self, request: Request) -> Response:
        snapshot = snapshots.latest(chosen_scope(request.query_params.get("board")).slug)
        if snapshot is None:
            return Response({"last_updated": None, "board": []})
        # One list of scores can only hold policies that were compared with each other, directly or by way of others.
        rows = [row for row in snapshot.result["policies"] if row["component"] == 0]
        versions = naming.versions_named(row["policy"] for row in rows)
        return Response(
            {
                "last_updated": snapshot.created_at.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z",
                "board": sorted(
                    (_row(row, versions.get(row["policy"])) for row in rows), key=lambda row: -row["score"]
                ),
            }
        )


def _row(row: dict[str, Any], version: PolicyVersion | None) -> dict[str, Any]:
    return {
        "policy": version.shown_label if version else row["policy"],
        "score": round(row["score"] * DISPLAY_FACTOR + DISPLAY_MEAN),
        "std": None if row["se"] is None else round(row["se"] * DISPLAY_FACTOR, 1),
        "open_source": bool(version and version.shown_open_source),
        "num_evals": row["n"],
    }
