from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from workers.platform import CannotRun, running_platform
from workers.supervisor import NotReady, StopRequested


class Command(BaseCommand):
    help = "Run the platform: web, worker, schedule and relay, until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="the address of this machine to listen on")

    def handle(self, *args: Any, host: str, **options: Any) -> None:
        try:
            with running_platform(host=host, say=self.say) as supervisor:
                self.say(f"Policy Arena is at {settings.PUBLIC_URL}, its files are in {settings.ARENA_HOME}")
                supervisor.run()
        except StopRequested:
            self.say("Policy Arena has stopped")
        except (CannotRun, NotReady) as error:
            raise CommandError(str(error)) from None

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
