"""The counted sessions of a scope in the layout in which RoboArena dumps its own (`evaluations.roboarena.dump`).

Beside its keys stand two of ours, the kind of task and the robot: with them an import ranks as the board does.
"""

import re
import shutil
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from django.db.models import QuerySet

from arena.errors import ArenaError
from evaluations import selectors
from evaluations.models import Result, Session, Side
from evaluations.roboarena import dump
from evaluations.scopes import Scope
from reports.exports.writing import LICENCE_NAME

CHUNK = 200
NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._@-]")


@dataclass
class Exported:
    sessions: int = 0
    videos: int = 0
    missing: int = 0
    """Videos whose file is not in the storage any more."""


def counted(scope: Scope) -> QuerySet[Session]:
    """Those that the overall board counts."""
    sessions = scope.sessions().valid().not_excluded().order_by("closed_at", "pk")
    return selectors.with_everything(sessions)


def export(
    folder: Path, *, scope: Scope, with_videos: bool = True, on_session: Callable[[], None] = lambda: None
) -> Exported:
    """Write into a folder that is new or empty. Raises ArenaError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        empty = not any(folder.iterdir())
    except OSError as error:
        raise ArenaError("export_folder", f"{folder} cannot be written to: {error.strerror}.") from None
    if not empty:
        raise ArenaError("export_folder", f"{folder} is not empty.", hint="Name a folder that is new.")
    exported, index = Exported(), defaultdict[str, list[str]](list)
    for session in counted(scope).iterator(CHUNK):
        sides: list[Side] = session.ordered_sides  # type: ignore[attr-defined]
        if len({side.version_id for side in sides}) == len(sides):
            _session(folder, session, sides, exported, with_videos=with_videos)
            for side in sides:
                index[side.version.shown_label].append(str(session.pk))
        on_session()
    _write(folder / dump.GLOBAL, {"licence": LICENCE_NAME, "scope": scope.slug, "policy_index": dict(index)})
    return exported


def _session(folder: Path, session: Session, sides: list[Side], exported: Exported, *, with_videos: bool) -> None:
    own = folder / dump.SESSIONS / str(session.pk)
    own.mkdir(parents=True)
    _write(own / dump.METADATA, _metadata(session, sides))
    exported.sessions += 1
    for side in sides if with_videos else ():
        _videos(own / f"{side.label}_{NOT_IN_NAMES.sub('_', side.version.shown_label)}", side, exported)


def _metadata(session: Session, sides: list[Side]) -> dict[str, Any]:
    results: list[Result] = session.latest_results  # type: ignore[attr-defined]
    assert session.closed_at is not None
    return {
        "evaluation_location": session.lab.name,
        "evaluator_name": session.evaluator_pseudonym,
        "language_instruction": session.instruction,
        "longform_feedback": results[0].notes,
        "policies": {side.label: _policy(side) for side in sides},
        "preference": results[0].preference,
        "session_creation_timestamp": session.opened_at.isoformat(),
        "session_completion_timestamp": session.closed_at.isoformat(),
        dump.ROBOT: session.embodiment.name,
        dump.CATEGORY: session.category.value,
    }


def _policy(side: Side) -> dict[str, Any]:
    episode = side.episode
    return {
        "policy_name": side.version.shown_label,
        "binary_success": int(bool(episode.success)),
        "partial_success": episode.progress,
        "duration": episode.duration_steps,
    }


def _videos(folder: Path, side: Side, exported: Exported) -> None:
    for media in side.videos:
        if not media.file.storage.exists(media.file.name or ""):
            exported.missing += 1
            continue
        folder.mkdir(exist_ok=True)
        target = folder / dump.VIDEO_NAMES.get(media.kind, f"{media.kind}.mp4")
        with media.file.open("rb") as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy)
        exported.videos += 1


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
