import json
import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workers.providers.contract import Contract, Finding, Result
from workers.providers.exchange import Exchange
from workers.providers.options import LONGEST_TIMEOUT_S, Options

_SIGNS = {Result.PASSED: "✓", Result.FAILED: "✗", Result.UNKNOWN: "?"}


class Command(BaseCommand):
    help = "Ask a server of models short questions, and say whether it can be used."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--url", required=True, help="where its OpenAI-compatible API begins: http://HOST:PORT/v1")
        parser.add_argument("--model", required=True, help="as the server calls it")
        parser.add_argument("--key-env", default="", help="the environment variable that holds its key")
        parser.add_argument("--vision", action="store_true", help="it must see pictures")
        parser.add_argument("--timeout", type=int, default=120, help="seconds that one answer may take")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        exchange = Exchange(asked := _options(**options))
        try:
            contract = Contract(asked, exchange)
            contract.check()
        finally:
            exchange.close()
        if options["json"]:
            self.stdout.write(json.dumps(_facts(contract)))
        else:
            self._tell(contract)
        if not contract.is_usable:
            raise CommandError("This server cannot be used as it is: what is marked ! has to pass.")

    def _tell(self, contract: Contract) -> None:
        self.stdout.write(f"{contract.options.model} at {contract.options.url}")
        for one in contract.findings:
            self.stdout.write(_line(one))
        if contract.is_usable:
            self.stdout.write("This server can be used.")


def _options(*, url: str, model: str, key_env: str, vision: bool, timeout: int, **_: Any) -> Options:
    if not url.startswith(("http://", "https://")):
        raise CommandError(f"{url} is not an address like https://HOST/v1.")
    if key_env and not os.environ.get(key_env):
        raise CommandError(f"{key_env} is not set, and should hold the key.")
    if not 1 <= timeout <= LONGEST_TIMEOUT_S:
        raise CommandError(f"--timeout is between 1 and {LONGEST_TIMEOUT_S} seconds.")
    key = os.environ[key_env] if key_env else ""
    return Options("the server", url=url.rstrip("/"), model=model, key=key, vision=vision, timeout_s=timeout)


def _line(one: Finding) -> str:
    mark = "!" if one.is_needed else " "
    return f"{mark}{_SIGNS[one.result]} {one.name:18} {one.result:16} {one.seconds:7.2f} s  {one.words}"


def _facts(contract: Contract) -> dict[str, Any]:
    checks = [
        {"name": one.name, "result": one.result, "needed": one.is_needed, "seconds": one.seconds, "words": one.words}
        for one in contract.findings
    ]
    return {
        "url": contract.options.url,
        "model": contract.options.model,
        "usable": contract.is_usable,
        "checks": checks,
    }
