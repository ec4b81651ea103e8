"""Dumps as RoboArena publishes them: what is taken from them, and what hostile ones cannot do."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import override_settings

from evaluations import media
from evaluations.models import MediaFile, Session
from evaluations.roboarena import dump, importer
from tests.evaluations.films import encoded, scene

pytestmark = pytest.mark.django_db

UUID = "00000000-0000-4000-8000-000000000001"
OTHER = "00000000-0000-4000-8000-000000000002"


def metadata(**changes: Any) -> dict[str, Any]:
    said: dict[str, Any] = {
        "evaluation_location": "Berkeley",
        "evaluator_name": "evaluator-01",
        "language_instruction": "open the drawer",
        "longform_feedback": "A opened it",
        "policies": {
            "A": {"policy_name": "alpha", "binary_success": 1, "partial_success": 1.0, "duration": 32},
            "B": {"policy_name": "beta", "binary_success": 0, "partial_success": 0.25, "duration": 40},
        },
        "preference": "A",
        "session_creation_timestamp": "2025-04-14T22:32:29.448670",
        "session_completion_timestamp": "2025-04-14T22:33:40",
    }
    return said | changes


def write(folder: Path, session: str = UUID, text: str | None = None, **changes: Any) -> Path:
    own = folder / dump.SESSIONS / session
    own.mkdir(parents=True)
    (own / dump.METADATA).write_text(yaml.safe_dump(metadata(**changes)) if text is None else text)
    return own


def reasons(folder: Path) -> list[str]:
    return [row.reason for row in importer.import_folder(folder).rejected]


def test_a_session_is_taken_with_its_sides_and_result(tmp_path: Path) -> None:
    write(tmp_path)
    report = importer.import_folder(tmp_path)
    assert (report.sessions, report.created, report.valid, report.rejected) == (1, 1, 1, [])
    session = Session.objects.get(pk=UUID)
    sides = list(session.sides.order_by("label"))
    assert [side.version.policy.name for side in sides] == ["alpha", "beta"]
    assert [side.episode.progress for side in sides] == [1.0, 0.25]
    assert [side.episode.duration_steps for side in sides] == [32, 40]
    assert session.results.get().preference == "A"
    assert session.lab.name == "Berkeley"


@pytest.mark.parametrize("name", ["left_shoulder.mp4", "2025_04_14_left.mp4"])
def test_its_videos_come_in_and_are_checked_as_any_other(tmp_path: Path, name: str) -> None:
    policy = write(tmp_path) / "A_alpha"
    policy.mkdir()
    (policy / name).write_bytes(encoded([scene(1)] * 8))
    (policy / "wrist.mp4").write_bytes(b"no video")
    assert importer.import_folder(tmp_path).files == 2
    found = MediaFile.objects.get(kind="left")
    media.check_side(side_id=found.side_id, now=found.received_at)
    states = dict(MediaFile.objects.values_list("kind", "check_state"))
    assert states == {"left": "passed", "wrist": "failed"}
    assert importer.import_folder(tmp_path).files == 0  # said again


def test_a_session_without_a_preference_is_taken_as_not_valid(tmp_path: Path) -> None:
    write(tmp_path, preference=None)
    importer.import_folder(tmp_path)
    assert Session.objects.get().valid is False


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [", "metadata.yaml cannot be read"),
        ("just words", "metadata.yaml is no mapping"),
        ("policies: {}", "it does not tell of the policies A and B"),
        ("a: &a [x, x]\nb: *a\n", "it holds an alias"),
        ("[" * 5000, "metadata.yaml cannot be read"),
        ("a: " + "x" * 300_000, "metadata.yaml is too large"),
    ],
)
def test_one_that_cannot_be_read_stops_no_other(tmp_path: Path, text: str, reason: str) -> None:
    write(tmp_path, text=text)
    write(tmp_path, OTHER)
    (found,) = reasons(tmp_path)
    assert reason in found
    assert [str(pk) for pk in Session.objects.values_list("pk", flat=True)] == [OTHER]


def test_nothing_in_yaml_is_run(tmp_path: Path) -> None:
    told = tmp_path / "told"
    text = yaml.safe_dump(metadata()) + f"extra: !!python/object/apply:os.mkdir ['{told}']\n"
    write(tmp_path / "dump", text=text)
    importer.import_folder(tmp_path / "dump")
    assert not told.exists()


@pytest.mark.parametrize("key", ["evaluator_name", "language_instruction", "preference"])
def test_a_value_that_is_none_is_refused(tmp_path: Path, key: str) -> None:
    said: dict[str, Any] = {key: ["x"]}
    write(tmp_path, text=yaml.safe_dump(metadata(**said)))
    assert reasons(tmp_path) == [f"{key} is no plain value"]


def test_links_and_pipes_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(b"secret")
    policy = write(tmp_path / "dump") / "A_alpha"
    policy.mkdir()
    (policy / "left_shoulder.mp4").symlink_to(secret)
    os.mkfifo(policy / "wrist.mp4")
    linked = write(tmp_path / "dump", OTHER) / dump.METADATA
    linked.unlink()
    linked.symlink_to(secret)
    found = reasons(tmp_path / "dump")
    assert len(found) == 3
    assert not MediaFile.objects.exists()
    assert [str(pk) for pk in Session.objects.values_list("pk", flat=True)] == [UUID]


@override_settings(MAX_UPLOAD_BYTES=4)
def test_a_file_that_is_too_large_is_left_out(tmp_path: Path) -> None:
    policy = write(tmp_path) / "B_beta"
    policy.mkdir()
    (policy / "right_shoulder.mp4").write_bytes(b"12345")
    assert reasons(tmp_path) == ["side B: the file for right is empty or too large"]


def test_a_folder_that_is_no_uuid_is_told(tmp_path: Path) -> None:
    write(tmp_path, "session-1")
    assert reasons(tmp_path) == ["session_uuid is not a uuid"]
