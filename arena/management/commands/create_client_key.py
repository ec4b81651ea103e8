from argparse import ArgumentParser
from typing import Any

from arena import keys, labs
from arena.commands import OperatorCommand
from arena.errors import NotFound
from arena.models import Person


class Command(OperatorCommand):
    help = "Make a RoboArena access code for a person at a station. It is printed once."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True)
        parser.add_argument("--station", required=True, help="its name, or LAB/STATION")

    def run(self, **options: Any) -> tuple[dict[str, Any], str]:
        email = options["email"].strip().lower()
        person = Person.objects.filter(email=email).first()
        if person is None:
            raise NotFound("person_unknown", f"There is no account {email}.", hint="Make it with create_member.")
        key, code = keys.create_client_key(person=person, station=labs.find_station(options["station"]))
        facts = {"key": key.pk, "email": email, "station": key.station.name, "code": code}
        return facts, f"{code}\nThis is the access code of {email} at {key.station}. It is not shown again."
