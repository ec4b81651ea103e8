"""Evaluations as RoboArena dumps them: a folder a session, with a `metadata.yaml` and the videos of each policy.

    global_metadata.yaml                                policy_index
    evaluation_sessions/<uuid>/metadata.yaml
    evaluation_sessions/<uuid>/A_<policy>/left_shoulder.mp4, right_shoulder.mp4, wrist.mp4, *.npz

A dump comes from others. Its YAML is read as plain strings, lists and mappings, without aliases, which could stand for
more than any memory holds; links are not followed. Each session becomes the rows that the CSV files would hold of it.
"""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import yaml

from evaluations.models import Label, MediaFile
from evaluations.roboarena.csv_rows import RejectedRow, Row, RowError

GLOBAL, SESSIONS, METADATA = "global_metadata.yaml", "evaluation_sessions", "metadata.yaml"
LARGEST_METADATA = 256 * 1024
VIDEO_NAMES = {"left": "left_shoulder.mp4", "right": "right_shoulder.mp4", "wrist": "wrist.mp4"}
_VIDEO = re.compile(r"(?:^|_)(left|right|wrist)(?:_shoulder)?\.mp4$")
# What our own exports say beside RoboArena's keys.
CATEGORY, ROBOT = "task_category", "robot_name"
_NOTHING = {"", "~", "null", "none", "nan"}
_FLAGS = {"1": "1", "1.0": "1", "true": "1", "yes": "1", "0": "0", "0.0": "0", "false": "0", "no": "0"}


@dataclass
class Dump:
    """`episodes` and `rejected` fill while `sessions` is read."""

    folder: Path
    episodes: dict[str, list[Row]] = field(default_factory=dict)
    rejected: list[RejectedRow] = field(default_factory=list)

    def sessions(self) -> Iterator[Row]:
        for name in session_names(self.folder):
            file = f"{SESSIONS}/{name}/{METADATA}"
            try:
                session, episodes = _rows(name, file, _metadata(self.folder / file))
            except RowError as error:
                self.rejected.append(RejectedRow(file, 1, name, str(error)))
                continue
            self.episodes[session.session] = episodes
            yield session


def is_dump(folder: Path) -> bool:
    return _is_folder(folder / SESSIONS)


def session_names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in os.scandir(folder / SESSIONS) if entry.is_dir(follow_symlinks=False))


def files_of(folder: Path, name: str, label: str) -> dict[str, Path]:
    """The files of a side by kind, of the folders that begin with its label."""
    found: dict[str, Path] = {}
    for policy in sorted(_entries(folder / SESSIONS / name)):
        if policy.name.startswith(f"{label}_") and _is_folder(policy):
            for file in sorted(_entries(policy)):
                if kind := _kind(file.name):
                    found.setdefault(kind, file)
    return found


def opened(path: Path) -> IO[bytes]:
    """A file of the dump itself: no link to another one, no device. Raises RowError."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise RowError(f"{path.name} cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise RowError(f"{path.name} is no file")
    return os.fdopen(handle, "rb")


def _entries(folder: Path) -> list[Path]:
    return [Path(entry.path) for entry in os.scandir(folder)]


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _kind(name: str) -> str:
    if name.endswith(".npz"):
        return MediaFile.Kind.TRAJECTORY
    found = _VIDEO.search(name.lower())
    return found[1] if found else ""


class _Plain(yaml.BaseLoader):
    """Every scalar is a string, and nothing stands for something else."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it holds an alias")
        return super().compose_node(parent, index)


def _metadata(path: Path) -> Mapping[str, Any]:
    with opened(path) as file:
        content = file.read(LARGEST_METADATA + 1)
    if len(content) > LARGEST_METADATA:
        raise RowError(f"{METADATA} is too large")
    try:
        found = yaml.load(content, Loader=_Plain)  # noqa: S506 - it makes nothing but strings, lists and mappings
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise RowError(f"{METADATA} cannot be read: {' '.join(str(error).split())[:120]}") from None
    if not isinstance(found, dict):
        raise RowError(f"{METADATA} is no mapping")
    return found


def _rows(name: str, file: str, said: Mapping[str, Any]) -> tuple[Row, list[Row]]:
    policies = said.get("policies")
    if not isinstance(policies, dict) or not all(isinstance(policies.get(label), dict) for label in Label):
        raise RowError("it does not tell of the policies A and B")
    preference = _text(said, "preference").upper()
    values = {
        "session_uuid": name,
        "status": "valid" if preference else "invalid",
        "lab": _text(said, "evaluation_location"),
        "evaluator": _text(said, "evaluator_name"),
        "robot": _text(said, ROBOT) or "DROID",
        "created_at": _text(said, "session_creation_timestamp"),
        "completed_at": _text(said, "session_completion_timestamp"),
        "policy_a": _text(policies["A"], "policy_name"),
        "policy_b": _text(policies["B"], "policy_name"),
        "preference": preference,
        "instruction": _text(said, "language_instruction"),
        "notes": _text(said, "longform_feedback"),
        CATEGORY: _text(said, CATEGORY),
    }
    return Row(file, 1, values), [_episode(name, file, label, policies[label]) for label in Label]


def _episode(name: str, file: str, label: Label, said: Mapping[str, Any]) -> Row:
    success = _text(said, "binary_success").lower()
    values = {
        "session_uuid": name,
        "label": label.value,
        "policy": _text(said, "policy_name"),
        "binary_success": _FLAGS.get(success, success),
        "progress": _text(said, "partial_success"),
        "duration_steps": _text(said, "duration").removesuffix(".0"),
        "mean_latency_s": "",
        "third_person_camera": "",
        "recorded_at": "",
    }
    return Row(file, 1, values)


def _text(said: Mapping[str, Any], key: str) -> str:
    """A scalar under a key; nothing where there is none. Raises RowError."""
    value = said.get(key, "")
    if not isinstance(value, str):
        raise RowError(f"{key} is no plain value")
    return "" if value.strip().lower() in _NOTHING else value
