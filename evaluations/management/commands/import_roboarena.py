import dataclasses
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from arena.commands import OperatorCommand
from evaluations.roboarena import importer

SHOWN = 20


class Command(OperatorCommand):
    help = "Read published RoboArena evaluations (CSV files, or a dump) into imported sessions. Safe to repeat."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument(
            "--version", default="imported", dest="policy_version", help="the version that the imported policies get"
        )

    def run(self, **options: Any) -> tuple[dict[str, Any], str]:
        folder = options["path"]
        console = Console(stderr=True)
        with Progress(console=console, disable=not console.is_terminal) as bar:
            task = bar.add_task("sessions", total=importer.count_rows(folder))
            report = importer.import_folder(folder, version=options["policy_version"], on_row=lambda: bar.advance(task))
        counts = f"{report.sessions} sessions, {report.valid} valid, {report.created} new, {report.tagged} newly tagged"
        counts += f", {report.files} new files" * bool(report.files)
        lines = [f"{counts}, {len(report.rejected)} rows not taken"]
        lines += [f"  {row.file} line {row.line}: {row.reason}" for row in report.rejected[:SHOWN]]
        if len(report.rejected) > SHOWN:
            lines.append(f"  and {len(report.rejected) - SHOWN} more: --json lists them all")
        return dataclasses.asdict(report), "\n".join(lines)
