"""The public data as files: what is in them, what is not, when they are made and how long they are kept."""

import hashlib
import json
import subprocess
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import ProgrammingError, connection, transaction
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from arena import policies
from arena.errors import NotFound
from arena.models import Endpoint, Person, Role
from evaluations import sessions
from evaluations.models import Label, Preference, Session
from evaluations.sessions import Judgement
from leaderboard import snapshots
from reports.exports import exports, writing
from reports.exports.tables import TABLES
from reports.models import DataExport, ExportFile
from tests.factories import Arena, finish_session, make_arena, make_person, make_steward, open_session, upload_episode
from tests.reports.exports.reading import content, everything, rows

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
STATE = DataExport.State


def filled(arena: Arena, n: int = 3) -> list[Session]:
    now = timezone.now()
    return [finish_session(open_session(arena, f"task {number}"), video=b"no video", now=now) for number in range(n)]


def made(now: datetime = NOW) -> DataExport:
    export = exports.order(now=now)
    assert export is not None
    exports.make(export_id=export.pk, now=now)
    export.refresh_from_db()
    assert export.state == STATE.MADE, export.problem
    return export


def test_it_holds_each_session_with_its_sides_result_and_draw(arena: Arena) -> None:
    ended = filled(arena)
    export = made()
    found = {row["session"]: row for row in rows(export, "sessions")}
    assert set(found) == {str(one.pk) for one in ended}
    row = found[str(ended[0].pk)]
    assert row["scope"] == "overall"
    assert row["preference"] == "A"
    assert row["notes"] == "A was steadier."
    assert row["evaluator"] == arena.dana.pseudonym
    assert float(row["pair_probability"]) == ended[0].pair_probability
    assert row["draw_kind"] == ended[0].draw_kind
    sides = [one for one in rows(export, "sides") if one["session"] == str(ended[0].pk)]
    assert [one["progress"] for one in sides] == ["0.8", "0.4"]
    assert [one["policy"] for one in sides] == [one.version.label for one in ended[0].sides.order_by("label")]
    assert len(rows(export, "results")) == 3
    video = rows(export, "media")[0]
    assert video["sha256"] == hashlib.sha256(b"no video").hexdigest()
    assert video["address"].endswith(f"/sessions/{video['session']}/{video['side']}/left.mp4")


def test_an_exclusion_is_in_it_with_its_public_reason(arena: Arena) -> None:
    ended = filled(arena)[0]
    sessions.exclude(session=ended, reason="scene", comment="=the cup was moved", by=make_steward())
    (row,) = rows(made(), "exclusions")
    assert (row["session"], row["reason"], row["comment"]) == (str(ended.pk), "scene", "'=the cup was moved")


def test_the_checksums_hold(arena: Arena, tmp_path: Path) -> None:
    filled(arena)
    export = made()
    for file in export.files.all():
        (tmp_path / file.name).write_bytes(content(export, file.name))
        assert hashlib.sha256(content(export, file.name)).hexdigest() == file.sha256
    checked = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path, capture_output=True, text=True)
    assert checked.returncode == 0
    assert checked.stdout.count(": OK") == export.files.count() - 1


def test_rank_computes_the_published_numbers_from_it(arena: Arena, tmp_path: Path) -> None:
    filled(arena, 6)
    snapshots.recompute_all(now=timezone.now())
    export, said = made(), StringIO()
    path = tmp_path / "board-overall.zip"
    path.write_bytes(content(export, path.name))
    call_command("rank", path, "--json", stdout=said)
    assert "This is exactly the result that the snapshot holds." in json.loads(said.getvalue())["notes"]
    told = {row["policy"]: row["score"] for row in rows(export, "scores") if row["board"] == "overall"}
    assert told == {one["policy"]: repr(one["score"]) for one in json.loads(said.getvalue())["policies"]}


def test_the_dictionary_names_every_column(arena: Arena) -> None:
    filled(arena, 1)
    export = made()
    told = json.loads(content(export, writing.PACKAGE))["resources"]
    for table, resource in zip(TABLES, told, strict=True):
        header = [field["name"] for field in resource["schema"]["fields"]]
        assert len(rows(export, table.name)) == export.files.get(name=resource["path"]).rows
        assert all(list(row) == header for row in rows(export, table.name))
        assert set(table.key) <= set(header)


def test_what_is_not_public_is_not_in_it() -> None:
    """Open and veiled sessions, people, servers, and the name of an unlisted version."""
    arena = make_arena(policies_in_pool=2, secret="Quiet heron")
    filled(arena)
    open_session(arena, "an open task")
    veiled = open_session(arena, "a veiled task")
    for label in Label:
        upload_episode(veiled, label)
    sessions.submit(
        session=veiled, judgement=Judgement(Preference.TIE, notes="", valid=True), now=timezone.now(), veiled=True
    )
    text = everything(made()).lower()
    assert "unlisted." in text
    assert "task 0" in text
    secrets = ["quiet heron", "quiet-heron", "q-hush", "an open task", "a veiled task", str(veiled.pk)]
    secrets += [*Person.objects.values_list("email", flat=True), *Endpoint.objects.values_list("url", flat=True)]
    assert [secret for secret in secrets if secret.lower() in text] == []


def test_once_it_is_listed_the_next_one_names_it_and_the_old_one_does_not() -> None:
    arena = make_arena(policies_in_pool=2, secret="Quiet heron")
    filled(arena)
    before = made()
    owner = make_person("owner@example.org", lab=arena.owners, role=Role.ADMIN)
    policies.list_version(version=arena.versions[0], by=owner)
    after = made(NOW + timedelta(days=1))
    assert "quiet-heron" not in everything(before)
    (row,) = [row for row in rows(after, "versions") if row["policy"] == "quiet-heron"]
    assert row["input_label"].startswith("unlisted.")


def test_nothing_is_ordered_before_anything_is_published(arena: Arena) -> None:
    assert exports.order(now=NOW) is None


def test_one_a_day_and_only_where_something_is_new(arena: Arena) -> None:
    filled(arena, 1)
    made()
    filled(arena, 1)
    assert exports.order(now=NOW) is None  # today's is made
    second = made(NOW + timedelta(days=1))
    assert second.sessions == 2
    assert exports.order(now=NOW + timedelta(days=2)) is None  # nothing is new


def test_a_repeated_job_makes_nothing(arena: Arena) -> None:
    filled(arena, 1)
    export = made()
    exports.make(export_id=export.pk, now=NOW + timedelta(days=1))
    assert DataExport.objects.get().made_at == NOW


def test_an_export_whose_worker_died_is_made_by_the_next_one(arena: Arena) -> None:
    filled(arena, 1)
    export = exports.order(now=NOW)
    assert export is not None
    DataExport.objects.update(state=STATE.RUNNING, claimed_at=NOW, attempts=1)
    exports.make(export_id=export.pk, now=NOW + exports.CLAIM)
    assert DataExport.objects.get().state == STATE.RUNNING  # it may be at it still
    exports.make(export_id=export.pk, now=NOW + exports.CLAIM + timedelta(seconds=1))
    assert DataExport.objects.get().state == STATE.MADE


def test_one_that_fails_again_and_again_is_given_up(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(arena, 1)
    export = exports.order(now=NOW)
    assert export is not None

    def no_room(*args: object) -> str:
        raise OSError("no room")

    monkeypatch.setattr("evaluations.storage.take_in", no_room)
    for attempt in range(exports.MAX_ATTEMPTS):
        exports.make(export_id=export.pk, now=NOW + attempt * 2 * exports.CLAIM)
    export.refresh_from_db()
    assert (export.state, export.problem) == (STATE.FAILED, exports.FAILED)
    assert not ExportFile.objects.exists()


@override_settings(EXPORTS_KEPT=1)
def test_only_so_many_are_kept(arena: Arena) -> None:
    filled(arena, 1)
    old = made()
    filled(arena, 1)
    new = made(NOW + timedelta(days=1))
    exports.remove_old(now=NOW + timedelta(days=1))
    assert [one.day for one in exports.kept()] == [new.day]
    assert not default_storage.exists(old.files.get(name="sessions.csv.gz").path)
    assert default_storage.exists(new.files.get(name="sessions.csv.gz").path)
    with pytest.raises(NotFound):
        exports.file_named(day=old.day.isoformat(), name="sessions.csv.gz")


def test_what_was_made_is_not_changed(arena: Arena) -> None:
    filled(arena, 1)
    export = made()
    for change in (
        lambda: DataExport.objects.filter(pk=export.pk).update(sessions=7),
        lambda: ExportFile.objects.update(sha256="0" * 64),
        lambda: ExportFile.objects.all().delete(),
    ):
        with pytest.raises(ProgrammingError, match="Cannot"), transaction.atomic():
            change()


def test_twice_the_sessions_take_no_more_queries(arena: Arena, tmp_path: Path) -> None:
    asked = []
    for number in range(2):
        filled(arena, 3)
        folder = tmp_path / str(number)
        folder.mkdir()
        with CaptureQueriesContext(connection) as queries:
            writing.write(folder, day=NOW.date())
        asked.append(len(queries))
    assert asked[0] == asked[1]


def test_the_page_lists_it_with_sizes_and_checksums(arena: Arena, client: Client) -> None:
    assert "There is no export yet" in client.get("/data").content.decode()
    filled(arena, 1)
    export = made()
    page = client.get("/data").content.decode()
    for file in export.files.all():
        assert file.sha256 in page
    assert "sha256sum -c SHA256SUMS" in page
    assert "@misc{policyarena20260504," in page


def test_a_file_is_served_as_it_was_written(arena: Arena, client: Client) -> None:
    filled(arena, 1)
    export = made()
    answer = client.get("/data/2026-05-04/sessions.csv.gz")
    assert b"".join(answer.streaming_content) == content(export, "sessions.csv.gz")  # type: ignore[attr-defined]
    assert "attachment" in answer.headers["Content-Disposition"]
    assert client.get("/data/2026-05-04/other.csv").status_code == 404
    assert client.get("/data/today/sessions.csv.gz").status_code == 404


def test_programs_read_the_same_list(arena: Arena, client: Client) -> None:
    filled(arena, 1)
    export = made()
    (told,) = client.get("/api/v1/exports").json()["results"]
    assert (told["day"], told["sessions"], told["licence"]) == ("2026-05-04", 1, "CC-BY-4.0")
    assert {file["name"]: file["sha256"] for file in told["files"]} == dict(export.files.values_list("name", "sha256"))
