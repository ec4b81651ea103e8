"""Exports are ordered, made and removed here. The row is the order; a job is only a nudge to make it.

There is one a day at most, and only where something was published since the last one.
"""

import hashlib
import json
import logging
import secrets
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Count, F, Max, Q, QuerySet

from arena import audit
from arena.errors import NotFound
from arena.jobs import Job, enqueue
from arena.models import PolicyVersion
from evaluations import storage
from evaluations.models import Appeal, Exclusion, MediaFile, Result, Session, Tag
from evaluations.models.sessions import LIFTED
from reports.exports import writing
from reports.exports.schema import SCHEMA_VERSION
from reports.exports.tables import latest_snapshots
from reports.exports.writing import Written
from reports.models import DataExport, ExportFile

logger = logging.getLogger(__name__)

CLAIM = timedelta(minutes=20)
"""Longer than any task may run."""
MAX_ATTEMPTS = 3
ROOT = "exports"
FAILED = "It failed unexpectedly; the log has the rest."

State = DataExport.State


def find(*, now: datetime) -> None:
    """Order the day's export where something is new, ask again for what nobody is at, remove what is too old."""
    order(now=now)
    for export in DataExport.objects.filter(_claimable(now)):
        enqueue(Job.MAKE_EXPORT, export_id=export.pk)
    remove_old(now=now)


def order(*, now: datetime) -> DataExport | None:
    """None: there is one of this day, nothing is published yet, or nothing is new."""
    day = now.date()
    if DataExport.objects.filter(day=day).exists() or not Session.objects.public().exists():
        return None
    found, last = reading(), DataExport.objects.filter(state=State.MADE).first()
    if last is not None and (last.reading, last.schema_version) == (found, SCHEMA_VERSION):
        return None
    fields = {"reading": found, "schema_version": SCHEMA_VERSION, "asked_at": now}
    export, created = DataExport.objects.get_or_create(day=day, defaults=fields)
    return export if created else None


def make(*, export_id: int, now: datetime) -> None:
    """Make an export that waits. Whoever claims it makes it; a repeat does nothing."""
    due = DataExport.objects.filter(_claimable(now), pk=export_id)
    if not due.update(state=State.RUNNING, claimed_at=now, attempts=F("attempts") + 1):
        return
    export = DataExport.objects.get(pk=export_id)
    if export.attempts > MAX_ATTEMPTS:
        _fail(export, "Its worker ended at it, again and again.")
        return
    try:
        _make(export, now)
    except Exception:
        logger.exception("%s could not be made", export)
        if export.attempts == MAX_ATTEMPTS:
            _fail(export, FAILED)
        else:
            _claimed(export).update(problem=FAILED)  # tried again when the claim is over


def kept() -> QuerySet[DataExport]:
    """Those that can be downloaded, the latest first."""
    return DataExport.objects.filter(state=State.MADE, removed_at=None).prefetch_related("files")


def waiting() -> DataExport | None:
    """The one that is ordered and not made yet, or could not be made, where it is later than all that were."""
    last = DataExport.objects.first()
    return last if last is not None and last.state != State.MADE else None


def file_named(*, day: str, name: str) -> ExportFile:
    """Raises NotFound."""
    found = ExportFile.objects.filter(name=name, export__removed_at=None).select_related("export")
    file = next((one for one in found if one.export.day.isoformat() == day), None)
    if file is None or not default_storage.exists(file.path):
        raise NotFound(
            "export_unknown", "There is no such file.", hint="Old exports are removed; /data lists the rest."
        )
    return file


def reading() -> str:
    """A hash that changes whenever something is published, taken back or named."""
    sessions = Session.objects.public().aggregate(n=Count("pk"), last=Max("revealed_at"))
    public = Q(session__in=Session.objects.public())
    counts = [
        Result.objects.filter(public).count(),
        Exclusion.objects.filter(public).count(),
        Appeal.objects.filter(state=LIFTED).count(),
        Tag.objects.filter(public).count(),
        MediaFile.objects.exclude(check_state=MediaFile.Check.PENDING).filter(withdrawn_at=None).count(),
        PolicyVersion.objects.filter(listed_at__isnull=False).count(),
    ]
    snapshots = sorted(latest_snapshots().values_list("pk", flat=True))
    facts = [sessions["n"], str(sessions["last"]), counts, snapshots]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def remove_old(*, now: datetime) -> None:
    """Remove the files of all but the latest EXPORTS_KEPT exports. Their rows stay."""
    for export in kept()[settings.EXPORTS_KEPT :]:
        if DataExport.objects.filter(pk=export.pk, removed_at=None).update(removed_at=now):
            _remove(export.folder, [file.name for file in export.files.all()])


def _make(export: DataExport, now: datetime) -> None:
    folder = f"{ROOT}/{export.day.isoformat()}-{secrets.token_hex(4)}"
    names: list[str] = []
    with tempfile.TemporaryDirectory(dir=_working_folder()) as made:
        files = writing.write(Path(made), day=export.day)
        try:
            for file in files:
                names.append(file.name)
                storage.take_in(Path(made) / file.name, f"{folder}/{file.name}")
            kept = _keep(export, files, folder, now)
        except BaseException:
            _remove(folder, names)
            raise
    if not kept:  # somebody else made it meanwhile
        _remove(folder, names)


@transaction.atomic
def _keep(export: DataExport, files: list[Written], folder: str, now: datetime) -> bool:
    sessions = next(file.rows or 0 for file in files if file.name.startswith("sessions."))
    fields = {"state": State.MADE, "made_at": now, "folder": folder, "sessions": sessions, "problem": ""}
    if not _claimed(export).update(**fields):
        return False
    ExportFile.objects.bulk_create(ExportFile(export=export, **vars(file)) for file in files)
    audit.record("export:made", subject=f"export:{export.day}", sessions=sessions)
    return True


def _claimed(export: DataExport) -> QuerySet[DataExport]:
    return DataExport.objects.filter(pk=export.pk, state=State.RUNNING, claimed_at=export.claimed_at)


def _fail(export: DataExport, problem: str) -> None:
    if _claimed(export).update(state=State.FAILED, problem=problem):
        audit.record("export:failed", subject=f"export:{export.day}", reason=problem)


def _claimable(now: datetime) -> Q:
    return Q(state=State.WAITING) | Q(state=State.RUNNING, claimed_at__lt=now - CLAIM)


def _working_folder() -> Path:
    folder = storage.partial_folder()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _remove(folder: str, names: list[str]) -> None:
    for name in names:
        default_storage.delete(f"{folder}/{name}")
    default_storage.delete(folder)
