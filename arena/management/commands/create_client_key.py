from argparse import ArgumentParser
from typing import Any

from arena import keys, people, stations
from arena.commands import OperatorCommand
from arena.errors import NotFound


class Command(OperatorCommand):
    help = "Make a RoboArena access code for a person at a station. It is printed once."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True)
        parser.add_argument("--station", required=True, help="its name, or LAB/STATION")

    def run(self, **options: Any) -> tuple[dict[str, Any], str]:
        person = people.find_person(options["email"])
        if person is None:
            raise NotFound(
                "person_unknown", f"There is no account {options['email']}.", hint="Make it with create_member."
            )
        key, code = keys.create_client_key(person=person, station=stations.find_station(options["station"]))
        facts = {"key": key.pk, "email": person.email, "station": key.station.name, "code": code}
        sentence = f"This is the access code of {person.email} at {key.station}, key {key.pk}. It is not shown again."
        return facts, f"{code}\n{sentence}"
