"""Evaluations that RoboArena published, as a folder of CSV files or as a dump (`dump`), read into imported sessions.

`sessions.csv` is streamed; the episodes and tags that belong to its rows are kept in memory by session. Each session is
taken whole or not at all, and a row that cannot be taken is reported with its reason and leaves nothing behind. Reading
the same folder again adds only what is new: a session is known by its uuid, and tags that it lacks are added to it.
"""

import contextlib
import itertools
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from arena import audit, labs
from arena.errors import ArenaError
from arena.jobs import Job, enqueue
from arena.models import AuditEvent, Embodiment, Lab, Policy, PolicyVersion, Source
from evaluations.categories import intended_category
from evaluations.models import Episode, Label, Preference, Result, Session, Side, State, TaskCategory
from evaluations.reasons import Reason
from evaluations.roboarena import dump, dump_media, imported_tags
from evaluations.roboarena.csv_rows import (
    EPISODES,
    SESSIONS,
    TAGS,
    RejectedRow,
    Row,
    RowError,
    batches,
    by_session,
    read_rows,
)
from evaluations.roboarena.dump import Dump

BATCH = 200
SUBJECT_LENGTH = AuditEvent._meta.get_field("subject").max_length
NAME_LENGTH = 120
OUTCOMES: dict[str, tuple[State, bool | None, str]] = {
    "valid": (State.SUBMITTED, True, ""),
    "invalid": (State.SUBMITTED, False, Reason.IMPORTED_INVALID),
    "timed_out": (State.EXPIRED, None, Reason.IMPORTED_TIMED_OUT),
}


@dataclass
class ImportReport:
    sessions: int = 0
    created: int = 0
    valid: int = 0
    tagged: int = 0
    """Of so many sessions the tags are new."""
    files: int = 0
    """So many videos and trajectories of a dump are new."""
    rejected: list[RejectedRow] = field(default_factory=list)


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
    found = Dump(folder) if dump.is_dump(folder) else None
    sessions = found.sessions() if found else read_rows(folder / SESSIONS)
    importer = _dump_importer(found, version) if found else _csv_importer(folder, version)
    for batch in batches(sessions, BATCH):
        importer.take(batch)
        if found:
            importer.report.files += dump_media.take(found, batch, now=timezone.now())
        for _ in batch:
            on_row()
    if found:
        importer.report.rejected += found.rejected
    else:
        importer.report_strays()
    audit.record("import:roboarena", subject=f"import:{folder.name}"[:SUBJECT_LENGTH], created=importer.report.created)
    if importer.report.created or importer.report.tagged:
        enqueue(Job.RECOMPUTE_BOARDS)
    return importer.report


def count_rows(folder: Path) -> int:
    if dump.is_dump(folder):
        return len(dump.session_names(folder))
    try:
        return sum(1 for _ in read_rows(folder / SESSIONS))
    except ArenaError:
        return 0


def _csv_importer(folder: Path, version: str) -> "_Importer":
    tags = by_session(read_rows(folder / TAGS)) if (folder / TAGS).exists() else {}
    return _Importer(by_session(read_rows(folder / EPISODES)), tags, version)


def _dump_importer(found: Dump, version: str) -> "_Importer":
    return _Importer(found.episodes, {}, version)


class _Importer:
    def __init__(self, episodes: dict[str, list[Row]], tags: dict[str, list[Row]], version: str) -> None:
        self.report = ImportReport()
        self._now = timezone.now()
        self._version = version
        self._episodes = episodes
        self._tags = tags
        self._seen: set[str] = set()
        self._labs: dict[str, Lab] = {}
        self._embodiments: dict[str, Embodiment] = {}
        self._versions: dict[str, PolicyVersion] = {}

    @transaction.atomic
    def take(self, rows: list[Row]) -> None:
        known = dict(Session.objects.filter(pk__in=_session_ids(rows)).values_list("pk", "source"))
        fresh: list[_Taken] = []
        tags: dict[uuid.UUID, dict[str, str]] = {}
        for row in rows:
            try:
                taken = self._read(row, known)
            except RowError as error:
                self.report.rejected.append(row.rejected(str(error)))
                continue
            self.report.sessions += 1
            self.report.valid += row["status"] == "valid"
            if said := self._tags_of(row.session):
                tags[row.session_id] = said
            if taken is not None:
                fresh.append(taken)
        _store(fresh)
        self.report.created += len(fresh)
        self.report.tagged += imported_tags.store(tags, now=self._now)

    def report_strays(self) -> None:
        """Episodes and tags of sessions that the folder does not hold."""
        for rows in (self._episodes, self._tags):
            for row in itertools.chain.from_iterable(rows.values()):
                if row.session not in self._seen:
                    self.report.rejected.append(row.rejected("its session is not in sessions.csv"))

    def _read(self, row: Row, known: dict[uuid.UUID, str]) -> _Taken | None:
        """The row's session with its sides and result; None where it is here already."""
        session_id = row.session_id
        if row.session in self._seen:
            raise RowError("the same session stands twice in the file")
        self._seen.add(row.session)
        if known.get(session_id, Source.IMPORTED) != Source.IMPORTED:
            raise RowError("a session of this installation has the same id")
        _check_session(row)
        episodes = self._episodes_of(row)
        if session_id in known:
            return None
        session, versions = self._session(session_id, row)
        sides = [Side(session=session, label=label, version=version) for label, version in versions.items()]
        ended = row.instant("completed_at")
        kept = [_episode(side, episodes[side.label], ended) for side in sides if side.label in episodes]
        return _Taken(session, sides, kept, _result(session, row, ended))

    def _episodes_of(self, row: Row) -> dict[str, Row]:
        """The session's episode rows by label; a row that is wrong in itself is left out and reported."""
        found: dict[str, Row] = {}
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

    def _session(self, session_id: uuid.UUID, row: Row) -> tuple[Session, dict[Label, PolicyVersion]]:
        state, valid, reason = OUTCOMES[row["status"]]
        instruction = row["instruction"].strip()
        lab, embodiment, versions = self._named(row)
        session = Session(
            id=session_id,
            state=state,
            valid=valid,
            reason=reason,
            source=Source.IMPORTED,
            lab=lab,
            evaluator_alias=row["evaluator"].strip()[:80],
            embodiment=embodiment,
            instruction=instruction,
            intended_category=_told_category(row) or intended_category(instruction),
            opened_at=row.instant("created_at"),
            closed_at=row.instant("completed_at"),
            revealed_at=row.instant("completed_at"),
        )
        return session, versions

    def _named(self, row: Row) -> tuple[Lab, Embodiment, dict[Label, PolicyVersion]]:
        """What the row names, made where it is new; nothing is made where one of the names cannot be taken."""
        try:
            with transaction.atomic():
                lab = self._lab(row["lab"].strip() or "unknown")
                embodiment = self._embodiment(row["robot"].strip())
                versions = {label: self._version_of(name, embodiment) for label, name in _policies(row).items()}
        except RowError:
            for remembered in (self._labs, self._embodiments, self._versions):
                remembered.clear()  # some of it may have been made for this row
            raise
        return lab, embodiment, versions

    def _tags_of(self, session: str) -> dict[str, str]:
        for tag in self._tags.get(session, ()):
            try:
                return imported_tags.answers_of(tag)
            except RowError as error:
                self.report.rejected.append(tag.rejected(str(error)))
        return {}

    def _lab(self, name: str) -> Lab:
        if name not in self._labs:
            known = Lab.objects.filter(source=Source.IMPORTED, name__iexact=name).first()
            self._labs[name] = known or _row_error(lambda: labs.create_lab(name=name, source=Source.IMPORTED))
        return self._labs[name]

    def _embodiment(self, name: str) -> Embodiment:
        if name not in self._embodiments:
            self._embodiments[name] = _row_error(lambda: labs.embodiment_named(name))
        return self._embodiments[name]

    def _version_of(self, name: str, embodiment: Embodiment) -> PolicyVersion:
        if name not in self._versions:
            policy = Policy.objects.filter(source=Source.IMPORTED, name=name).first() or _new_policy(name)
            self._versions[name], _ = PolicyVersion.objects.get_or_create(
                policy=policy,
                version=self._version,
                defaults={"embodiment": embodiment, "pool": PolicyVersion.Pool.RETIRED},
            )
        return self._versions[name]


def _new_policy(name: str) -> Policy:
    stem = slugify(name)[:60]
    numbered = (f"{stem}-imported-{number}" for number in itertools.count(2))
    slugs = itertools.chain((stem, f"{stem}-imported"), numbered)
    slug = next(slug for slug in slugs if not Policy.objects.filter(slug=slug).exists())
    return Policy.objects.create(slug=slug, name=name, source=Source.IMPORTED)


def _policies(row: Row) -> dict[Label, str]:
    return {Label.A: row["policy_a"].strip(), Label.B: row["policy_b"].strip()}


def _told_category(row: Row) -> str:
    """What our own exports say beside what RoboArena does."""
    told = row.values.get(dump.CATEGORY, "")
    return told if told in TaskCategory.values else ""


def _check_session(row: Row) -> None:
    """Whatever can be wrong in the row by itself."""
    row.check_texts()
    row.instant("created_at")
    row.instant("completed_at")
    if row["status"] not in OUTCOMES:
        raise RowError(f"unknown status {row['status']!r}")
    if row["preference"] and row["preference"] not in Preference.values:
        raise RowError(f"unknown preference {row['preference']!r}")
    if row["status"] == "valid" and not row["preference"]:
        raise RowError("it is marked valid but has no preference")
    names = _policies(row)
    for name in names.values():
        if not name or len(name) > NAME_LENGTH:
            raise RowError("a policy is not named")
        if not slugify(name):
            raise RowError(f"the policy name {name!r} has no letter or digit")
    if names[Label.A] == names[Label.B]:
        raise RowError("a policy is compared with itself")


def _check_episode(episode: Row, session: Row, found: dict[str, Row]) -> None:
    episode.check_texts()
    label = episode["label"]
    if label not in Label.values:
        raise RowError(f"unknown label {label!r}")
    if label in found:
        raise RowError(f"a second episode of side {label}")
    if episode["policy"] != session["policy_a" if label == Label.A else "policy_b"]:
        raise RowError("its policy is not the one of its side")
    if not 0 <= episode.number("progress") <= 1:
        raise RowError("progress is not between 0 and 1")
    if episode["binary_success"] not in {"0", "1"}:
        raise RowError("binary_success is neither 0 nor 1")
    if not episode["duration_steps"].isdecimal() or len(episode["duration_steps"]) > 9:
        raise RowError("duration_steps is not a whole number")
    if episode["mean_latency_s"] and episode.number("mean_latency_s") < 0:
        raise RowError("mean_latency_s is negative")


def _episode(side: Side, row: Row, ended: datetime) -> Episode:
    return Episode(
        side=side,
        progress=row.number("progress"),
        success=row["binary_success"] == "1",
        duration_steps=int(row["duration_steps"]),
        reported_latency_s=row.number("mean_latency_s") if row["mean_latency_s"] else None,
        camera=row["third_person_camera"][:40],
        recorded_at=row["recorded_at"][:40],
        received_at=ended,
    )


def _result(session: Session, row: Row, ended: datetime) -> Result | None:
    if session.state != State.SUBMITTED:
        return None
    return Result(session=session, preference=row["preference"], notes=row["notes"], submitted_at=ended)


def _store(taken: list[_Taken]) -> None:
    Session.objects.bulk_create(one.session for one in taken)
    Side.objects.bulk_create(side for one in taken for side in one.sides)
    Episode.objects.bulk_create(episode for one in taken for episode in one.episodes)
    Result.objects.bulk_create(one.result for one in taken if one.result is not None)


def _session_ids(rows: list[Row]) -> list[uuid.UUID]:
    found = []
    for row in rows:
        with contextlib.suppress(RowError):
            found.append(row.session_id)
    return found


def _row_error(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except ArenaError as error:
        raise RowError(error.message) from None
