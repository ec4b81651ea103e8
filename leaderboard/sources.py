"""What `rank` can read: a CSV of comparisons, a snapshot's export, a folder of evaluations that RoboArena published."""

import hashlib
import io
import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from arena.errors import ArenaError
from evaluations.roboarena import csv_rows
from evaluations.roboarena.csv_rows import EPISODES, SESSIONS, TAGS, Row, RowError
from leaderboard.comparison_csv import COLUMNS, BadRow, Table, read_table, row_error
from leaderboard.exports import FORMAT, INPUT, MANIFEST
from leaderboard.questions import EVERYTHING, Question, parse, select
from leaderboard.ranking import Comparisons

Opened = Callable[[], IO[bytes]]
HASHED_AT_ONCE = 1024 * 1024
HEADER_LIMIT = 64 * 1024
MANIFEST_LIMIT = 256 * 1024 * 1024


@dataclass(frozen=True)
class Source:
    """Comparisons as they were found. excluded: sessions that do not count, by reason. manifest: of an export."""

    kind: str
    comparisons: Comparisons
    repeated: int = 0
    excluded: dict[str, int] = field(default_factory=dict)
    manifest: dict[str, Any] | None = None


def read(path: Path, *, names: Mapping[str, str] | None = None) -> Source:
    """The comparisons at a path. names: see `read_table`; for a CSV alone. Raises ArenaError."""
    if path.is_dir() and (path / SESSIONS).exists():
        _require_no_names(names, path)
        return _read_roboarena(path)
    if path.is_dir():
        _require_no_names(names, path)
        return _read_export(path.name, lambda: (path / INPUT).open("rb"), lambda: (path / MANIFEST).open("rb"))
    if not path.exists():
        raise ArenaError("table_file", f"There is no {path}.")
    if zipfile.is_zipfile(path):
        _require_no_names(names, path)
        return _read_archive(path)
    if path.name == INPUT and path.with_name(MANIFEST).exists() and not names:
        return _read_export(path.name, lambda: path.open("rb"), lambda: path.with_name(MANIFEST).open("rb"))
    table = read_table(_counted(path), file=path.name, names=names)
    return Source("csv", table.comparisons(), repeated=table.repeated)


def _counted(path: Path) -> Opened:
    """The file; of an input that was downloaded alone, which tells what is left out, the rows that are counted."""
    with path.open("rb") as file:
        header = file.readline(HEADER_LIMIT).rstrip(b"\r\n").split(b",")
    if header[0] == b"session" and header[-1] == b"left_out":
        content = select(path.read_bytes(), EVERYTHING).content
        return lambda: io.BytesIO(content)
    return lambda: path.open("rb")


def _require_no_names(names: Mapping[str, str] | None, path: Path) -> None:
    if names:
        raise ArenaError("bad_map", f"--map is for a CSV file; the columns of {path.name} are known.")


def _read_archive(path: Path) -> Source:
    try:
        with zipfile.ZipFile(path) as archive:
            return _read_export(path.name, lambda: archive.open(INPUT), lambda: archive.open(MANIFEST))
    except (zipfile.BadZipFile, zlib.error, KeyError, RuntimeError, NotImplementedError, EOFError) as error:
        raise _damaged(path.name, f"it is no archive with {INPUT} and {MANIFEST} ({error})") from None


def _read_export(name: str, opened_input: Opened, opened_manifest: Opened) -> Source:
    try:
        with opened_manifest() as file:
            manifest = _manifest(name, file.read(MANIFEST_LIMIT))
        with opened_input() as file:
            digest = _sha256(file)
    except OSError as error:
        raise ArenaError(
            "table_file",
            f"{name} holds neither {SESSIONS} nor {INPUT} and {MANIFEST}: {error.strerror or error}.",
        ) from None
    if digest != manifest["input_sha256"]:
        raise _damaged(name, f"{INPUT} is not the input that {MANIFEST} speaks of: their SHA-256 differ")
    with opened_input() as file:
        selection = select(file.read(), _question(name, manifest))
    table = read_table(lambda: io.BytesIO(selection.content), file=INPUT)
    return Source("snapshot", table.comparisons(), table.repeated, dict(manifest["excluded"]), manifest)


def _question(name: str, manifest: dict[str, Any]) -> Question:
    """What the board of an export asks; without a word of it everything."""
    board = str(manifest.get("board", ""))
    question = parse(board.partition(".")[2])
    if question is None:
        raise _damaged(name, f"{MANIFEST} speaks of a board {board[:60]!r}, which is not known")
    return question


def _manifest(name: str, content: bytes) -> dict[str, Any]:
    try:
        manifest = json.loads(content)
    except (ValueError, RecursionError):
        raise _damaged(name, f"{MANIFEST} is not JSON") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise _damaged(name, f"{MANIFEST} is not of the format {FORMAT}")
    kinds = {
        "model": str,
        "settings": dict,
        "input_sha256": str,
        "code_version": str,
        "excluded": dict,
        "result": dict,
    }
    wrong = [key for key, kind in kinds.items() if not isinstance(manifest.get(key), kind)]
    if wrong:
        raise _damaged(name, f"{MANIFEST} lacks {', '.join(wrong)}")
    return manifest


def _damaged(name: str, what: str) -> ArenaError:
    return ArenaError("export_damaged", f"{name} cannot be used: {what}.")


def _sha256(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while piece := file.read(HASHED_AT_ONCE):
        digest.update(piece)
    return digest.hexdigest()


def _read_roboarena(folder: Path) -> Source:
    """Sessions marked valid, with the progress of their episodes and the category of their tag where there is one."""
    episodes = csv_rows.by_session(csv_rows.read_rows(folder / EPISODES))
    tags = csv_rows.by_session(csv_rows.read_rows(folder / TAGS)) if (folder / TAGS).exists() else {}
    excluded: Counter[str] = Counter()
    lines: list[int] = []
    rows: list[dict[str, str]] = []
    seen: set[str] = set()
    for row in csv_rows.read_rows(folder / SESSIONS):
        if row["status"] != "valid":
            excluded[row["status"].strip() or "unknown"] += 1
            continue
        if row.session in seen:
            raise row_error(SESSIONS, row.line, "the same session stands twice in the file")
        seen.add(row.session)
        lines.append(row.line)
        rows.append(_joined(row, episodes.get(row.session, []), tags.get(row.session, [])))
    table = Table(COLUMNS)
    try:
        if rows:
            table.add({column: [cells[column] for cells in rows] for column in COLUMNS})
    except BadRow as error:
        raise row_error(SESSIONS, lines[error.row], str(error)) from None
    return Source("roboarena", table.comparisons(), excluded=dict(sorted(excluded.items())))


def _joined(session: Row, episodes: list[Row], tags: list[Row]) -> dict[str, str]:
    progress: dict[str, str] = {}
    for episode in episodes:
        label = episode["label"]
        if label not in ("A", "B"):
            continue  # other sides are not compared
        if label in progress:
            raise row_error(EPISODES, episode.line, f"a second episode of side {label} of its session")
        if episode["policy"].strip() != session[f"policy_{label.lower()}"].strip():
            raise row_error(EPISODES, episode.line, f"its policy is not the one of {SESSIONS} line {session.line}")
        progress[label] = _progress(episode)
    return {
        "session": session.session,
        "policy_a": session["policy_a"],
        "policy_b": session["policy_b"],
        "preference": session["preference"],
        "progress_a": progress.get("A", ""),
        "progress_b": progress.get("B", ""),
        "task_category": tags[0]["task_category"] if tags else "",
        "lab": session["lab"],
        "evaluator": session["evaluator"],
    }


def _progress(episode: Row) -> str:
    text = episode["progress"].strip()
    if not text:
        return ""
    try:
        if 0 <= episode.number("progress") <= 1:
            return text
    except RowError as error:
        raise row_error(EPISODES, episode.line, str(error)) from None
    raise row_error(EPISODES, episode.line, f"progress is {text[:40]!r}, but it lies between 0 and 1")
