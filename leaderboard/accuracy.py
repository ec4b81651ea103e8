"""How right the models are: the last run of `make bench-ranking_accuracy`, as tables for the page on the method."""

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

RESULTS = Path("benchmarks") / "results" / "ranking_accuracy.json"
OURS, SIMPLE = "joint", "davidson"
HELD_OUT = {"log-loss, 5 folds": "log_loss", "log-loss, lab left out": "lab_out", "RMSE of progress": "rmse"}
CALIBRATION = re.compile(r"(?P<data>.+), chance of A (?P<low>[\d.]+) to (?P<high>[\d.]+)")
SIZED = re.compile(r"(?P<data>.+), (?P<sessions>\d+) sessions")
# The truth of the simulated labs is a ranking; of invented data the scores are known; of April 2025 there is none.
MEASURES = {"simulated labs": "Kendall", "April 2025": ""}


@dataclass
class HeldOutRow:
    """One model on one body of data: None where it makes no such prediction."""

    data: str
    model: str
    log_loss: float | None = None
    lab_out: float | None = None
    rmse: float | None = None

    @property
    def is_ours(self) -> bool:
        return self.model == OURS


@dataclass(frozen=True)
class CalibrationRow:
    """Sessions in which A was given a chance from low to high, in percent: the mean chance, and how often A came."""

    data: str
    low: int
    high: int
    expected: float
    came: float


@dataclass(frozen=True)
class AgreementRow:
    """Agreement with the truth, ours and the simple model's, for each of the sizes; None where it was not measured."""

    data: str
    by_size: tuple[tuple[float, float] | None, ...]


@dataclass(frozen=True)
class CoverageRow:
    setting: str
    ours: float
    simple: float


@dataclass(frozen=True)
class Accuracy:
    held_out: tuple[HeldOutRow, ...]
    calibration: tuple[CalibrationRow, ...]
    agreement: tuple[AgreementRow, ...]
    coverage: tuple[CoverageRow, ...]
    sizes: tuple[int, ...]


@functools.cache
def last_run() -> Accuracy | None:
    """None where this installation comes without the benchmarks' results."""
    try:
        rows: list[dict[str, Any]] = json.loads((settings.BASE_DIR / RESULTS).read_text())
    except FileNotFoundError:
        return None
    agreement, sizes = _agreement(rows)
    return Accuracy(
        held_out=tuple(_held_out(rows)),
        calibration=tuple(_calibration(rows)),
        agreement=agreement,
        sizes=sizes,
        coverage=tuple(_coverage(rows)),
    )


def _held_out(rows: list[dict[str, Any]]) -> list[HeldOutRow]:
    found: dict[tuple[str, str], HeldOutRow] = {}
    for row in rows:
        column = HELD_OUT.get(row["metric"])
        if column is None or row["goal"] is not None:
            continue
        for model, value in ((OURS, row["ours"]), (row["peer"], row["theirs"])):
            setattr(found.setdefault((row["case"], model), HeldOutRow(row["case"], model)), column, value)
    return list(found.values())


def _calibration(rows: list[dict[str, Any]]) -> Iterator[CalibrationRow]:
    for row in rows:
        if found := CALIBRATION.fullmatch(row["case"]):
            low, high = (round(100 * float(found[bound])) for bound in ("low", "high"))
            yield CalibrationRow(found["data"], low, high, 100 * row["ours"], 100 * row["theirs"])


def _agreement(rows: list[dict[str, Any]]) -> tuple[tuple[AgreementRow, ...], tuple[int, ...]]:
    """The rows, and the numbers of sessions that their columns are for."""
    by_data: dict[str, dict[int, tuple[float, float]]] = {}
    for row in rows:
        measure, found = row["metric"].partition(" ")[0], SIZED.fullmatch(row["case"])
        if found and row["peer"] == SIMPLE and MEASURES.get(found["data"], "Pearson") == measure:
            by_data.setdefault(found["data"], {})[int(found["sessions"])] = (row["ours"], row["theirs"])
    sizes = tuple(sorted({size for by_size in by_data.values() for size in by_size}))
    return tuple(AgreementRow(data, tuple(map(found.get, sizes))) for data, found in by_data.items()), sizes


def _coverage(rows: list[dict[str, Any]]) -> Iterator[CoverageRow]:
    for row in rows:
        if row["metric"].startswith("covered by"):
            yield CoverageRow(row["case"], row["ours"], row["theirs"])
