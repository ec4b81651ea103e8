import json
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from evaluations.models import Preference
from leaderboard import snapshots
from leaderboard.models import Snapshot
from tests.factories import Arena, finish_session, open_session


def snapshot_of(arena: Arena) -> Snapshot:
    for number in range(4):
        finish_session(open_session(arena, f"task {number}"), preference=list(Preference)[number % 3])
    (made,) = snapshots.recompute_all(now=timezone.now())
    return made


def rank(path: Path) -> dict[str, Any]:
    out = StringIO()
    call_command("rank", str(path), json=True, stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def test_what_is_downloaded_gives_the_snapshots_result_again(arena: Arena, client: Client, tmp_path: Path) -> None:
    snapshot = snapshot_of(arena)
    answer = client.get(f"/snapshots/{snapshot.pk}/export.zip")
    path = tmp_path / "export.zip"
    path.write_bytes(answer.content)
    ranked = rank(path)
    assert {key: ranked[key] for key in snapshot.result} == snapshot.result
    assert ranked["notes"] == ["This is exactly the result that the snapshot holds."]


def test_an_export_is_the_same_every_time(arena: Arena, client: Client) -> None:
    address = f"/snapshots/{snapshot_of(arena).pk}/export.zip"
    assert client.get(address).content == client.get(address).content


def test_there_is_no_export_of_a_snapshot_that_is_not(client: Client, db: None) -> None:
    assert client.get("/snapshots/999/export.zip").status_code == 404
