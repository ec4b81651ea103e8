"""What a table of an export is: its columns with their kinds and what they mean. Changes raise SCHEMA_VERSION."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

SCHEMA_VERSION = 1

TEXT, NUMBER, WHOLE, YES_NO, INSTANT = "string", "number", "integer", "boolean", "datetime"
"""Kinds of cells, as a Frictionless data package names them. Nothing in a cell: not known, or it does not apply."""


@dataclass(frozen=True)
class Column:
    """`free`: people wrote it, so that a spreadsheet must not run it."""

    name: str
    about: str
    kind: str = TEXT
    free: bool = False


@dataclass(frozen=True)
class Table:
    """`rows` reads the database anew, piece by piece; a row has a value for each column."""

    name: str
    about: str
    columns: Sequence[Column]
    key: Sequence[str]
    rows: Callable[[], Iterable[Sequence[Any]]]

    @property
    def file(self) -> str:
        return f"{self.name}.csv.gz"
