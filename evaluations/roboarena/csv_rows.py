"""Rows of RoboArena's published CSV files, with the place where each stands, and their fields as numbers and times."""

import csv
import itertools
import math
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from arena.errors import ArenaError

FIELD_LIMIT = 1024 * 1024
SESSIONS, EPISODES, TAGS = "sessions.csv", "episodes.csv", "tags.csv"
REQUIRED_COLUMNS = {
    SESSIONS: {"session_uuid", "status", "lab", "evaluator", "robot", "created_at", "completed_at"}
    | {"policy_a", "policy_b", "preference", "instruction", "notes"},
    EPISODES: {"session_uuid", "label", "policy", "binary_success", "progress", "duration_steps"}
    | {"mean_latency_s", "third_person_camera", "recorded_at"},
    TAGS: {"session_uuid", "task_category"},
}


class RowError(Exception):
    """This row cannot be taken; the message says why."""


@dataclass(frozen=True)
class RejectedRow:
    file: str
    line: int
    session: str
    reason: str


@dataclass(frozen=True)
class Row:
    file: str
    line: int
    values: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]

    @property
    def session(self) -> str:
        """The session's uuid in its usual spelling; where it is none, as it stands."""
        try:
            return str(self.session_id)
        except RowError:
            return self["session_uuid"].strip().lower()

    @property
    def session_id(self) -> uuid.UUID:
        try:
            return uuid.UUID(self["session_uuid"].strip())
        except ValueError:
            raise RowError("session_uuid is not a uuid") from None

    def number(self, column: str) -> float:
        try:
            number = float(self[column])
        except ValueError:
            raise RowError(f"{column} is not a number") from None
        if not math.isfinite(number):
            raise RowError(f"{column} is not a number")
        return number

    def instant(self, column: str) -> datetime:
        """The time in UTC, which is also what a time without a zone is taken for."""
        try:
            instant = datetime.fromisoformat(self[column].strip())
            return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            raise RowError(f"{column} is not a time") from None

    def check_texts(self) -> None:
        """The database takes any text but one with a NUL."""
        for column, text in self.values.items():
            if "\0" in text:
                raise RowError(f"{column} holds a NUL character")

    def rejected(self, reason: str) -> RejectedRow:
        return RejectedRow(self.file, self.line, self.session, reason)


def read_rows(path: Path) -> Iterator[Row]:
    csv.field_size_limit(FIELD_LIMIT)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, restval="", strict=True)
            missing = REQUIRED_COLUMNS[path.name] - set(reader.fieldnames or ())
            if missing:
                raise ArenaError("import_columns", f"{path.name} lacks the columns {', '.join(sorted(missing))}.")
            for values in reader:
                values.pop(None, None)  # what stands beyond the last column
                yield Row(path.name, reader.line_num, values)
    except OSError as error:
        raise ArenaError("import_file", f"{path.name} cannot be read: {error.strerror}.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ArenaError("import_file", f"{path.name} is no CSV file in UTF-8: {error}.") from None


def by_session(rows: Iterator[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.session, []).append(row)
    return found


def batches(rows: Iterator[Row], size: int) -> Iterator[list[Row]]:
    while batch := list(itertools.islice(rows, size)):
        yield batch
