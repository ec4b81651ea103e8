"""What all operators' commands share: --json, and errors said in one sentence."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError

from arena.errors import ArenaError, as_arena_error
from arena.models import Embodiment


class OperatorCommand(BaseCommand):
    """A command that does one thing and prints what came of it: a line for people, or one JSON object with --json."""

    requires_migrations_checks = False

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Our options win over Django's of the same name (`--version` is a policy's)."""
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        self.add_own_arguments(parser)

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        raise NotImplementedError

    def run(self, **options: Any) -> tuple[dict[str, Any], str]:
        """Do it; return the facts for --json and the sentence for people."""
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            facts, sentence = self.run(**options)
        except (ArenaError, OperationalError) as caught:
            error = as_arena_error(caught)
            assert error is not None
            if options["json"]:
                self.stdout.write(json.dumps(error.body()))
            hint = f" {error.hint}" if error.hint else ""
            raise CommandError(f"{error.message}{hint} [{error.code}]") from None
        self.stdout.write(json.dumps(facts) if options["json"] else sentence)


def new_embodiment_sentence(embodiment: Embodiment, *, is_new: bool) -> str:
    """What follows a command's sentence where it was the first to name a robot: the name may be mistyped."""
    return f" The embodiment {embodiment.name} is new: nothing else has it." if is_new else ""
