"""The board as its page shows it, for programs."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from arena.api.fields import Output
from arena.api.permissions import Open
from arena.api.views import ApiView, answer
from arena.errors import NotFound
from evaluations.api.inputs import BoardQuery
from evaluations.scopes import chosen_scope
from leaderboard import selectors, snapshots
from leaderboard.models import Snapshot
from leaderboard.selectors import Row


class BoardRowOutput(Output):
    policy = serializers.CharField(help_text="slug@version")
    name = serializers.CharField()
    version = serializers.CharField(allow_blank=True)
    lab = serializers.CharField(allow_blank=True)
    open_source = serializers.BooleanField()
    rank_low = serializers.IntegerField(allow_null=True, help_text="Null where it was never compared with the others.")
    rank_high = serializers.IntegerField(allow_null=True)
    group = serializers.CharField(allow_blank=True)
    score = serializers.FloatField(help_text="Log-odds; `low` to `high` is its 95 % interval.")
    low = serializers.FloatField()
    high = serializers.FloatField()
    n = serializers.IntegerField()
    wins = serializers.IntegerField()
    ties = serializers.IntegerField()
    losses = serializers.IntegerField()
    mean_progress = serializers.FloatField(allow_null=True)
    provisional = serializers.BooleanField()


class ExcludedOutput(Output):
    reason = serializers.CharField()
    sessions = serializers.IntegerField()


class BoardOutput(Output):
    board = serializers.CharField()
    title = serializers.CharField()
    snapshot = serializers.IntegerField(help_text="Its input is at /snapshots/<snapshot>/input.csv.")
    input_sha256 = serializers.CharField()
    created_at = serializers.DateTimeField()
    conclusion = serializers.CharField(allow_blank=True)
    rows = BoardRowOutput(many=True)
    excluded = ExcludedOutput(many=True)
    warnings = serializers.ListField(child=serializers.CharField())


class Leaderboard(ApiView):
    tag = "Public"
    access = {"GET": Open.TO_ALL}
    queries = {"GET": BoardQuery}

    @extend_schema(responses=BoardOutput)
    def get(self, request: Request) -> Response:
        """The latest snapshot of a board. Without `board` the first that has sessions."""
        scope = chosen_scope(self.query.get("board"))
        snapshot = snapshots.latest(scope.slug)
        if snapshot is None:
            raise NotFound("snapshot_unknown", "This board has no snapshot yet.")
        return answer(BoardOutput, _shown(snapshot, scope.title))


def _shown(snapshot: Snapshot, title: str) -> dict[str, Any]:
    page = selectors.board_page(snapshot)
    return {
        "board": snapshot.board,
        "title": title,
        "snapshot": snapshot.pk,
        "input_sha256": snapshot.input_id,
        "created_at": snapshot.created_at,
        "conclusion": page.conclusion,
        "rows": [_row(row) for row in page.rows],
        "excluded": [{"reason": reason, "sessions": count} for reason, count in page.excluded],
        "warnings": page.warnings,
    }


def _row(row: Row) -> dict[str, Any]:
    names = set(BoardRowOutput().fields) - {"policy"}
    return {name: getattr(row, name) for name in names} | {"policy": row.label}
