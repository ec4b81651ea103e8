from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from arena import labs, people
from arena.commands import OperatorCommand
from arena.errors import ArenaError
from evaluations import conflicts


class Command(OperatorCommand):
    help = "Keep a lab's sessions from a day on out of every board, publicly."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("lab", help="its name or slug")
        parser.add_argument("--since", required=True, metavar="YYYY-MM-DD", help="the first day, UTC")
        parser.add_argument("--reason", default=conflicts.FLAGGED_LAB, help="at most 40 characters; published")
        parser.add_argument("--comment", required=True, help="published")
        parser.add_argument("--steward", required=True, metavar="EMAIL", help="whose decision it is")

    def run(self, **options: Any) -> tuple[dict[str, Any], str]:
        lab = labs.find_lab(options["lab"])
        excluded = conflicts.exclude_lab(
            lab=lab,
            since=_day(options["since"]),
            reason=options["reason"],
            comment=options["comment"],
            by=people.find_steward(options["steward"]),
        )
        sessions = [str(exclusion.session_id) for exclusion in excluded]
        return {"lab": lab.slug, "sessions": sessions}, f"{len(sessions)} sessions of {lab} are excluded."


def _day(said: str) -> datetime:
    try:
        return datetime.strptime(said, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise ArenaError("bad_field", f"since: {said} is no day.", hint="Such as 2026-11-02.") from None
