"""Questions that are put to the sessions of a board, and the rows that answer each. Pure: needs no database.

A board's input holds every session that has ended, one a row, with the reason why it is left out where it is. A
question picks the rows that belong to it; of these, those without a reason are counted.
"""

import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

# What a value may be: slugs of embodiments and labs, values of categories, quarters.
VALUE = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
QUARTER = re.compile(r"[0-9]{4}-q[1-4]")


class Kind(StrEnum):
    OVERALL = ""
    EMBODIMENT = "embodiment"
    CATEGORY = "category"
    OPEN_SOURCE = "open-source"
    QUARTER = "quarter"
    UNREQUESTED = "unrequested"
    WITHOUT_LAB = "without-lab"


WITH_VALUE = frozenset({Kind.EMBODIMENT, Kind.CATEGORY, Kind.QUARTER, Kind.WITHOUT_LAB})


@dataclass(frozen=True)
class Question:
    kind: Kind = Kind.OVERALL
    value: str = ""

    @property
    def slug(self) -> str:
        """Empty for the overall question."""
        return f"{self.kind}.{self.value}" if self.value else self.kind.value

    def belongs(self, row: dict[str, str]) -> bool:
        match self.kind:
            case Kind.EMBODIMENT:
                return slug_of(row["embodiment"]) == self.value
            case Kind.CATEGORY:
                return row["task_category"] == self.value
            case Kind.OPEN_SOURCE:
                return row["open_source_a"] == row["open_source_b"] == "1"
            case Kind.QUARTER:
                return quarter(row["closed_at"]) == self.value
            case Kind.UNREQUESTED:
                return row["requested"] == "0"
            case Kind.WITHOUT_LAB:
                return row["lab"] != self.value
            case Kind.OVERALL:
                return True


EVERYTHING = Question()


def parse(slug: str) -> Question | None:
    """The question with this slug. None: there is no such question."""
    name, _, value = slug.partition(".")
    if name not in set(Kind):
        return None
    kind = Kind(name)
    pattern = QUARTER if kind is Kind.QUARTER else VALUE
    if kind in WITH_VALUE:
        return Question(kind, value) if pattern.fullmatch(value) else None
    return Question(kind) if slug == kind.value else None


def slug_of(name: str) -> str:
    """How a robot's name stands in a slug."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def quarter(instant: str) -> str:
    """The calendar quarter, as 2026-q4, of an instant in ISO format and UTC."""
    return f"{instant[:4]}-q{(int(instant[5:7]) + 2) // 3}"


@dataclass(frozen=True)
class Selection:
    """The counted rows of a question, as CSV, and how many belong to it and are not counted, by reason."""

    content: bytes
    counted: int
    excluded: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return self.counted + sum(self.excluded.values())

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def select(content: bytes, question: Question) -> Selection:
    """An input without reasons (column left_out) holds counted sessions only, and answers the overall question."""
    reader = csv.DictReader(io.StringIO(content.decode(), newline=""))
    columns = list(reader.fieldnames or ())
    kept: list[dict[str, str]] = []
    excluded: Counter[str] = Counter()
    for row in reader:
        if question.belongs(row):
            if reason := row.get("left_out"):
                excluded[reason] += 1
            else:
                kept.append(row)
    return Selection(_written(columns, kept), len(kept), dict(sorted(excluded.items())))


def _written(columns: list[str], rows: Iterable[dict[str, str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def categories(selection: Selection) -> set[str]:
    """The task categories of the counted rows."""
    rows = csv.DictReader(io.StringIO(selection.content.decode(), newline=""))
    return {row["task_category"] for row in rows}


def facets(content: bytes) -> dict[str, dict[str, int]]:
    """How many counted sessions there are by what a question can ask for."""
    found: dict[Kind, Counter[str]] = {kind: Counter() for kind in Kind if kind is not Kind.OVERALL}
    for row in csv.DictReader(io.StringIO(content.decode(), newline="")):
        if row["left_out"]:
            continue
        found[Kind.EMBODIMENT][slug_of(row["embodiment"])] += 1
        found[Kind.CATEGORY][row["task_category"]] += 1
        found[Kind.QUARTER][quarter(row["closed_at"])] += 1
        found[Kind.WITHOUT_LAB][row["lab"]] += 1
        found[Kind.OPEN_SOURCE][""] += row["open_source_a"] == row["open_source_b"] == "1"
        found[Kind.UNREQUESTED][""] += row["requested"] == "0"
    return {kind.value: dict(sorted(counts.items())) for kind, counts in found.items()}
