"""The board as its page shows it, for programs."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from arena.api.fields import Input, Output
from arena.api.permissions import Open
from arena.api.views import ApiView, answer
from arena.errors import NotFound
from evaluations.scopes import SCOPES
from leaderboard import board_words, freezes, history, naming, selectors, snapshots
from leaderboard.boards import Board, board_named, chosen_board, offered
from leaderboard.models import Snapshot
from leaderboard.selectors import Row
from leaderboard.standing import Standing


class BoardRowOutput(Output):
    policy = serializers.CharField(help_text="slug@version; of an unlisted version its pseudonym")
    name = serializers.CharField()
    version = serializers.CharField(allow_blank=True)
    lab = serializers.CharField(allow_blank=True)
    open_source = serializers.BooleanField()
    unlisted = serializers.BooleanField(help_text="Evaluated and ranked like any other; its name is not told yet.")
    in_input = serializers.CharField(help_text="Its name in the input: a pseudonym for good where it was unlisted.")
    rank_low = serializers.IntegerField(allow_null=True, help_text="Null where it was never compared with the others.")
    rank_high = serializers.IntegerField(allow_null=True)
    group = serializers.CharField(allow_blank=True)
    score = serializers.FloatField(help_text="Log-odds; `low` to `high` is its 95 % interval.")
    low = serializers.FloatField(allow_null=True, help_text="Null where the model has no intervals.")
    high = serializers.FloatField(allow_null=True)
    unadjusted = serializers.FloatField(allow_null=True, help_text="The score before tasks are adjusted for.")
    expected_progress = serializers.FloatField(allow_null=True, help_text="Under the declared mix of tasks, 0 to 1.")
    n = serializers.IntegerField()
    wins = serializers.IntegerField()
    ties = serializers.IntegerField()
    losses = serializers.IntegerField()
    mean_progress = serializers.FloatField(allow_null=True)
    provisional = serializers.BooleanField()
    standing = serializers.ChoiceField(choices=[standing.value for standing in Standing])


class ExcludedOutput(Output):
    reason = serializers.CharField()
    sessions = serializers.IntegerField()


class TaskDifficultyOutput(Output):
    category = serializers.CharField(allow_blank=True)
    n = serializers.IntegerField()
    share = serializers.FloatField(help_text="Of the declared mix.")
    difficulty = serializers.FloatField(
        allow_null=True, help_text="Log-odds of progress against the average kind of task; `low` to `high` is 95 %."
    )
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)


class LabInfluenceOutput(Output):
    """What the order owes to a lab, to first order; the board `without-lab` has the exact answer."""

    lab = serializers.CharField()
    n = serializers.IntegerField()
    share = serializers.FloatField()
    largest_move = serializers.FloatField(help_text="Of a score, in its standard errors.")
    of_policy = serializers.CharField()
    places_changed = serializers.IntegerField()
    leader_without = serializers.CharField()


class FrozenOutput(Output):
    """The board, or the overall one behind it, keeps its last snapshot until a steward publishes it again."""

    board = serializers.CharField()
    since = serializers.DateTimeField()
    reason = serializers.CharField()


class BoardOutput(Output):
    board = serializers.CharField()
    title = serializers.CharField()
    counted = serializers.IntegerField()
    total = serializers.IntegerField(help_text="Sessions that ended and belong to the question.")
    snapshot = serializers.IntegerField(help_text="Its input is at /snapshots/<snapshot>/input.csv.")
    input_sha256 = serializers.CharField()
    model = serializers.CharField()
    settings = serializers.DictField(help_text="All that the model was given, the declared mix of tasks among them.")
    season = serializers.CharField(allow_blank=True, help_text="For which the mix is frozen; empty where it is not.")
    code_version = serializers.CharField()
    created_at = serializers.DateTimeField()
    frozen = FrozenOutput(allow_null=True, help_text="Null: new sessions are computed as they end.")
    conclusion = serializers.CharField(allow_blank=True)
    rows = BoardRowOutput(many=True)
    excluded = ExcludedOutput(many=True)
    tasks = TaskDifficultyOutput(many=True)
    labs = LabInfluenceOutput(many=True)
    warnings = serializers.ListField(child=serializers.CharField())


class ChosenBoard(Input):
    board = serializers.CharField(
        required=False, max_length=120, help_text="`overall`, `imported`, `simulation`, or one of `/public/boards`."
    )


class Leaderboard(ApiView):
    tag = "Public"
    access = {"GET": Open.TO_ALL}
    queries = {"GET": ChosenBoard}

    @extend_schema(responses=BoardOutput)
    def get(self, request: Request) -> Response:
        """The latest snapshot of a board. Without `board` the first overall one that has sessions."""
        return answer(BoardOutput, _shown(_latest(chosen_board(self.query.get("board")))))


class SnapshotOfBoard(ApiView):
    tag = "Public"
    access = {"GET": Open.TO_ALL}

    @extend_schema(responses=BoardOutput)
    def get(self, request: Request, snapshot_id: int) -> Response:
        """A snapshot, the latest of its board or an earlier one."""
        return answer(BoardOutput, _shown(snapshots.numbered(snapshot_id)))


class ListedBoardOutput(Output):
    board = serializers.CharField()
    title = serializers.CharField()
    sessions = serializers.IntegerField(
        help_text="Counted by the last overall board that answer this question; for `without-lab`, those left out."
    )


class BoardsOutput(Output):
    boards = ListedBoardOutput(many=True)


class Boards(ApiView):
    tag = "Public"
    access = {"GET": Open.TO_ALL}

    @extend_schema(responses=BoardsOutput)
    def get(self, request: Request) -> Response:
        """Every board that has an answer. Those that are seldom asked are computed when somebody opens their page."""
        return answer(BoardsOutput, {"boards": _listed()})


class PlaceOutput(Output):
    policy = serializers.CharField()
    rank = serializers.IntegerField()
    rank_low = serializers.IntegerField()
    rank_high = serializers.IntegerField()
    score = serializers.FloatField()
    n = serializers.IntegerField()


class DayOutput(Output):
    date = serializers.DateField()
    snapshot = serializers.IntegerField(help_text="The last of that day, in UTC.")
    created_at = serializers.DateTimeField()
    counted = serializers.IntegerField()
    places = PlaceOutput(many=True)


class HistoryOutput(Output):
    board = serializers.CharField()
    days = DayOutput(many=True)


class History(ApiView):
    tag = "Public"
    access = {"GET": Open.TO_ALL}

    @extend_schema(responses=HistoryOutput)
    def get(self, request: Request, board: str) -> Response:
        """How a board went: its last snapshot of each day, the oldest first."""
        slug = board_named(board).slug
        return answer(HistoryOutput, {"board": slug, "days": history.days(slug)})


def _listed() -> list[dict[str, Any]]:
    overall = [(Board(scope), found) for scope in SCOPES if (found := snapshots.latest(scope.slug)) is not None]
    sizes = {board.slug: found.counted for board, found in overall}
    for board, found in overall:
        for one in offered(board.scope, found.facets):
            sizes[one.slug] = found.facets[one.question.kind.value][one.question.value]
    titles = board_words.titles([board_named(slug) for slug in sizes])
    return [{"board": slug, "title": titles[slug], "sessions": size} for slug, size in sizes.items()]


def _latest(board: Board) -> Snapshot:
    snapshot = snapshots.latest(board.slug)
    if snapshot is None:
        hint = (
            "" if board.is_overall else "A board that is not kept up to date is computed when somebody opens its page."
        )
        raise NotFound("snapshot_unknown", "This board has no snapshot yet.", hint=hint)
    return snapshot


def _shown(snapshot: Snapshot) -> dict[str, Any]:
    page, board = selectors.board_page(snapshot), board_named(snapshot.board)
    freeze = freezes.of(board)
    return {
        "board": snapshot.board,
        "title": board_words.title(board),
        "frozen": freeze and {"board": freeze.board, "since": freeze.frozen_at, "reason": freeze.reason},
        "counted": snapshot.counted,
        "total": snapshot.total,
        "snapshot": snapshot.pk,
        "input_sha256": snapshot.input_id,
        "model": snapshot.model,
        "settings": snapshot.settings,
        "season": snapshot.season,
        "code_version": snapshot.code_version,
        "created_at": snapshot.created_at,
        "conclusion": page.conclusion,
        "rows": [_row(row) for row in page.rows],
        "excluded": [{"reason": reason, "sessions": count} for reason, count in page.excluded],
        "tasks": snapshot.result.get("tasks", []),
        "labs": naming.influence(snapshot.result),
        "warnings": page.warnings,
    }


def _row(row: Row) -> dict[str, Any]:
    names = set(BoardRowOutput().fields) - {"policy"}
    return {name: getattr(row, name) for name in names} | {"policy": row.label}
