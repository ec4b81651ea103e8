from argparse import ArgumentParser
from typing import Any

from arena import labs, people
from arena.commands import OperatorCommand
from arena.errors import Conflict
from arena.models import Role


class Command(OperatorCommand):
    help = "Make a person a member of a lab, with an account where there is none yet."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--lab", required=True, help="name or slug")
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--name", default="", help="the name of a new account")
        parser.add_argument(
            "--password-env", metavar="NAME", help="the environment variable that holds a password for a new account"
        )

    def run(self, **options: Any) -> tuple[dict[str, Any], str]:
        variable = options["password_env"]
        if (variable or options["name"]) and people.find_person(options["email"]):
            raise Conflict(
                "person_exists",
                f"There is an account {options['email']} already: it keeps its name and password.",
                hint="Leave out --name and --password-env.",
            )
        membership = labs.add_member(
            lab=labs.find_lab(options["lab"]),
            email=options["email"],
            role=Role(options["role"]),
            name=options["name"],
            password=people.password_from_environment(variable),
        )
        email, lab = membership.person.email, membership.lab
        facts = {"email": email, "lab": lab.name, "role": membership.role, "pseudonym": membership.person.pseudonym}
        return facts, f"{email} is {membership.get_role_display()} of {lab.name}."
