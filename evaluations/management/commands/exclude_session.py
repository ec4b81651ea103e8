import uuid
from argparse import ArgumentParser
from typing import Any

from arena import people
from arena.commands import OperatorCommand
from arena.errors import NotFound
from evaluations import sessions
from evaluations.models import Session


class Command(OperatorCommand):
    help = "Keep a valid session out of every board, with a reason and a comment that are published."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("session", type=uuid.UUID)
        parser.add_argument("--reason", required=True, help="a few words")
        parser.add_argument("--comment", required=True, help="what was found")
        parser.add_argument("--steward", required=True, metavar="EMAIL", help="who decided it")

    def run(self, **options: Any) -> tuple[dict[str, Any], str]:
        session = Session.objects.filter(pk=options["session"]).first()
        if session is None:
            raise NotFound("session_unknown", "There is no session with this id.")
        steward = people.find_steward(options["steward"])
        exclusion = sessions.exclude(session=session, reason=options["reason"], comment=options["comment"], by=steward)
        facts = {"session": str(session.pk), "reason": exclusion.reason, "comment": exclusion.comment}
        return facts, f"Session {session.pk} is excluded: {exclusion.reason}."
