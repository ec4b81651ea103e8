import asyncio
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from evaluations.relay.server import Relay, run
from evaluations.relay_directory import DatabaseDirectory


class Command(BaseCommand):
    help = "Run the relay between evaluation clients and policy servers, until SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: this machine only)")

    def handle(self, *args: Any, **options: Any) -> None:
        relay = Relay(directory=DatabaseDirectory(), allow_private=settings.ALLOW_PRIVATE_ENDPOINTS)
        asyncio.run(run(relay, host=options["host"], port=settings.RELAY_PORT, ready=self._say_ready))

    def _say_ready(self, port: int) -> None:
        self.stdout.write(f"the relay listens on port {port}")
