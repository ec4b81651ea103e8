from argparse import ArgumentParser
from typing import Any

from arena.commands import OperatorCommand
from arena.errors import Conflict, NotFound
from leaderboard import snapshots
from leaderboard.models import Snapshot
from leaderboard.verification import Verification, verify

SHOWN = 10


class Command(OperatorCommand):
    help = "Compute a snapshot anew from its stored input and settings, and compare."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("snapshot", type=int, metavar="ID")

    def run(self, **options: Any) -> tuple[dict[str, Any], str]:
        snapshot = Snapshot.objects.filter(pk=options["snapshot"]).select_related("input").first()
        if snapshot is None:
            raise NotFound("snapshot_unknown", "There is no such snapshot.")
        found = verify(snapshot)
        if not found.holds:
            raise Conflict("snapshot_differs", _difference(snapshot, found), hint=_hint(snapshot))
        facts = {
            "snapshot": snapshot.pk,
            "board": snapshot.board,
            "input": snapshot.input_id,
            "identical": found.agreement.identical,
            "largest_difference": found.agreement.largest,
            "code_version": snapshot.code_version,
            "code_version_now": snapshots.code_version(),
        }
        again = "exactly" if found.agreement.identical else f"but for rounding ({found.agreement.largest:.1g})"
        of = f"snapshot {snapshot.pk} of the board {snapshot.board}"
        return facts, f"The {snapshot.counted} comparisons of {of} give its numbers again, {again}."


def _difference(snapshot: Snapshot, found: Verification) -> str:
    if not found.input_intact:
        return f"The stored input of snapshot {snapshot.pk} is not the one of its SHA-256."
    if not found.counts_add_up:
        return f"Snapshot {snapshot.pk} counts otherwise than its input."
    places = found.agreement.differing
    more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
    return f"Snapshot {snapshot.pk} differs from its input's result in {', '.join(places[:SHOWN])}{more}."


def _hint(snapshot: Snapshot) -> str:
    if snapshot.code_version == snapshots.code_version():
        return "The code is the one that it was computed with."
    return f"It was computed with the code {snapshot.code_version}; this is {snapshots.code_version()}."
