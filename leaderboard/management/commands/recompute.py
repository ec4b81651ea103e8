from argparse import ArgumentParser
from typing import Any

from django.utils import timezone

from arena.commands import OperatorCommand
from arena.errors import Conflict, NotFound
from leaderboard import pair_evidence, pair_weights, snapshots
from leaderboard.boards import OVERALL, board_named
from leaderboard.models import BoardRun, Snapshot


class Command(OperatorCommand):
    help = "Compute every board anew whose input, settings or code changed; with --board one alone."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--board", metavar="SLUG", help="as in the address of its page")

    def run(self, **options: Any) -> tuple[dict[str, Any], str]:
        now = timezone.now()
        if options["board"]:
            made, slugs, tried = [], [options["board"]], [options["board"]]
        else:
            made, slugs = snapshots.recompute_all(now=now), snapshots.waiting(now=now)
            tried = [*(board.slug for board in OVERALL), *slugs]
        for slug in slugs:
            snapshot = snapshots.recompute(board=board_named(slug), now=now)
            made += [snapshot] if snapshot else []
        if made:
            pair_weights.write(now=now)
            pair_evidence.write(now=now)
        _require_success(tried)
        if options["board"] and snapshots.latest(options["board"]) is None:
            raise NotFound("snapshot_unknown", "No session answers this board's question yet.")
        facts = [_facts(snapshot) for snapshot in made]
        lines = [
            f"{row['board']}: counted {row['counted']} of {row['total']}, snapshot {row['snapshot']}" for row in facts
        ]
        return {"snapshots": facts}, "\n".join(lines) or "Every board is as it should be."


def _require_success(slugs: list[str]) -> None:
    failed = BoardRun.objects.filter(board__in=slugs).exclude(failure="").values_list("board", "failure")
    if failed:
        what = ", ".join(f"{slug} ({failure})" for slug, failure in failed)
        raise Conflict(
            "board_failed", f"Not computed: {what}.", hint="They keep their last snapshots; the log has why."
        )


def _facts(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "board": snapshot.board,
        "snapshot": snapshot.pk,
        "input": snapshot.input_id,
        "counted": snapshot.counted,
        "total": snapshot.total,
        "excluded": snapshot.excluded,
    }
