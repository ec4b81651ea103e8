import dataclasses
import io
import math
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from arena.commands import OperatorCommand
from arena.errors import ArenaError
from leaderboard import ranking, snapshots, sources
from leaderboard.comparison_csv import COLUMNS
from leaderboard.ranking import FitResult, InvalidSettings, ModelSettings, PolicyResult, RankingError
from leaderboard.ranking.fit import DEFAULT_MODEL
from leaderboard.sources import Source
from leaderboard.verification import agreement

TASK_MIXES = ("pool", "equal")
WIDTH = 120
UNKNOWN = "–"


class Command(OperatorCommand):
    help = "Rank the policies of a CSV, a snapshot's export or a RoboArena folder. Needs no database."
    requires_system_checks = ()

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument("--model", choices=sorted(ranking.MODELS), help=f"{DEFAULT_MODEL} where nothing is stored")
        parser.add_argument("--task-mix", choices=TASK_MIXES, help="the kinds of task that a score is for")
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="NAME=COLUMN",
            help=f"what the file calls one of {', '.join(COLUMNS)}",
        )

    def run(self, **options: Any) -> tuple[dict[str, Any], str]:
        source = sources.read(options["path"], names=_names(options["map"]))
        try:
            model, settings = _model(source, options["model"], options["task_mix"])
            result = ranking.fit(source.comparisons, model=model, settings=settings)
        except RankingError as error:
            raise ArenaError(error.code, error.message) from None
        notes = _notes(source, result)
        facts = result.as_json() | {"input": _input(source), "notes": notes}
        return facts, _shown(source, result, notes)


def _names(mapped: list[str]) -> dict[str, str]:
    names: dict[str, str] = {}
    for text in mapped:
        name, equals, column = (part.strip() for part in text.partition("="))
        if not equals or not column or name not in COLUMNS:
            raise ArenaError(
                "bad_map",
                f"--map {text!r} is not NAME=COLUMN with a NAME that we know.",
                hint=f"The names are {', '.join(COLUMNS)}.",
            )
        if name in names:
            raise ArenaError("bad_map", f"--map says {name} twice.")
        names[name] = column
    return names


def _model(source: Source, model: str | None, task_mix: str | None) -> tuple[str, ModelSettings]:
    """Stored settings apply, unless another model is asked for."""
    stored = source.manifest
    if stored and model in (None, stored["model"]):
        model = str(stored["model"])
        try:
            settings = ranking.settings_from_json(model, stored["settings"])
        except TypeError:
            raise InvalidSettings("setting_of_wrong_kind", "A stored setting is not of its kind.") from None
    else:
        model = model or DEFAULT_MODEL
        settings = ranking.default_settings(model)
    return model, _with_task_mix(model, settings, task_mix) if task_mix else settings


def _with_task_mix(model: str, settings: ModelSettings, task_mix: str) -> ModelSettings:
    if "task_mix" not in {field.name for field in dataclasses.fields(settings)}:
        raise InvalidSettings("no_task_mix", f"The model {model} knows no tasks, so --task-mix changes nothing in it.")
    changes: dict[str, Any] = {"task_mix": task_mix}
    return dataclasses.replace(settings, **changes)


def _input(source: Source) -> dict[str, Any]:
    return {
        "kind": source.kind,
        "counted": len(source.comparisons),
        "excluded": source.excluded,
        "code_version": snapshots.code_version(),
    }


def _notes(source: Source, result: FitResult) -> list[str]:
    notes = []
    if source.repeated:
        many = source.repeated > 1
        notes.append(f"{source.repeated} row{'s name' if many else ' names'} a session of an earlier row; all count.")
    stored = source.manifest
    if stored and (stored["model"], stored["settings"]) == (result.model, result.settings.as_json()):
        found = agreement(stored["result"], result.as_json())
        if found.identical:
            notes.append("This is exactly the result that the snapshot holds.")
        elif found.holds:
            notes.append(f"This is the result that the snapshot holds, but for rounding ({found.largest:.1g}).")
        else:
            notes.append(f"This is not the result that the snapshot holds: {found.differing[0]} differs.")
    return notes


def _shown(source: Source, result: FitResult, notes: list[str]) -> str:
    console = Console(file=io.StringIO(), width=WIDTH, highlight=False)
    left_out = sum(source.excluded.values())
    reasons = ", ".join(f"{count} {reason}" for reason, count in source.excluded.items())
    counted = f"{result.n} comparison{'s' * (result.n != 1)}"
    console.print(
        Text(f"{counted}, model {result.model}" + (f", {left_out} sessions left out: {reasons}" * bool(left_out)))
    )
    console.print(_table(result))
    if result.tasks:
        console.print(_tasks(result))
    console.print(Text(_parameters(result)))
    for line in [*(warning.message for warning in result.warnings), *result.missing.values(), *notes]:
        console.print(Text(line))
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue().rstrip("\n")


def _table(result: FitResult) -> Table:
    several = any(policy.component for policy in result.policies)
    table = Table(*(["set"] if several else []), "rank", "policy")
    level = f"{result.intervals.level:.0%} interval"
    for heading in ("score", level, "group", "n", "wins", "ties", "losses", "progress"):
        table.add_column(heading, justify="left" if heading == "group" else "right")
    for policy in result.policies:
        table.add_row(*([str(policy.component + 1)] if several else []), *map(Text, _cells(policy)))
    return table


def _cells(policy: PolicyResult) -> list[str]:
    alone = policy.rank_low == policy.rank_high
    return [
        f"{policy.rank_low}" if alone else f"{policy.rank_low}–{policy.rank_high}",
        policy.policy,
        f"{policy.score:+.2f}",
        UNKNOWN if math.isnan(policy.se) else f"{policy.low:+.2f} to {policy.high:+.2f}",
        policy.group,
        str(policy.n),
        str(policy.wins),
        str(policy.ties),
        str(policy.losses),
        UNKNOWN if policy.mean_progress is None else f"{policy.mean_progress:.2f}",
    ]


def _tasks(result: FitResult) -> Table:
    table = Table("task")
    for heading in ("share of the score", "n", "difficulty", f"{result.intervals.level:.0%} interval", "progress"):
        table.add_column(heading, justify="right")
    for task in result.tasks:
        cells = [
            task.category,
            f"{task.share:.1%}",
            str(task.n),
            UNKNOWN if task.difficulty is None else f"{task.difficulty:+.2f}",
            UNKNOWN if task.low is None or task.high is None else f"{task.low:+.2f} to {task.high:+.2f}",
            UNKNOWN if task.mean_progress is None else f"{task.mean_progress:.2f}",
        ]
        table.add_row(*map(Text, cells))
    return table


def _parameters(result: FitResult) -> str:
    method, ties, order = result.intervals, result.ties, result.order
    said = [
        f"intervals {'clustered by' if method.method == 'clustered' else 'from the model,'} {_counted(method.labs)}"
    ]
    if not math.isnan(ties.nu):
        said.append(f"equal policies tie with probability {ties.nu / (1 + ties.nu):.2f}")
    if not math.isnan(order.delta):
        said.append(f"side B's advantage {order.delta:+.2f} ± {order.se:.2f} log-odds")
    if not math.isnan(result.log_likelihood):
        said.append(f"log-likelihood {result.log_likelihood:.2f}")
    sentence = "; ".join(said)
    return (
        f"{sentence[0].upper()}{sentence[1:]}.\n"
        f"Scores are {result.unit} with mean 0. Ranks are ranges that hold for all policies at once. "
        "Policies that share a letter are not separated."
    )


def _counted(labs: int) -> str:
    return "one lab" if labs == 1 else f"{labs} labs"
