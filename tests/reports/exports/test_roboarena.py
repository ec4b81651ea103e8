"""The layout of RoboArena's dumps: what is written is read back, and gives the same board."""

import json
import uuid
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.utils import timezone

from arena.models import Source
from evaluations import sessions
from evaluations.models import MediaFile, Preference, Session
from evaluations.roboarena import dump, importer
from evaluations.scopes import IMPORTED, REAL
from leaderboard import inputs
from reports.exports import roboarena
from tests.factories import Arena, finish_session, make_arena, make_steward, open_session

pytestmark = pytest.mark.django_db

CHOICES = [Preference.A, Preference.B, Preference.TIE, Preference.A, Preference.A, Preference.B, Preference.A]


def filled(arena: Arena) -> list[Session]:
    begun = timezone.now() - timedelta(hours=1)
    return [
        finish_session(
            open_session(arena, f"open the drawer, time {number}"),
            preference=choice,
            progress=(0.1 * number, 0.7 - 0.1 * number),
            notes="B: it held\n- fast, 'quoted' and déjà vu",
            video=b"no video",
            now=begun + timedelta(minutes=number),
        )
        for number, choice in enumerate(CHOICES)
    ]


def ranked(path: Path, content: bytes) -> list[dict[str, Any]]:
    path.write_bytes(content)
    said = StringIO()
    call_command("rank", path, "--json", stdout=said)
    return list(json.loads(said.getvalue())["policies"])


def renamed(folder: Path) -> None:
    """Under other ids: the sessions themselves are still here."""
    for session in list((folder / dump.SESSIONS).iterdir()):
        session.rename(session.with_name(str(uuid.uuid5(uuid.NAMESPACE_OID, session.name))))


def test_an_export_that_is_imported_gives_the_same_board(tmp_path: Path) -> None:
    filled(make_arena())
    call_command("export_roboarena", tmp_path / "dump", stdout=StringIO())
    renamed(tmp_path / "dump")
    report = importer.import_folder(tmp_path / "dump")
    assert (report.created, report.files, report.rejected) == (len(CHOICES), 2 * len(CHOICES), [])
    before = ranked(tmp_path / "before.csv", inputs.canonical(REAL))
    after = ranked(tmp_path / "after.csv", inputs.canonical(IMPORTED))
    names = {one["policy"]: one["policy"].replace("@", "") + "@imported" for one in before}
    found = {one["policy"]: one for one in after}
    for one in before:
        other = found[names[one["policy"]]]
        for figure in ("rank_low", "rank_high", "n", "wins", "ties", "losses", "group"):
            assert one[figure] == other[figure], figure
        for figure in ("score", "low", "high", "mean_progress"):
            assert one[figure] == pytest.approx(other[figure], abs=1e-9), figure


def test_what_evaluators_said_and_filmed_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "dump"
    first = filled(make_arena())[0]
    roboarena.export(folder, scope=REAL)
    renamed(folder)
    importer.import_folder(folder)
    back = Session.objects.get(pk=uuid.uuid5(uuid.NAMESPACE_OID, str(first.pk)))
    assert back.results.get().notes == first.results.get().notes
    assert (back.instruction, back.opened_at, back.closed_at) == (first.instruction, first.opened_at, first.closed_at)
    assert back.category == first.category
    assert back.evaluator_alias == first.evaluator_pseudonym
    of = MediaFile.objects.filter(side__session__source=Source.IMPORTED)
    assert set(of.values_list("kind", "sha256")) == set(
        MediaFile.objects.filter(side__session=first).values_list("kind", "sha256")
    )


def test_the_index_names_the_sessions_of_each_policy(tmp_path: Path) -> None:
    folder = tmp_path / "dump"
    ended = filled(make_arena())
    roboarena.export(folder, scope=REAL, with_videos=False)
    index = yaml.safe_load((folder / dump.GLOBAL).read_text())["policy_index"]
    label = ended[0].sides.get(label="A").version.label
    assert str(ended[0].pk) in index[label]
    assert not list(folder.rglob("*.mp4"))


def test_what_no_board_counts_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "dump"
    arena = make_arena(policies_in_pool=2, secret="Quiet heron")
    ended = filled(arena)
    sessions.exclude(session=ended[0], reason="scene", comment="the cup was moved", by=make_steward())
    open_session(arena, "an open task")
    done = roboarena.export(folder, scope=REAL)
    assert done.sessions == len(ended) - 1
    told = "\n".join(path.name + (path.read_text() if path.suffix == ".yaml" else "") for path in folder.rglob("*"))
    assert "unlisted." in told
    for secret in ("Quiet heron", "quiet-heron", "Q-hush", "an open task", str(ended[0].pk), "@example.org", "ws://"):
        assert secret not in told


def test_a_folder_with_something_in_it_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(CommandError, match=r"is not empty.*\[export_folder\]"):
        call_command("export_roboarena", tmp_path)
