from argparse import ArgumentParser
from typing import Any

from arena import people
from arena.commands import OperatorCommand


class Command(OperatorCommand):
    help = "Make a steward's account: staff, with a read-mostly view of everything."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--password-env", metavar="NAME", help="the environment variable that holds the password")

    def run(self, **options: Any) -> tuple[dict[str, Any], str]:
        password = people.password_from_environment(options["password_env"])
        person = people.create_steward(email=options["email"], password=password)
        return {"email": person.email}, f"{person.email} is a steward."
