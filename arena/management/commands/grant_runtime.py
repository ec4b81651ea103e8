from argparse import ArgumentParser
from typing import Any

from arena import runtime_role
from arena.commands import OperatorCommand
from arena.errors import Conflict
from arena.schema import as_owner


class Command(OperatorCommand):
    help = "Give an existing database role the rights of the platform's runtime role, and no others."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("role")

    def run(self, **options: Any) -> tuple[dict[str, Any], str]:
        with as_owner():
            wrong = runtime_role.grant(options["role"])
        if wrong:
            raise Conflict(
                "role_differs",
                f"The role {options['role']} {runtime_role.in_a_sentence(wrong)}.",
                hint="That comes from the database, from PUBLIC or from another role, and is to be changed there.",
            )
        tables = runtime_role.append_only_tables()
        return (
            {"role": options["role"], "append_only": tables},
            f"{options['role']} may run the platform. It can only read and add rows of {', '.join(tables)}.",
        )
