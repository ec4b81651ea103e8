from argparse import ArgumentParser
from typing import Any

from arena import keys
from arena.commands import OperatorCommand


class Command(OperatorCommand):
    help = "Revoke a RoboArena access code, by the number that create_client_key printed."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key", type=int)

    def run(self, **options: Any) -> tuple[dict[str, Any], str]:
        key = keys.find_key(pk=options["key"])
        keys.revoke_client_key(key=key)
        return {"key": key.pk, "revoked": True}, f"Key {key.pk} is revoked."
