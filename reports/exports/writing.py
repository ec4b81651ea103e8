"""The files of one export, written into a folder piece by piece: its size is no matter of memory."""

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from arena.texts import as_cell
from leaderboard import exports as snapshot_exports
from leaderboard.boards import OVERALL
from leaderboard.snapshots import latest
from reports.exports.schema import SCHEMA_VERSION, Column, Table
from reports.exports.tables import TABLES

CHECKSUMS = "SHA256SUMS"
PACKAGE = "datapackage.json"
CITATION = "CITATION.cff"
LICENCE, LICENCE_NAME = "LICENSE.txt", "CC-BY-4.0"
LICENCE_ADDRESS = "https://creativecommons.org/licenses/by/4.0/"


@dataclass(frozen=True)
class Written:
    name: str
    about: str
    size: int
    sha256: str
    rows: int | None = None


def write(folder: Path, *, day: date) -> list[Written]:
    """All files of an export, from one moment of the database."""
    with _one_moment():
        tables = [_table(folder, table) for table in TABLES]
        boards = list(_boards(folder))
    texts = {
        PACKAGE: (package(day), "The data dictionary: every table and column, as a Frictionless data package."),
        CITATION: (citation(day), "How to cite it."),
        LICENCE: (licence(), "What may be done with it."),
    }
    files = [*tables, *boards]
    for name, (text, about) in texts.items():
        (folder / name).write_text(text)
        files.append(_written(folder / name, about))
    (folder / CHECKSUMS).write_text("".join(f"{one.sha256}  {one.name}\n" for one in files))
    return [*files, _written(folder / CHECKSUMS, "The SHA-256 of all the others, for sha256sum -c.")]


@contextmanager
def _one_moment() -> Iterator[None]:
    """What is published meanwhile is in all tables or in none. Inside another transaction its moment is taken."""
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def _table(folder: Path, table: Table) -> Written:
    path, rows = folder / table.file, 0
    with path.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
        text = io.TextIOWrapper(packed, encoding="utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([column.name for column in table.columns])
        for row in table.rows():
            writer.writerow(_cells(table.columns, row))
            rows += 1
        text.flush()
    return _written(path, table.about, rows=rows)


def _cells(columns: Sequence[Column], row: Sequence[Any]) -> list[str]:
    return [_cell(column, value) for column, value in zip(columns, row, strict=True)]


def _cell(column: Column, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, float):
        return repr(value)
    return as_cell(str(value)) if column.free else str(value)


def _boards(folder: Path) -> Iterator[Written]:
    """The overall boards with their inputs, as `rank` reads them."""
    for board in OVERALL:
        snapshot = latest(board.slug)
        if snapshot is not None:
            path = folder / f"board-{board.slug}.zip"
            path.write_bytes(snapshot_exports.archive(snapshot))
            yield _written(path, f"The board {board.slug} with its input, settings and result, for manage.py rank.")


def _written(path: Path, about: str, *, rows: int | None = None) -> Written:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return Written(path.name, about, path.stat().st_size, digest.hexdigest(), rows)


def package(day: date) -> str:
    content = {
        "profile": "tabular-data-package",
        "name": "policy-arena",
        "title": "Policy Arena: blind paired evaluations of robot policies",
        "version": f"{SCHEMA_VERSION}.0.0",
        "created": day.isoformat(),
        "homepage": settings.PUBLIC_URL,
        "licenses": [{"name": LICENCE_NAME, "path": LICENCE_ADDRESS}],
        "resources": [_resource(table) for table in TABLES],
    }
    return json.dumps(content, indent=1) + "\n"


def _resource(table: Table) -> dict[str, Any]:
    fields = [{"name": column.name, "type": column.kind, "description": column.about} for column in table.columns]
    return {
        "name": table.name,
        "path": table.file,
        "description": table.about,
        "profile": "tabular-data-resource",
        "format": "csv",
        "compression": "gz",
        "encoding": "utf-8",
        "schema": {"fields": fields, "primaryKey": [*table.key], "missingValues": [""]},
    }


def citation(day: date) -> str:
    return f"""cff-version: 1.2.0
message: If you use these data, please cite them as below.
type: dataset
title: "Policy Arena: blind paired evaluations of robot policies"
authors:
  - name: The labs of Policy Arena
version: "{day.isoformat()}"
date-released: {day.isoformat()}
license: {LICENCE_NAME}
url: "{settings.PUBLIC_URL}/data"
"""


def bibtex(day: date) -> str:
    return f"""@misc{{policyarena{day:%Y%m%d},
  title = {{Policy Arena: blind paired evaluations of robot policies}},
  author = {{{{The labs of Policy Arena}}}},
  year = {{{day.year}}},
  note = {{Data export of {day.isoformat()}, schema version {SCHEMA_VERSION}, {LICENCE_NAME}}},
  url = {{{settings.PUBLIC_URL}/data}}
}}"""


def licence() -> str:
    return f"""These data are published under the Creative Commons Attribution 4.0 International licence
({LICENCE_NAME}):
{LICENCE_ADDRESS}
You may share and adapt them for any purpose, if you say where they come from: see {CITATION}.
Imported sessions were published by others before; name their authors as well.
"""
