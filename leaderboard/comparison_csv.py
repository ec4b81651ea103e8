"""Comparisons read from CSV, checked cell by cell, in one pass and little memory.

Each distinct text of a column is checked and turned into its number once, however many rows hold it; a million rows
take two to four seconds. What cannot be taken is an ArenaError that names file, line and column.
"""

import csv
import gc
import io
import itertools
import math
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any

import numpy as np

from arena.errors import ArenaError
from leaderboard.ranking import Comparisons, Outcome, RankingError
from leaderboard.ranking.comparisons import FloatArray, IntArray

REQUIRED = ("session", "policy_a", "policy_b", "preference")
OPTIONAL = ("progress_a", "progress_b", "task_category", "lab", "evaluator")
COLUMNS = REQUIRED + OPTIONAL

CHUNK = 20_000
FIELD_LIMIT = 128 * 1024
NAME_LIMIT = 300
# A blank lab, evaluator or category. RoboArena's data calls it so.
UNKNOWN = "unknown"
# The covariance holds a number for each pair of these; far beyond any arena, and small enough for memory.
MAX_POLICIES = 2000
MAX_LABS = 2000

# Control, format (bidirectional marks among them) and half characters: they would garble the table that names these.
HIDDEN = frozenset({"Cc", "Cf", "Cs"})


class BadRow(Exception):
    """Row number `row`, counted from 0, cannot be taken; the message says why."""

    def __init__(self, row: int, what: str) -> None:
        super().__init__(what)
        self.row = row


class _BadCell(Exception):
    """This text cannot stand in this column; the message says why."""


class _Names(dict[str, int]):
    """The number of each name, given when it is first met. A blank is `blank`, or wrong where that is empty."""

    def __init__(self, *, blank: str = "", limit: float = math.inf, many: str = "") -> None:
        super().__init__()
        self.number: dict[str, int] = {}
        self._blank, self._limit, self._many = blank, limit, many

    def __missing__(self, text: str) -> int:
        name = text.strip() or self._blank
        if not name:
            raise _BadCell("is empty")
        if len(name) > NAME_LIMIT:
            raise _BadCell(f"is longer than {NAME_LIMIT} characters")
        if any(unicodedata.category(sign) in HIDDEN for sign in name):
            raise _BadCell("holds characters that cannot be shown")
        key = self.number.setdefault(name, len(self.number))
        if key >= self._limit:
            raise _BadCell(f"is one too many: at most {self._limit} {self._many} are taken")
        self[text] = key
        return key

    def sorted(self) -> tuple[tuple[str, ...], IntArray]:
        """The names in sorted order, and the place of each number in it."""
        names = sorted(self.number)
        place = np.empty(len(names), dtype=np.int64)
        place[[self.number[name] for name in names]] = np.arange(len(names))
        return tuple(names), place


class _Preferences(dict[str, int]):
    def __missing__(self, text: str) -> int:
        name = text.strip().upper()
        if name not in Outcome.__members__:
            raise _BadCell(f"is {_quoted(text)}, but a preference is A, B or TIE")
        self[text] = Outcome[name].value
        return self[text]


class _Progress(dict[str, float]):
    def __missing__(self, text: str) -> float:
        self[text] = self._read(text)
        return self[text]

    def _read(self, text: str) -> float:
        if text.strip().lower() in ("", "nan"):
            return math.nan
        try:
            progress = float(text)
        except ValueError:
            raise _BadCell(f"is {_quoted(text)}, which is no number") from None
        if not 0 <= progress <= 1:
            raise _BadCell(f"is {_quoted(text)}, but progress lies between 0 and 1")
        return progress


class Table:
    """Takes rows in the order of `columns`, some of COLUMNS, and becomes Comparisons."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        policies = _Names(limit=MAX_POLICIES, many="policies")
        readers: dict[str, _Names | _Preferences | _Progress] = {
            "policy_a": policies,
            "policy_b": policies,
            "preference": _Preferences(),
            "progress_a": _Progress(),
            "progress_b": _Progress(),
            "task_category": _Names(blank=UNKNOWN),
            "lab": _Names(blank=UNKNOWN, limit=MAX_LABS, many="labs"),
            "evaluator": _Names(blank=UNKNOWN),
        }
        self._readers = {name: reader for name, reader in readers.items() if name in self.columns}
        self._chunks: dict[str, list[IntArray | FloatArray]] = {name: [] for name in self._readers}
        self._sessions: set[str] = set()
        self.rows = 0

    def add(self, columns: Mapping[str, Sequence[str]]) -> None:
        """Further rows, column by column. Raises BadRow."""
        self._take_sessions(columns["session"])
        for name in self._readers:
            self._chunks[name].append(self._numbers(name, columns[name]))
        same = np.flatnonzero(self._chunks["policy_a"][-1] == self._chunks["policy_b"][-1])
        if same.size:
            raise BadRow(self.rows + int(same[0]), "compares a policy with itself")
        self.rows += len(columns["session"])

    def _take_sessions(self, cells: Sequence[str]) -> None:
        if not all(map(str.strip, cells)):
            blank = next(place for place, cell in enumerate(cells) if not cell.strip())
            raise BadRow(self.rows + blank, "session is empty")
        self._sessions.update(cells)

    def _numbers(self, name: str, cells: Sequence[str]) -> IntArray | FloatArray:
        reader = self._readers[name]
        try:
            if isinstance(reader, _Progress):
                return np.fromiter(map(reader.__getitem__, cells), np.float64, len(cells))
            return np.fromiter(map(reader.__getitem__, cells), np.int64, len(cells))
        except _BadCell as error:
            bad = next(place for place, cell in enumerate(cells) if cell not in reader)
            raise BadRow(self.rows + bad, f"{name} {error}") from None

    @property
    def repeated(self) -> int:
        """How many rows name a session that an earlier one named."""
        return self.rows - len(self._sessions)

    def comparisons(self) -> Comparisons:
        try:
            policies, place = self._names("policy_a")
            labs, lab = self._keys("lab")
            evaluators, evaluator = self._keys("evaluator")
            categories, category = self._keys("task_category")
            return Comparisons(
                policies=policies,
                policy_a=place[self._column("policy_a")],
                policy_b=place[self._column("policy_b")],
                outcome=self._column("preference").astype(np.int64),
                labs=labs or (UNKNOWN,),
                lab=np.zeros(self.rows, dtype=np.int64) if lab is None else lab,
                progress_a=self._progress("progress_a"),
                progress_b=self._progress("progress_b"),
                evaluators=evaluators,
                evaluator=evaluator,
                categories=categories,
                category=category,
            )
        except RankingError as error:
            raise ArenaError(error.code, error.message) from None

    def _names(self, column: str) -> tuple[tuple[str, ...], IntArray]:
        reader = self._readers[column]
        assert isinstance(reader, _Names)
        return reader.sorted()

    def _keys(self, column: str) -> tuple[tuple[str, ...], IntArray | None]:
        """The names of a column and its keys into them; none where the file lacks the column."""
        if column not in self.columns:
            return (), None
        names, place = self._names(column)
        return names, place[self._column(column)]

    def _progress(self, column: str) -> FloatArray:
        return self._column(column).astype(np.float64) if column in self.columns else np.full(self.rows, np.nan)

    def _column(self, name: str) -> IntArray:
        chunks = self._chunks[name]
        joined: IntArray = np.concatenate(chunks) if chunks else np.zeros(0, dtype=np.int64)
        return joined


def read_table(opened: Callable[[], IO[bytes]], *, file: str, names: Mapping[str, str] | None = None) -> Table:
    """A CSV file as a Table. names: what the file calls our columns, where it does not call them as we do.

    Columns that are not ours are passed over, blank lines too. Raises ArenaError.
    """
    csv.field_size_limit(FIELD_LIMIT)
    try:
        with opened() as raw, _collector_at_rest():
            reader = _reader(raw)
            header = next(reader, None)
            if header is None:
                raise ArenaError("table_file", f"{file} is empty.")
            chosen = _chosen(file, header, names or {})
            table = Table(tuple(chosen))
            for rows in _batches(reader):
                _require_width(rows, len(header), before=table.rows)
                cells = list(zip(*rows, strict=True))
                table.add({name: cells[place] for name, place in chosen.items()})
            return table
    except OSError as error:
        raise ArenaError("table_file", f"{file} cannot be read: {error.strerror or error}.") from None
    except BadRow as error:
        raise row_error(file, _line(opened, error.row), str(error)) from None
    except UnicodeDecodeError:
        raise row_error(file, _first_bad_line(opened), "is not UTF-8") from None
    except csv.Error as error:
        raise row_error(file, reader.line_num, f"is no CSV: {error}") from None


def row_error(file: str, line: int, what: str) -> ArenaError:
    return ArenaError("table_row", f"{file} line {line}: {what}.")


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Rows hold no cycles, and looking through millions of them for some takes longer than reading them."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _reader(raw: IO[bytes]) -> Any:
    return csv.reader(io.TextIOWrapper(raw, encoding="utf-8-sig", newline=""), strict=True)


def _batches(reader: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    rows = filter(None, reader)  # without blank lines
    while batch := list(itertools.islice(rows, CHUNK)):
        yield batch


def _require_width(rows: list[list[str]], width: int, *, before: int) -> None:
    if set(map(len, rows)) != {width}:
        place = next(place for place, row in enumerate(rows) if len(row) != width)
        cells = len(rows[place])
        raise BadRow(before + place, f"{cells} cell{'s' * (cells != 1)}, but the first line names {width} columns")


def _line(opened: Callable[[], IO[bytes]], row: int) -> int:
    """The line of a row; the last one where a cell holds line breaks."""
    with opened() as raw:
        reader = _reader(raw)
        next(reader)
        next(itertools.islice(filter(None, reader), row, None))
        return int(reader.line_num)


def _chosen(file: str, header: list[str], names: Mapping[str, str]) -> dict[str, int]:
    """Where each of our columns stands that the file has."""
    header = [name.strip() for name in header]
    wanted = {column: names.get(column, column) for column in COLUMNS}
    needed = [name for column, name in wanted.items() if column in REQUIRED or column in names]
    lacking = [name for name in needed if name not in header]
    if lacking:
        raise ArenaError(
            "table_columns",
            f"{file} lacks the column{'s' * (len(lacking) > 1)} {', '.join(map(_quoted, lacking))}.",
            hint=f"Its first line must name the columns: {', '.join(REQUIRED)}. Other names are said with --map.",
        )
    twice = [name for name in wanted.values() if header.count(name) > 1]
    if twice:
        raise ArenaError("table_columns", f"{file} has two columns {_quoted(twice[0])}.")
    return {column: header.index(name) for column, name in wanted.items() if name in header}


def _first_bad_line(opened: Callable[[], IO[bytes]]) -> int:
    with opened() as raw:
        return next((number for number, line in enumerate(raw, 1) if not _decodes(line)), 1)


def _decodes(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")
