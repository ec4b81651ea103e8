"""Boards beside the overall one: which there are, what they count, when they are computed, and that they verify."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from arena.errors import NotFound
from arena.jobs import Job
from arena.models import Policy
from evaluations import sessions
from evaluations.models import Preference, Session
from evaluations.scopes import REAL
from leaderboard import boards, inputs, snapshots
from leaderboard.boards import Board, board_named
from leaderboard.models import BoardRun, Snapshot
from leaderboard.questions import Kind, Question
from leaderboard.ranking import JointSettings
from tests import factories
from tests.factories import Arena, finish_session, open_session

TASKS = ("put the cup on the plate", "open the drawer", "fold the towel")


def play(arena: Arena, times: int, *, task: str = TASKS[0], now: datetime | None = None) -> list[Session]:
    made = []
    for number in range(times):
        session = open_session(arena, f"{task} {number}", now=now or timezone.now())
        preference = list(Preference)[number % 3]
        made.append(
            finish_session(
                session, preference=preference, progress=(0.2 + number % 5 / 10, 0.5), now=now or timezone.now()
            )
        )
    return made


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The boards for which a job was asked."""
    found: list[str] = []

    def enqueue(job: Job, **arguments: Any) -> None:
        if job is Job.RECOMPUTE_BOARD:
            found.append(arguments["board"])

    monkeypatch.setattr(snapshots, "enqueue", enqueue)
    return found


def recompute(slug: str, now: datetime | None = None) -> Snapshot:
    made = snapshots.recompute(board=board_named(slug), now=now or timezone.now())
    assert made is not None
    return made


def test_each_board_counts_the_sessions_of_its_question(arena: Arena) -> None:
    play(arena, 3)
    play(arena, 2, task=TASKS[1])
    sessions.abandon(session=open_session(arena, TASKS[1]), now=timezone.now(), by=arena.dana)
    Policy.objects.filter(versions__in=[arena.versions[0].pk]).update(open_source=True)
    overall = recompute("overall")
    assert (overall.counted, overall.total) == (5, 6)
    closed = recompute("overall.category.open-close")
    assert (closed.counted, closed.total, closed.excluded) == (2, 3, {"evaluator_left": 1})
    assert sum(policy["n"] for policy in closed.result["policies"]) == 4
    assert closed.input_id == overall.input_id
    assert recompute(f"overall.embodiment.{arena.station.embodiment.name.lower()}").counted == 5
    year, month = timezone.now().year, timezone.now().month
    assert recompute(f"overall.quarter.{year}-q{(month + 2) // 3}").counted == 5
    assert snapshots.recompute(board=board_named("overall.open-source"), now=timezone.now()) is None
    assert recompute("overall.unrequested").counted == 5


def test_a_category_that_was_corrected_moves_the_session(arena: Arena) -> None:
    (session, *_) = play(arena, 3)
    Session.objects.filter(pk=session.pk).update(corrected_category="sorting")
    recompute("overall")
    assert recompute("overall.category.sorting").counted == 1


@pytest.mark.parametrize(
    "slug",
    ["other", "overall.", "overall.other", "overall.category", "simulation.quarter.x", "overall.without-lab.A B"],
)
def test_a_board_that_does_not_exist_is_not_found(client: Client, db: None, slug: str) -> None:
    with pytest.raises(NotFound) as caught:
        board_named(slug)
    assert caught.value.code == "board_unknown"
    assert client.get("/", {"board": slug}).status_code == 404


def test_every_kind_of_board_verifies(arena: Arena) -> None:
    play(arena, 6)
    play(arena, 4, task=TASKS[1])
    other = factories.make_arena()
    play(other, 4)
    recompute("overall")
    lab = arena.lab.slug
    made = [
        recompute("overall.category.open-close"),
        recompute("overall.unrequested"),
        recompute(f"overall.without-lab.{lab}"),
    ]
    play(arena, 3)
    made.append(recompute("overall"))
    assert made[-1].settings["psi_sd"] != JointSettings().psi_sd, "started warm"
    for snapshot in made:
        out = StringIO()
        call_command("verify_snapshot", str(snapshot.pk), stdout=out)
        assert "exactly" in out.getvalue()


def test_an_export_of_a_board_is_ranked_without_a_database(arena: Arena, client: Client, tmp_path: Any) -> None:
    play(arena, 4)
    play(arena, 4, task=TASKS[1])
    recompute("overall")
    snapshot = recompute("overall.category.open-close")
    path = tmp_path / "export.zip"
    path.write_bytes(client.get(f"/snapshots/{snapshot.pk}/export.zip").content)
    out = StringIO()
    call_command("rank", str(path), stdout=out)
    assert "This is exactly the result that the snapshot holds." in out.getvalue()
    assert out.getvalue().startswith("4 comparisons")


def test_boards_with_enough_sessions_are_kept_up_to_date(
    arena: Arena, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boards, "KEPT_FROM", 3)
    play(arena, 4)
    play(arena, 2, task=TASKS[1])
    snapshots.recompute_all(now=timezone.now())
    assert asked == ["overall.category.pick-place"]
    recompute(asked.pop())
    snapshots.recompute_all(now=timezone.now())
    assert asked == []
    play(arena, 1, task=TASKS[2])
    snapshots.recompute_all(now=timezone.now())
    assert asked == ["overall.category.pick-place"]
    # The new session belongs to another question: looked at, and the same answer stands.
    assert snapshots.recompute(board=board_named(asked.pop()), now=timezone.now()) is None
    snapshots.recompute_all(now=timezone.now())
    assert asked == []


def test_a_board_that_is_seldom_asked_waits_for_somebody_to_ask(arena: Arena, client: Client, asked: list[str]) -> None:
    other = factories.make_arena()
    play(arena, 3)
    play(other, 3)
    recompute("overall")
    slug = f"overall.without-lab.{other.lab.slug}"
    page = client.get("/", {"board": slug}).content.decode()
    assert "This board is being computed" in page
    assert "waits since" in page
    assert asked == [slug]
    run = BoardRun.objects.get(board=slug)
    assert run.is_waiting
    again = client.get("/", {"board": slug})
    assert again.status_code == 200
    assert BoardRun.objects.get(board=slug).asked_at == run.asked_at
    assert recompute(slug).counted == 3
    assert not BoardRun.objects.get(board=slug).is_waiting
    asked.clear()
    page = client.get("/", {"board": slug}).content.decode()
    assert "being computed" not in page
    assert f"Without {other.lab.name}" in page
    assert asked == []


def test_a_question_without_an_answer_makes_no_job(arena: Arena, client: Client, asked: list[str]) -> None:
    play(arena, 2)
    recompute("overall")
    page = client.get("/", {"board": "overall.category.tool-use"}).content.decode()
    assert "Nothing to rank on this board yet" in page
    assert asked == []
    assert not BoardRun.objects.filter(board="overall.category.tool-use").exists()


def test_who_waits_is_found_by_the_sweep(arena: Arena, asked: list[str]) -> None:
    play(arena, 2)
    recompute("overall")
    snapshots.ask(board=board_named("overall.unrequested"), now=timezone.now())
    asked.clear()
    snapshots.recompute_all(now=timezone.now())
    assert asked == ["overall.unrequested"]


def test_the_task_mix_of_a_season_does_not_move(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leaderboard.seasons.MIX_FROM", 4)
    last_season = datetime(2026, 9, 30, 12, tzinfo=UTC)
    now = datetime(2026, 10, 5, tzinfo=UTC)
    play(arena, 3, now=last_season)
    play(arena, 1, task=TASKS[1], now=last_season)
    before = recompute("overall", now)
    play(arena, 6, task=TASKS[1], now=now)
    after = recompute("overall", now + timedelta(hours=1))
    assert before.season == after.season == "2026-q4"
    assert before.settings["task_mix"] == after.settings["task_mix"] == {"open-close": 0.25, "pick-place": 0.75}


def test_influence_of_labs_is_on_the_board(arena: Arena, client: Client) -> None:
    other = factories.make_arena()
    play(arena, 5)
    play(other, 4)
    snapshot = recompute("overall")
    found = {row["lab"]: row["n"] for row in snapshot.result["influence"]}
    assert found == {arena.lab.slug: 5, other.lab.slug: 4}
    page = client.get("/").content.decode()
    assert "What the order owes to each lab" in page
    assert f"overall.without-lab.{other.lab.slug}" in page


def test_offered_boards_are_those_that_have_an_answer(arena: Arena) -> None:
    play(arena, 2)
    facets = recompute("overall").facets
    kinds = {board.question.kind for board in boards.offered(REAL, facets)}
    assert kinds == {Kind.EMBODIMENT, Kind.CATEGORY, Kind.QUARTER, Kind.UNREQUESTED}
    assert boards.kept(REAL, facets, quarter="2026-q4") == []
    assert Board(REAL, Question(Kind.CATEGORY, "pick-place")) in boards.offered(REAL, facets)


def test_the_page_asks_a_fixed_number_of_questions(
    arena: Arena, client: Client, django_assert_max_num_queries: Any
) -> None:
    play(arena, 2)
    recompute("overall")
    with django_assert_max_num_queries(14):
        client.get("/")
    other = factories.make_arena()
    for task in TASKS:
        play(arena, 2, task=task)
        play(other, 2, task=task)
    recompute("overall")
    with django_assert_max_num_queries(14):
        client.get("/")


def test_whether_a_session_was_ordered_is_fixed_with_its_assignment(arena: Arena) -> None:
    (session,) = play(arena, 1)
    with pytest.raises(Exception, match="Cannot update"), connection.cursor() as cursor:
        cursor.execute("update evaluations_session set requested = true where id = %s", [session.pk])


def test_a_stored_input_is_shared_by_the_boards_of_a_scope(arena: Arena) -> None:
    play(arena, 3)
    first, second = recompute("overall"), recompute("overall.unrequested")
    assert first.input == second.input
    assert inputs.content_of(first.input).count(b"\n") == 4
