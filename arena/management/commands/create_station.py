from argparse import ArgumentParser
from typing import Any

from arena import labs, stations
from arena.commands import OperatorCommand, new_embodiment_sentence


class Command(OperatorCommand):
    help = "Describe a lab's robot set-up."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--lab", required=True, help="name or slug")
        parser.add_argument("--cameras", required=True, help="some of left,right,wrist")
        parser.add_argument("--embodiment", default="DROID", help="the robot's kind, as clients name it")

    def run(self, **options: Any) -> tuple[dict[str, Any], str]:
        cameras = [camera.strip() for camera in options["cameras"].split(",") if camera.strip()]
        embodiment_is_new = labs.embodiment_is_new(options["embodiment"])
        station = stations.create_station(
            lab=labs.find_lab(options["lab"]),
            name=options["name"],
            cameras=cameras,
            embodiment=options["embodiment"],
        )
        facts = {
            "station": station.name,
            "lab": station.lab.name,
            "embodiment": station.embodiment.name,
            "embodiment_is_new": embodiment_is_new,
            "cameras": station.cameras,
            "simulated": station.simulated,
        }
        sentence = f"Station {station.name} of {station.lab.name} is made ({', '.join(station.cameras)})."
        return facts, sentence + new_embodiment_sentence(station.embodiment, is_new=embodiment_is_new)
