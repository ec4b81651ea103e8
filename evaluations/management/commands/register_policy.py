from argparse import ArgumentParser
from typing import Any

from arena import labs, policies
from arena.commands import OperatorCommand, new_embodiment_sentence
from evaluations import endpoints


class Command(OperatorCommand):
    help = (
        "Register a version of a policy and the server that serves it; the server is asked for its handshake at once."
    )

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--lab", required=True, help="the owner, by name or slug")
        parser.add_argument("--endpoint", required=True, metavar="ws://HOST:PORT")
        parser.add_argument("--version", default="1", dest="policy_version")
        parser.add_argument("--embodiment", default="DROID")
        parser.add_argument("--open-source", action="store_true")
        parser.add_argument("--unlisted", action="store_true", help="others are told a pseudonym until it is listed")

    def run(self, **options: Any) -> tuple[dict[str, Any], str]:
        embodiment_is_new = labs.embodiment_is_new(options["embodiment"])
        version = policies.register_policy(
            lab=labs.find_lab(options["lab"]),
            name=options["name"],
            endpoint_url=options["endpoint"],
            version=options["policy_version"],
            embodiment=options["embodiment"],
            open_source=options["open_source"],
            unlisted=options["unlisted"],
        )
        result = endpoints.check(endpoint_id=version.endpoint.pk)
        assert result is not None
        facts = {
            "policy": version.policy.slug,
            "version": version.version,
            "label": version.label,
            "pseudonym": version.pseudonym,
            "embodiment_is_new": embodiment_is_new,
            "check": endpoints.told(result),
        }
        sentence = f"Registered. {endpoints.in_words(version, result)}"
        return facts, sentence + new_embodiment_sentence(version.embodiment, is_new=embodiment_is_new)
