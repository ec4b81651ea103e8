"""A frozen board keeps its last snapshot, and says since when and why."""

import pytest
from django.db import Error, transaction
from django.test import Client
from django.utils import timezone

from arena.errors import AccessDenied, ArenaError, Conflict, NotFound
from arena.models import AuditEvent, Person
from leaderboard import freezes, snapshots
from leaderboard.boards import OVERALL, Board, board_named
from leaderboard.models import Freeze, Snapshot
from tests.factories import Arena, finish_session, make_steward, open_session

WHY = "A lab's results are being looked into."
AGAIN = "They were sound."
BOARD = OVERALL[0]


@pytest.fixture
def eve(db: None) -> Person:
    return make_steward()


@pytest.fixture(autouse=True)
def _a_board(arena: Arena) -> None:
    finish_session(open_session(arena))
    snapshots.recompute_all(now=timezone.now())


def freeze(by: Person, board: Board = BOARD, reason: str = WHY) -> Freeze:
    return freezes.freeze(board=board, reason=reason, by=by, now=timezone.now())


def publish(made: Freeze, by: Person, reason: str = AGAIN) -> Freeze:
    return freezes.publish(freeze_id=made.pk, reason=reason, by=by, now=timezone.now())


def test_nothing_new_until_it_is_published_again(arena: Arena, eve: Person) -> None:
    made = freeze(eve)
    finish_session(open_session(arena, "another task"))
    assert snapshots.recompute_all(now=timezone.now()) == []
    assert Snapshot.objects.filter(board="overall").count() == 1
    publish(made, eve)
    (snapshot,) = snapshots.recompute_all(now=timezone.now())
    assert (snapshot.board, snapshot.counted) == ("overall", 2)


def test_one_that_is_frozen_while_it_is_computed_keeps_its_last(
    arena: Arena, eve: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish_session(open_session(arena, "another task"))
    compute = snapshots.compute

    def slow(*args: object, **kwargs: object) -> object:
        freeze(eve)
        return compute(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(snapshots, "compute", slow)
    assert snapshots.recompute(board=BOARD, now=timezone.now()) is None
    assert Snapshot.objects.filter(board="overall").count() == 1


def test_a_question_beside_can_be_frozen_alone(arena: Arena, eve: Person) -> None:
    board = board_named(f"overall.without-lab.{arena.owners.slug}")
    snapshots.recompute(board=board, now=timezone.now())
    made = freeze(eve, board)
    assert (freezes.of(board), freezes.of(BOARD)) == (made, None)
    finish_session(open_session(arena, "another task"))
    snapshots.recompute_all(now=timezone.now())
    assert snapshots.recompute(board=board, now=timezone.now()) is None
    assert snapshots.is_current(board), "nobody waits for a frozen board"
    publish(made, eve)
    assert snapshots.recompute(board=board, now=timezone.now()) is not None


def test_the_overall_board_holds_those_behind_it(arena: Arena, eve: Person) -> None:
    board = board_named(f"overall.without-lab.{arena.owners.slug}")
    made = freeze(eve)
    assert (freezes.of(board), freezes.of(OVERALL[1])) == (made, None)


def test_stewards_alone_and_with_a_reason(arena: Arena, eve: Person) -> None:
    with pytest.raises(AccessDenied):
        freeze(arena.dana)
    with pytest.raises(ArenaError):
        freeze(eve, reason=" ")
    with pytest.raises(Conflict):
        freeze(eve, OVERALL[1])
    made = freeze(eve)
    with pytest.raises(Conflict):
        freeze(eve)
    with pytest.raises(AccessDenied):
        publish(made, arena.dana)
    with pytest.raises(NotFound):
        freezes.publish(freeze_id=made.pk + 1, reason=AGAIN, by=eve, now=timezone.now())
    publish(made, eve)
    assert publish(made, eve, reason="once more").published_because == AGAIN
    tags = AuditEvent.objects.filter(subject="board:overall").order_by("at").values_list("tag", flat=True)
    assert list(tags) == ["board:frozen", "board:published"]
    with pytest.raises(Error, match="Cannot"), transaction.atomic():
        Freeze.objects.update(published_because="another reason")


def test_the_page_and_the_api_say_so(client: Client, eve: Person) -> None:
    page, told = "/?board=overall", "/api/v1/public/leaderboard?board=overall"
    assert client.get(told).json()["frozen"] is None
    made = freeze(eve)
    assert "This board is frozen" in (shown := client.get(page).content.decode())
    assert "A lab&#x27;s results are being looked into." in shown
    assert client.get(told).json()["frozen"]["reason"] == WHY
    publish(made, eve)
    after = client.get(page).content.decode()
    assert "is frozen" not in after
    assert AGAIN in after


def test_a_steward_freezes_and_publishes_on_the_page(client: Client, eve: Person) -> None:
    client.force_login(eve)
    assert client.post("/review/boards/freeze", {"board": "overall", "reason": ""}).status_code == 400
    assert client.post("/review/boards/freeze", {"board": "overall", "reason": WHY}).status_code == 302
    made = Freeze.objects.get()
    path = f"/review/boards/{made.pk}/publish"
    assert client.post(path, {f"{made.pk}-reason": ""}).status_code == 400
    assert client.post(path, {f"{made.pk}-reason": AGAIN}).status_code == 302
    assert AGAIN in client.get("/review/boards").content.decode()
    assert client.post("/review/boards/999/publish", {"999-reason": AGAIN}).status_code == 404
