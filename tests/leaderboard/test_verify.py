import copy
import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from evaluations.models import Preference
from leaderboard import snapshots
from leaderboard.models import Snapshot, SnapshotInput
from leaderboard.verification import agreement
from tests.factories import Arena, finish_session, open_session


@pytest.fixture
def snapshot(arena: Arena) -> Snapshot:
    for number in range(9):
        finish_session(open_session(arena, f"task {number}"), preference=list(Preference)[number % 3])
    finish_session(open_session(arena, "spoilt"), valid=False)
    (made,) = snapshots.recompute_all(now=timezone.now())
    return made


def verify(snapshot: Snapshot, **options: Any) -> str:
    out = StringIO()
    call_command("verify_snapshot", str(snapshot.pk), stdout=out, **options)
    return out.getvalue()


def copied(snapshot: Snapshot, **changes: Any) -> Snapshot:
    """Another snapshot with changed words: stored ones cannot be changed."""
    kept = {
        field.name: getattr(snapshot, field.name) for field in Snapshot._meta.concrete_fields if not field.primary_key
    }
    return Snapshot.objects.create(**(kept | changes))


def test_a_snapshot_comes_out_again_exactly(snapshot: Snapshot) -> None:
    answer = json.loads(verify(snapshot, json=True))
    assert answer == {
        "snapshot": snapshot.pk,
        "board": "overall",
        "input": snapshot.input_id,
        "identical": True,
        "largest_difference": 0.0,
        "code_version": snapshot.code_version,
        "code_version_now": snapshot.code_version,
    }
    assert "give its numbers again, exactly" in verify(snapshot)


def test_rounding_is_told_and_no_difference(snapshot: Snapshot) -> None:
    result = copy.deepcopy(snapshot.result)
    result["policies"][0]["score"] += 1e-12
    said = verify(copied(snapshot, result=result))
    assert "but for rounding (1e-12)" in said


def test_a_board_without_comparisons_verifies(arena: Arena) -> None:
    finish_session(open_session(arena), valid=False)
    (made,) = snapshots.recompute_all(now=timezone.now())
    assert "exactly" in verify(made)


def test_a_number_that_was_changed_is_found(snapshot: Snapshot) -> None:
    result = copy.deepcopy(snapshot.result)
    result["policies"][1]["score"] += 1e-6
    with pytest.raises(CommandError, match=r"differs .* in policies\[1\].score\. The code is the one"):
        verify(copied(snapshot, result=result))


@pytest.mark.parametrize(
    "changes",
    [{"counted": 8}, {"total": 11}, {"excluded": {}}],
)
def test_counts_that_do_not_add_up_are_found(snapshot: Snapshot, changes: dict[str, Any]) -> None:
    with pytest.raises(CommandError, match="counts otherwise than its input"):
        verify(copied(snapshot, **changes))


def test_other_settings_are_found(snapshot: Snapshot) -> None:
    with pytest.raises(CommandError, match="differs"):
        verify(copied(snapshot, settings=snapshot.settings | {"theta_sd": 1.0}))


def test_an_input_that_was_exchanged_is_found(snapshot: Snapshot) -> None:
    other = SnapshotInput.objects.create(sha256="0" * 64, chunks=snapshot.input.chunks, rows=snapshot.input.rows)
    with pytest.raises(CommandError, match="not the one of its SHA-256"):
        verify(copied(snapshot, input=other))


def test_the_code_that_has_changed_since_is_named(snapshot: Snapshot) -> None:
    with pytest.raises(CommandError, match="computed with the code 123"):
        verify(copied(snapshot, code_version="123", settings=snapshot.settings | {"theta_sd": 1.0}))
    assert json.loads(verify(copied(snapshot, code_version="123"), json=True))["code_version"] == "123"


def test_a_snapshot_that_is_not_there(db: None) -> None:
    with pytest.raises(CommandError, match=r"\[snapshot_unknown\]"):
        call_command("verify_snapshot", "99")


def test_verifying_reads_and_writes_nothing_else(snapshot: Snapshot) -> None:
    with connection.execute_wrapper(_only_select):
        verify(snapshot)


def _only_select(execute: Any, sql: str, *arguments: Any) -> Any:
    assert sql.lstrip().upper().startswith("SELECT")
    return execute(sql, *arguments)


@pytest.mark.parametrize(
    ("stored", "computed", "differing"),
    [
        ({"a": [1, 2.0]}, {"a": [1, 2.0]}, ()),
        ({"a": 1e6}, {"a": 1e6 + 1e-4}, ()),
        ({"a": 1.0}, {"a": 1.0 + 1e-8}, ("a",)),
        ({"rank": 1}, {"rank": 2}, ("rank",)),
        ({"a": [1.0]}, {"a": [1.0, 2.0]}, ("a",)),
        ({"a": None}, {"a": 0.0}, ("a",)),
        ({"a": True}, {"a": 1}, ("a",)),
        ({"a": "x"}, {"a": "y"}, ("a",)),
        ({"a": 1.0}, {}, ("a",)),
        ({"a": [{"b": 1.0}]}, {"a": [{"b": float("nan")}]}, ("a[0].b",)),
    ],
)
def test_two_results_compared(stored: Any, computed: Any, differing: tuple[str, ...]) -> None:
    assert agreement(stored, computed).differing == differing
