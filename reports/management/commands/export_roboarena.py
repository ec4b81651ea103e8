import dataclasses
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from arena.commands import OperatorCommand
from evaluations.scopes import SCOPES, chosen_scope
from reports.exports import roboarena


class Command(OperatorCommand):
    help = "Write the sessions that an overall board counts as RoboArena dumps its own, with their videos."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument("--board", choices=[scope.slug for scope in SCOPES], default=SCOPES[0].slug)
        parser.add_argument("--without-videos", action="store_true")

    def run(self, **options: Any) -> tuple[dict[str, Any], str]:
        scope, console = chosen_scope(options["board"]), Console(stderr=True)
        with Progress(console=console, disable=not console.is_terminal) as bar:
            task = bar.add_task("sessions", total=roboarena.counted(scope).count())
            done = roboarena.export(
                options["path"],
                scope=scope,
                with_videos=not options["without_videos"],
                on_session=lambda: bar.advance(task),
            )
        missing = f"; {done.missing} videos are not in the storage" * bool(done.missing)
        return dataclasses.asdict(done), f"{done.sessions} sessions, {done.videos} videos{missing}"
