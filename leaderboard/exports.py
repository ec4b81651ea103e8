"""A snapshot as one file: its input and all that is needed to compute it anew, elsewhere and without a database.

The input holds every session of the scope that has ended; the board's slug says which of them answer its question.
"""

import io
import json
import zipfile
from typing import Any

from leaderboard import inputs
from leaderboard.models import Snapshot

FORMAT = "policy-arena-snapshot/1"
INPUT = "input.csv"
MANIFEST = "snapshot.json"
# The same snapshot gives the same bytes: an archive's earliest date stands in for the time of packing.
PACKED_AT = (1980, 1, 1, 0, 0, 0)


def manifest(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "snapshot": snapshot.pk,
        "board": snapshot.board,
        "created_at": snapshot.created_at.isoformat(),
        "input_sha256": snapshot.input_id,
        "model": snapshot.model,
        "settings": snapshot.settings,
        "code_version": snapshot.code_version,
        "season": snapshot.season,
        "total": snapshot.total,
        "counted": snapshot.counted,
        "excluded": snapshot.excluded,
        "result": snapshot.result,
    }


def archive(snapshot: Snapshot) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, content in (
            (INPUT, inputs.content_of(snapshot.input)),
            (MANIFEST, json.dumps(manifest(snapshot), indent=1).encode()),
        ):
            entry = zipfile.ZipInfo(name, PACKED_AT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, content)
    return packed.getvalue()
