from argparse import ArgumentParser
from typing import Any

from arena import people
from arena.commands import OperatorCommand
from evaluations import conflicts


class Command(OperatorCommand):
    help = "Keep out of every board, publicly, the sessions whose evaluators turn out to have had a stake."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--steward", required=True, metavar="EMAIL", help="whose decision it is")
        parser.add_argument("--dry-run", action="store_true", help="only list them")

    def run(self, **options: Any) -> tuple[dict[str, Any], str]:
        steward = people.find_steward(options["steward"])
        if options["dry_run"]:
            listed = sorted({str(session.pk) for session in conflicts.found()})
            return {"sessions": listed, "excluded": 0}, "\n".join(listed) or "There is none."
        excluded = [str(exclusion.session_id) for exclusion in conflicts.exclude_found(by=steward)]
        return {"sessions": excluded, "excluded": len(excluded)}, f"{len(excluded)} sessions are excluded."
