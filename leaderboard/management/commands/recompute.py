from argparse import ArgumentParser
from typing import Any

from django.utils import timezone

from arena.commands import OperatorCommand
from leaderboard import pair_weights, snapshots


class Command(OperatorCommand):
    help = "Compute every board anew whose input, settings or code changed."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        pass

    def run(self, **options: Any) -> tuple[dict[str, Any], str]:
        made = snapshots.recompute_all(now=timezone.now())
        if made:
            pair_weights.write(now=timezone.now())
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
