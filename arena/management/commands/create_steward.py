import os
from argparse import ArgumentParser
from typing import Any

from arena import audit
from arena.commands import OperatorCommand
from arena.errors import Conflict
from arena.models import Person


class Command(OperatorCommand):
    help = "Make a steward's account: staff, with a read-mostly view of everything."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--password-env", metavar="NAME", help="the environment variable that holds the password")

    def run(self, **options: Any) -> tuple[dict[str, Any], str]:
        email = options["email"].strip().lower()
        if Person.objects.filter(email=email).exists():
            raise Conflict("person_exists", f"There is an account {email} already.")
        variable = options["password_env"]
        person = Person.objects.create_superuser(email, os.environ.get(variable) if variable else None)
        audit.record("steward:created", subject=f"person:{person.pk}", person=person)
        return {"email": email}, f"{email} is a steward."
