from argparse import ArgumentParser
from typing import Any

from arena import labs
from arena.commands import OperatorCommand


class Command(OperatorCommand):
    help = "Make a lab."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--simulated", action="store_true", help="its stations and policies are simulations")

    def run(self, **options: Any) -> tuple[dict[str, Any], str]:
        lab = labs.create_lab(name=options["name"], simulated=options["simulated"])
        facts = {"lab": lab.name, "slug": lab.slug, "simulated": lab.simulated}
        return facts, f"Lab {lab.name} ({lab.slug}) is made."
