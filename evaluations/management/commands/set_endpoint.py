from argparse import ArgumentParser
from typing import Any

from arena import policies
from arena.commands import OperatorCommand
from evaluations import endpoints


class Command(OperatorCommand):
    help = "Say where a version is served from now on; the server is asked for its handshake at once."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("version", metavar="SLUG@VERSION")
        parser.add_argument("--endpoint", required=True, metavar="ws://HOST:PORT")

    def run(self, **options: Any) -> tuple[dict[str, Any], str]:
        version = policies.find_version(options["version"])
        endpoint = policies.move_endpoint(version=version, endpoint_url=options["endpoint"])
        result = endpoints.check(endpoint_id=endpoint.pk)
        assert result is not None
        return {"label": version.label, "check": endpoints.told(result)}, endpoints.in_words(version, result)
