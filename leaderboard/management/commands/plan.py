from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from arena.commands import OperatorCommand
from arena.errors import ArenaError
from leaderboard.ranking import RankingError
from leaderboard.ranking.anytime import AnytimeSettings
from leaderboard.ranking.anytime_plan import Plan, sessions_to_separate

LEVEL = "Each is preferred as often as the other: no number of sessions separates them."


class Command(OperatorCommand):
    help = "About how many sessions of two policies it takes to certify the better one. Needs no database."
    requires_system_checks = ()

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--win", type=float, required=True, help="share of sessions in which one is preferred")
        parser.add_argument("--tie", type=float, default=0.2, help="share of ties (0.2)")
        parser.add_argument("--power", type=float, default=0.8, help="how often that many are enough (0.8)")
        parser.add_argument("--alpha", type=float, default=0.05, help="how often a certificate may be false (0.05)")
        parser.add_argument("--pairs", type=int, default=1, help="how many pairs are watched for one (1)")
        parser.add_argument("--limit", type=int, default=5000, help="more sessions are out of the question (5000)")

    def run(self, **options: Any) -> tuple[dict[str, Any], str]:
        try:
            settings = AnytimeSettings(alpha=options["alpha"], pairs=options["pairs"])
            plan = sessions_to_separate(
                options["win"], options["tie"], settings=settings, power=options["power"], limit=options["limit"]
            )
        except RankingError as error:
            raise ArenaError(error.code, error.message) from None
        level = abs(2 * options["win"] + options["tie"] - 1) < 1e-12
        return asdict(plan), LEVEL if level else _said(plan)


def _said(plan: Plan) -> str:
    if plan.sessions is None or plan.expected is None:
        return f"More than {plan.limit} sessions."
    said = [
        f"{plan.sessions} sessions are enough in {plan.power:.0%} of all cases;",
        f"{plan.expected:.0f} on average, as one stops when it is decided.",
    ]
    if plan.fixed:
        said.append(f"A test of a size fixed beforehand needs {plan.fixed}.")
    return " ".join(said)
