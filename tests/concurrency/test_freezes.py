"""A board that is frozen in the very moment in which its next snapshot is stored."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from arena.models import Person
from leaderboard import freezes, snapshots
from leaderboard.boards import OVERALL
from leaderboard.models import Freeze, Snapshot
from tests.factories import Arena, finish_session, make_arena, make_steward, open_session

pytestmark = pytest.mark.django_db(transaction=True)
BOARD = OVERALL[0]
LONG = 10.0
# So long a snapshot that is not held back has, to be stored.
SHORT = 1.0


@pytest.fixture
def eve() -> Person:
    return make_steward()


@pytest.fixture
def pool(eve: Person) -> Iterator[ThreadPoolExecutor]:
    """A board with one snapshot, and a further session."""
    arena: Arena = make_arena()
    finish_session(open_session(arena))
    snapshots.recompute_all(now=timezone.now())
    finish_session(open_session(arena, "another task"))
    with ThreadPoolExecutor(2) as threads:
        yield threads


def freeze(eve: Person) -> Freeze:
    return freezes.freeze(board=BOARD, reason="looked into", by=eve, now=timezone.now())


def closing(call: Any) -> Any:
    """The call in a thread, whose connection is closed behind it."""

    def run() -> Any:
        try:
            return call()
        finally:
            connection.close()

    return run


def test_a_snapshot_waits_for_a_freeze_that_is_not_committed_yet(
    pool: ThreadPoolExecutor, eve: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen, arrived, stored = threading.Event(), threading.Event(), threading.Event()
    store = snapshots._store

    def stores(*given: Any) -> Any:
        arrived.set()
        return store(*given)

    def freezing() -> bool:
        with transaction.atomic():
            freeze(eve)
            frozen.set()
            assert arrived.wait(LONG)
            return stored.wait(SHORT)

    def storing() -> Snapshot | None:
        assert frozen.wait(LONG)
        made = snapshots.recompute(board=BOARD, now=timezone.now())
        stored.set()
        return made

    monkeypatch.setattr(snapshots, "_store", stores)
    one, other = pool.submit(closing(freezing)), pool.submit(closing(storing))
    assert one.result(2 * LONG) is False, "it was not held back"
    assert other.result(2 * LONG) is None
    assert Snapshot.objects.filter(board="overall").count() == 1


def test_a_freeze_waits_for_the_snapshot_that_is_being_stored(
    pool: ThreadPoolExecutor, eve: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And keeps it: whoever freezes a board knows what stands on it from then on."""
    storing, frozen = threading.Event(), threading.Event()
    create = Snapshot.objects.create

    def slow(**fields: Any) -> Snapshot:
        storing.set()
        assert not frozen.wait(SHORT), "it was not held back"
        return create(**fields)

    def freezing() -> None:
        assert storing.wait(LONG)
        freeze(eve)
        frozen.set()

    monkeypatch.setattr(Snapshot.objects, "create", slow)
    other = pool.submit(closing(freezing))
    made = snapshots.recompute(board=BOARD, now=timezone.now())
    other.result(2 * LONG)
    assert made is not None
    assert Freeze.objects.living().filter(board="overall").exists()
    monkeypatch.undo()
    assert snapshots.recompute(board=BOARD, now=timezone.now()) is None
