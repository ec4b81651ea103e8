"""The files of a dump become media of imported sessions. The worker checks them as any other."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.core.files.base import File
from django.db import IntegrityError, transaction

from arena.models import Source
from evaluations import files
from evaluations.models import Side
from evaluations.roboarena import dump
from evaluations.roboarena.csv_rows import Row, RowError
from evaluations.roboarena.dump import Dump


def take(found: Dump, rows: Sequence[Row], *, now: datetime) -> int:
    """Take in what the sessions of these rows lack; how many files are new. Others are told in `found.rejected`."""
    ids = {_id(row): row for row in rows}
    sides = Side.objects.filter(session__in=[pk for pk in ids if pk], session__source=Source.IMPORTED)
    new = 0
    for side in sides.prefetch_related("media"):
        row = ids[side.session_id]
        new += _of_side(found, row, side, now)
    return new


def _of_side(found: Dump, row: Row, side: Side, now: datetime) -> int:
    has, new = {media.kind for media in side.files}, 0
    for kind, path in dump.files_of(found.folder, row["session_uuid"], side.label).items():
        if kind in has:
            continue
        try:
            with dump.opened(path) as content:
                new += _take(side, kind, File(content), now)
        except RowError as error:
            found.rejected.append(row.rejected(f"side {side.label}: {error}"))
    return new


def _take(side: Side, kind: str, content: "File[bytes]", now: datetime) -> bool:
    if not 0 < content.size <= settings.MAX_UPLOAD_BYTES:
        raise RowError(f"the file for {kind} is empty or too large")
    stored = files.store(kind, content)
    try:
        with transaction.atomic():
            files.attach(side, stored, now=now)
    except IntegrityError:  # somebody else took it in meanwhile
        files.discard([stored])
        return False
    return True


def _id(row: Row) -> uuid.UUID | None:
    try:
        return row.session_id
    except RowError:
        return None
