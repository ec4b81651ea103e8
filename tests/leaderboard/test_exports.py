import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from arena.models import Lab, Policy
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


def test_the_table_of_a_board_holds_what_its_snapshot_does(arena: Arena, client: Client) -> None:
    snapshot = snapshot_of(arena)
    answer = client.get(f"/snapshots/{snapshot.pk}/rows.csv")
    assert answer["Content-Type"] == "text/csv"
    rows = list(csv.DictReader(StringIO(answer.content.decode())))
    stored = snapshot.result["policies"]
    assert [row["policy"] for row in rows] == [policy["policy"] for policy in stored]
    assert [float(row["score"]) for row in rows] == [policy["score"] for policy in stored]
    assert {row["standing"] for row in rows} == {"provisional"}
    assert client.get("/snapshots/999/rows.csv").status_code == 404


def test_a_table_holds_no_name_that_somebody_gave(arena: Arena, client: Client) -> None:
    Policy.objects.update(name="=1+1")
    Lab.objects.filter(pk=arena.owners.pk).update(name="@SUM(1)")
    content = client.get(f"/snapshots/{snapshot_of(arena).pk}/rows.csv").content
    assert b"=1+1" not in content
    assert b"@SUM" not in content


def test_programs_have_every_snapshot_with_all_that_its_page_shows(arena: Arena, client: Client) -> None:
    first = snapshot_of(arena)
    finish_session(open_session(arena, "put the cup on the plate"), preference=Preference.A)
    (second,) = snapshots.recompute_all(now=timezone.now())
    earlier = client.get(f"/api/v1/public/snapshots/{first.pk}").json()
    latest = client.get("/api/v1/public/leaderboard").json()
    assert (earlier["snapshot"], earlier["counted"]) == (first.pk, 4)
    assert (latest["snapshot"], latest["counted"]) == (second.pk, 5)
    assert latest == client.get(f"/api/v1/public/snapshots/{second.pk}").json()
    assert (latest["model"], latest["settings"], latest["code_version"]) == (
        second.model,
        second.settings,
        second.code_version,
    )
    assert [(task["category"], task["difficulty"]) for task in latest["tasks"]] == [
        (task["category"], task["difficulty"]) for task in second.result["tasks"]
    ]
    assert [(lab["lab"], lab["n"]) for lab in latest["labs"]] == [(arena.lab.slug, 5)]
    assert client.get("/api/v1/public/snapshots/999").json()["error"]["code"] == "snapshot_unknown"
