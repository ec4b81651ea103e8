"""Evaluations that RoboArena published as a folder of CSV files, read into imported sessions.

`sessions.csv` is streamed; the episodes and tags that belong to its rows are kept in memory by session. Each session is
taken whole or not at all, and a row that cannot be taken is reported with its reason. Reading the same folder again
adds only what is new: a session is known by its uuid.
"""

import csv
import itertools
import math
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils.text import slugify

from arena import audit, labs
from arena.errors import ArenaError
from arena.jobs import Job, enqueue
from arena.models import Embodiment, Lab, Policy, PolicyVersion, Source
from evaluations.categories import intended_category
from evaluations.models import Episode, Label, Preference, Result, Session, Side, State, TaskCategory
from evaluations.reasons import Reason

BATCH = 200
FIELD_LIMIT = 1024 * 1024
SESSIONS, EPISODES, TAGS = "sessions.csv", "episodes.csv", "tags.csv"
REQUIRED_COLUMNS = {
    SESSIONS: {"session_uuid", "status", "lab", "evaluator", "robot", "created_at", "completed_at"}
    | {"policy_a", "policy_b", "preference", "instruction", "notes"},
    EPISODES: {"session_uuid", "label", "policy", "binary_success", "progress", "duration_steps"}
    | {"mean_latency_s", "third_person_camera", "recorded_at"},
    TAGS: {"session_uuid", "task_category"},
}
OUTCOMES: dict[str, tuple[State, bool | None, str]] = {
    "valid": (State.SUBMITTED, True, ""),
    "invalid": (State.SUBMITTED, False, Reason.IMPORTED_INVALID),
    "timed_out": (State.EXPIRED, None, Reason.IMPORTED_TIMED_OUT),
}
CATEGORIES = {str(label): TaskCategory(value) for value, label in TaskCategory.choices}


class RowError(Exception):
    """This row cannot be taken; the message says why."""


@dataclass(frozen=True)
class RejectedRow:
    file: str
    line: int
    session: str
    reason: str


@dataclass
class ImportReport:
    sessions: int = 0
    created: int = 0
    valid: int = 0
    rejected: list[RejectedRow] = field(default_factory=list)


@dataclass(frozen=True)
class _Row:
    file: str
    line: int
    values: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]

    @property
    def session(self) -> str:
        return self.values["session_uuid"].strip().lower()

    def rejected(self, reason: str) -> RejectedRow:
        return RejectedRow(self.file, self.line, self.session, reason)


@dataclass(frozen=True)
class _Taken:
    """One session with all that belongs to it, checked and not yet stored."""

    session: Session
    sides: list[Side]
    episodes: list[Episode]
    result: Result | None


def import_folder(
    folder: Path, *, version: str = "imported", on_row: Callable[[], None] = lambda: None
) -> ImportReport:
    """Read the folder; see the module. Raises ArenaError where a file is missing or has not the columns it should."""
    if not folder.is_dir():
        raise ArenaError("import_folder", f"{folder} is not a folder.")
    importer = _Importer(folder, version)
    for batch in _batches(_rows(folder / SESSIONS), BATCH):
        importer.take(batch)
        for _ in batch:
            on_row()
    importer.report_strays()
    audit.record("import:roboarena", subject=f"import:{folder.name}", created=importer.report.created)
    if importer.report.created:
        enqueue(Job.RECOMPUTE_BOARDS)
    return importer.report


def count_rows(folder: Path) -> int:
    try:
        return sum(1 for _ in _rows(folder / SESSIONS))
    except ArenaError:
        return 0


class _Importer:
    def __init__(self, folder: Path, version: str) -> None:
        self.report = ImportReport()
        self._version = version
        self._episodes = _by_session(_rows(folder / EPISODES))
        self._tags = _by_session(_rows(folder / TAGS)) if (folder / TAGS).exists() else {}
        self._seen: set[str] = set()
        self._labs: dict[str, Lab] = {}
        self._embodiments: dict[str, Embodiment] = {}
        self._versions: dict[str, PolicyVersion] = {}

    @transaction.atomic
    def take(self, rows: list[_Row]) -> None:
        known = dict(Session.objects.filter(pk__in=_uuids(rows)).values_list("pk", "source"))
        fresh: list[_Taken] = []
        for row in rows:
            try:
                taken = self._read(row, known)
            except RowError as error:
                self.report.rejected.append(row.rejected(str(error)))
                continue
            self.report.sessions += 1
            self.report.valid += row["status"] == "valid"
            if taken is not None:
                fresh.append(taken)
        _store(fresh)
        self.report.created += len(fresh)

    def report_strays(self) -> None:
        """Episodes and tags of sessions that the folder does not hold."""
        for rows in (self._episodes, self._tags):
            for row in itertools.chain.from_iterable(rows.values()):
                if row.session not in self._seen:
                    self.report.rejected.append(row.rejected("its session is not in sessions.csv"))

    def _read(self, row: _Row, known: dict[uuid.UUID, str]) -> _Taken | None:
        """The row's session with its sides and result; None where it is here already."""
        session_id = _uuid(row.session)
        if row.session in self._seen:
            raise RowError("the same session stands twice in the file")
        self._seen.add(row.session)
        if known.get(session_id, Source.IMPORTED) != Source.IMPORTED:
            raise RowError("a session of this installation has the same id")
        episodes = self._episodes_of(row)
        if session_id in known:
            return None
        session = self._session(session_id, row)
        sides = [
            Side(session=session, label=label, version=self._policy(row[column], session))
            for label, column in ((Label.A, "policy_a"), (Label.B, "policy_b"))
        ]
        ended = _instant(row, "completed_at")
        kept = [_episode(side, episodes[side.label], ended) for side in sides if side.label in episodes]
        return _Taken(session, sides, kept, _result(session, row, ended))

    def _episodes_of(self, row: _Row) -> dict[str, _Row]:
        """The session's episode rows by label; a row that is wrong in itself is left out and reported."""
        if row["status"] not in OUTCOMES:
            raise RowError(f"unknown status {row['status']!r}")
        found: dict[str, _Row] = {}
        for episode in self._episodes.get(row.session, ()):
            try:
                _check_episode(episode, row, found)
            except RowError as error:
                self.report.rejected.append(episode.rejected(str(error)))
                continue
            found[episode["label"]] = episode
        if row["status"] == "valid" and len(found) < len(Label):
            raise RowError("it is marked valid but lacks an episode")
        return found

    def _session(self, session_id: uuid.UUID, row: _Row) -> Session:
        state, valid, reason = OUTCOMES[row["status"]]
        instruction = row["instruction"].strip()
        return Session(
            id=session_id,
            state=state,
            valid=valid,
            reason=reason,
            source=Source.IMPORTED,
            lab=self._lab(row["lab"].strip() or "unknown"),
            evaluator_alias=row["evaluator"].strip()[:80],
            embodiment=self._embodiment(row["robot"].strip()),
            instruction=instruction,
            intended_category=intended_category(instruction),
            tagged_category=self._tag(row.session),
            opened_at=_instant(row, "created_at"),
            closed_at=_instant(row, "completed_at"),
        )

    def _tag(self, session: str) -> str:
        for tag in self._tags.get(session, ()):
            category = CATEGORIES.get(tag["task_category"])
            if category is not None:
                return category
            self.report.rejected.append(tag.rejected(f"unknown task category {tag['task_category']!r}"))
        return ""

    def _lab(self, name: str) -> Lab:
        if name not in self._labs:
            known = Lab.objects.filter(source=Source.IMPORTED, name__iexact=name).first()
            self._labs[name] = known or _row_error(lambda: labs.create_lab(name=name, source=Source.IMPORTED))
        return self._labs[name]

    def _embodiment(self, name: str) -> Embodiment:
        if name not in self._embodiments:
            self._embodiments[name] = _row_error(lambda: labs.embodiment_named(name))
        return self._embodiments[name]

    def _policy(self, name: str, session: Session) -> PolicyVersion:
        name = name.strip()
        if not name or len(name) > 80:
            raise RowError("a policy is not named")
        if name not in self._versions:
            policy = Policy.objects.filter(source=Source.IMPORTED, name=name).first() or _new_policy(name)
            self._versions[name], _ = PolicyVersion.objects.get_or_create(
                policy=policy,
                version=self._version,
                defaults={"embodiment": session.embodiment, "pool": PolicyVersion.Pool.RETIRED},
            )
        return self._versions[name]


def _new_policy(name: str) -> Policy:
    slug = slugify(name)[:70]
    if not slug:
        raise RowError(f"the policy name {name!r} has no letter or digit")
    if Policy.objects.filter(slug=slug).exists():
        slug = f"{slug}-imported"
    return Policy.objects.create(slug=slug, name=name, source=Source.IMPORTED)


def _check_episode(episode: _Row, session: _Row, found: dict[str, _Row]) -> None:
    label = episode["label"]
    if label not in Label.values:
        raise RowError(f"unknown label {label!r}")
    if label in found:
        raise RowError(f"a second episode of side {label}")
    if episode["policy"] != session["policy_a" if label == Label.A else "policy_b"]:
        raise RowError("its policy is not the one of its side")
    if not 0 <= _number(episode, "progress") <= 1:
        raise RowError("progress is not between 0 and 1")
    if episode["binary_success"] not in {"0", "1"}:
        raise RowError("binary_success is neither 0 nor 1")
    if not episode["duration_steps"].isdecimal() or len(episode["duration_steps"]) > 9:
        raise RowError("duration_steps is not a whole number")
    if episode["mean_latency_s"] and _number(episode, "mean_latency_s") < 0:
        raise RowError("mean_latency_s is negative")


def _episode(side: Side, row: _Row, ended: datetime) -> Episode:
    return Episode(
        side=side,
        progress=_number(row, "progress"),
        success=row["binary_success"] == "1",
        duration_steps=int(row["duration_steps"]),
        reported_latency_s=_number(row, "mean_latency_s") if row["mean_latency_s"] else None,
        camera=row["third_person_camera"][:40],
        recorded_at=row["recorded_at"][:40],
        received_at=ended,
    )


def _result(session: Session, row: _Row, ended: datetime) -> Result | None:
    preference = row["preference"]
    if preference and preference not in Preference.values:
        raise RowError(f"unknown preference {preference!r}")
    if session.valid and not preference:
        raise RowError("it is marked valid but has no preference")
    if session.state != State.SUBMITTED:
        return None
    return Result(session=session, preference=preference, notes=row["notes"], submitted_at=ended)


def _store(taken: list[_Taken]) -> None:
    Session.objects.bulk_create(one.session for one in taken)
    Side.objects.bulk_create(side for one in taken for side in one.sides)
    Episode.objects.bulk_create(episode for one in taken for episode in one.episodes)
    Result.objects.bulk_create(one.result for one in taken if one.result is not None)


def _rows(path: Path) -> Iterator[_Row]:
    csv.field_size_limit(FIELD_LIMIT)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, restval="", strict=True)
            missing = REQUIRED_COLUMNS[path.name] - set(reader.fieldnames or ())
            if missing:
                raise ArenaError("import_columns", f"{path.name} lacks the columns {', '.join(sorted(missing))}.")
            for values in reader:
                values.pop(None, None)  # what stands beyond the last column
                yield _Row(path.name, reader.line_num, values)
    except OSError as error:
        raise ArenaError("import_file", f"{path.name} cannot be read: {error.strerror}.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ArenaError("import_file", f"{path.name} is no CSV file in UTF-8: {error}.") from None


def _by_session(rows: Iterator[_Row]) -> dict[str, list[_Row]]:
    found: dict[str, list[_Row]] = {}
    for row in rows:
        found.setdefault(row.session, []).append(row)
    return found


def _batches(rows: Iterator[_Row], size: int) -> Iterator[list[_Row]]:
    while batch := list(itertools.islice(rows, size)):
        yield batch


def _uuids(rows: list[_Row]) -> list[uuid.UUID]:
    found = []
    for row in rows:
        try:
            found.append(_uuid(row.session))
        except RowError:
            continue
    return found


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise RowError("session_uuid is not a uuid") from None


def _instant(row: _Row, column: str) -> datetime:
    try:
        instant = datetime.fromisoformat(row[column].strip())
    except ValueError:
        raise RowError(f"{column} is not a time") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _number(row: _Row, column: str) -> float:
    try:
        number = float(row[column])
    except ValueError:
        raise RowError(f"{column} is not a number") from None
    if not math.isfinite(number):
        raise RowError(f"{column} is not a number")
    return number


def _row_error(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except ArenaError as error:
        raise RowError(error.message) from None
