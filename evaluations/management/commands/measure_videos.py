from argparse import ArgumentParser
from typing import Any

from django.utils import timezone

from arena.commands import OperatorCommand
from evaluations import media


class Command(OperatorCommand):
    help = "Measure videos that were checked before videos were measured, at once rather than in small batches."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--limit", type=int, metavar="N", help="at most so many; without it, all")

    def run(self, **options: Any) -> tuple[dict[str, Any], str]:
        limit, done = options["limit"], list[bool]()
        while limit is None or len(done) < limit:
            most = media.SWEEP_BATCH if limit is None else min(limit - len(done), media.SWEEP_BATCH)
            if not (found := media.measure_next(now=timezone.now(), most=most)):
                break
            done += found
        failed = len(done) - sum(done)
        sentence = f"{sum(done)} videos are measured." + (f" {failed} could not be read." if failed else "")
        return {"measured": sum(done), "failed": failed}, sentence
