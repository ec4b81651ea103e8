from argparse import ArgumentParser
from typing import Any

from django.utils import timezone

from arena.commands import OperatorCommand
from leaderboard import pair_evidence, pair_weights, snapshots
from leaderboard.boards import board_named


class Command(OperatorCommand):
    help = "Compute every board anew whose input, settings or code changed; with --board one alone."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--board", metavar="SLUG", help="as in the address of its page")

    def run(self, **options: Any) -> tuple[dict[str, Any], str]:
        now = timezone.now()
        if options["board"]:
            made, slugs = [], [options["board"]]
        else:
            made, slugs = snapshots.recompute_all(now=now), snapshots.waiting(now=now)
        for slug in slugs:
            snapshot = snapshots.recompute(board=board_named(slug), now=now)
            made += [snapshot] if snapshot else []
        if made:
            pair_weights.write(now=now)
            pair_evidence.write(now=now)
        facts = [
            {
                "board": snapshot.board,
                "snapshot": snapshot.pk,
                "input": snapshot.input_id,
                "counted": snapshot.counted,
                "total": snapshot.total,
                "excluded": snapshot.excluded,
            }
            for snapshot in made
        ]
        lines = [
            f"{row['board']}: counted {row['counted']} of {row['total']}, snapshot {row['snapshot']}" for row in facts
        ]
        return {"snapshots": facts}, "\n".join(lines) or "Every board is as it should be."
