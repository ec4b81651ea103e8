import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from arena.errors import ArenaError
from workers.demo import programs, seeding
from workers.demo.display import Display
from workers.demo.keepsakes import HOST, Keepsakes, NoPorts, taken
from workers.platform import CannotRun, running_platform
from workers.supervisor import NotReady, StopRequested

REFRESH_S = 1.0


class Command(BaseCommand):
    help = "Run the platform with simulated labs, until Ctrl-C. A second start goes on with the data of the first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--sessions",
            type=int,
            default=os.environ.get("DEMO_SESSIONS") or None,
            help="how many sessions there are to be in the end (default: DEMO_SESSIONS, or without end)",
        )

    def handle(self, *args: Any, sessions: int | None, **options: Any) -> None:
        display = Display(Console())
        try:
            _run(display, limit=sessions)
        except StopRequested:
            display.say("Policy Arena has stopped. make demo goes on from here.")
        except (ArenaError, CannotRun, NoPorts, NotReady) as error:
            raise CommandError(str(error)) from None


def _run(display: Display, *, limit: int | None) -> None:
    rows, profiles = programs.simlab_facts("policies"), programs.simlab_facts("labs")
    keepsakes = Keepsakes.load(settings.ARENA_HOME / "demo.json")
    with running_platform(host=HOST, say=display.say) as supervisor:
        seeding.refuse_other_installations(keepsakes)
        ports = keepsakes.ports(len(rows))
        if in_use := taken(ports):
            raise CannotRun(f"Ports of the demo's policy servers are taken by another program: {in_use}. Free them.")
        supervisor.await_ready(supervisor.start(programs.policy_servers(ports)))
        simulated = seeding.seed_labs(profiles, keepsakes)
        seeding.seed_policies(rows, ports, keepsakes)
        seeding.seed_steward(keepsakes)
        display.welcome(seeding.accounts(simulated, keepsakes))
        at_work = programs.labs_at_work(simulated, limit=limit)
        display.start()
        try:
            while True:
                for lab in at_work:
                    lab.go_on(supervisor)
                display.refresh()
                supervisor.wait(REFRESH_S)
        finally:
            display.stop()
