"""What all benchmarks share: a table of comparisons, and the file that keeps the last one."""

import json
import os
import platform
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """We and a peer, measured in one run. `ratio` is above 1 where we are better."""

    case: str
    metric: str
    peer: str
    ours: float
    theirs: float
    ratio: float
    goal: float | None = None
    """The ratio that we claim. None where we compare and claim nothing."""

    @property
    def missed(self) -> bool:
        return self.goal is not None and self.ratio < self.goal


def less_is_better(
    *, case: str, metric: str, peer: str, ours: float, theirs: float, goal: float | None = None
) -> Comparison:
    return Comparison(case=case, metric=metric, peer=peer, ours=ours, theirs=theirs, ratio=theirs / ours, goal=goal)


def more_is_better(
    *, case: str, metric: str, peer: str, ours: float, theirs: float, goal: float | None = None
) -> Comparison:
    return Comparison(case=case, metric=metric, peer=peer, ours=ours, theirs=theirs, ratio=ours / theirs, goal=goal)


def report(name: str, comparisons: Sequence[Comparison]) -> int:
    """Show the table and keep the rows in benchmarks/results/NAME.json. Returns the exit status."""
    Console().print(_table(f"{name}, on {machine()}", comparisons))
    RESULTS.mkdir(exist_ok=True)
    rows = [asdict(comparison) for comparison in comparisons]
    (RESULTS / f"{name}.json").write_text(json.dumps(rows, indent=2) + "\n")
    return 0


def machine() -> str:
    """The day, the processor, its cores and the memory: what docs/benchmarks.md says of a run."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    python = platform.python_version()
    return f"{datetime.now(UTC):%Y-%m-%d}, {_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, Python {python}"


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def _table(name: str, comparisons: Sequence[Comparison]) -> Table:
    table = Table("case", "metric", "peer", title=name)
    for heading in ("ours", "theirs", "ratio", "goal"):
        table.add_column(heading, justify="right")
    for row in comparisons:
        goal = "" if row.goal is None else f"{row.goal:g} {'missed' if row.missed else 'met'}"
        table.add_row(row.case, row.metric, row.peer, f"{row.ours:.3f}", f"{row.theirs:.3f}", f"{row.ratio:.2f}", goal)
    return table
