"""Whole sessions against the real API, through the real relay; and again after each way to break off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from arena_client.answers import Session
from arena_client.errors import ArenaError, Conflict, NotFound
from arena_client.policy import PolicyError
from arena_client.rollout import Rollout
from arena_client.running import NOBODY, Score, Verdict, run_session
from evaluations.models import Draft, Episode, MediaFile
from evaluations.models import Session as Row
from tests.arena_client.conftest import Place
from tests.arena_client.stations import SmallStation

pytestmark = pytest.mark.slow

TASK = "open the drawer"


class Judge:
    """B was better. `dies_at` is where the program ends instead: at a side's score, or at the comparison."""

    def __init__(self, dies_at: str = "") -> None:
        self.dies_at = dies_at
        self.scored: list[tuple[str, int | None]] = []

    def score(self, session: Session, side: str, rollout: Rollout | None) -> Score:
        if side == self.dies_at:
            raise KeyboardInterrupt
        self.scored.append((side, rollout.steps if rollout else None))
        return Score(progress=1.0 if side == "B" else 0.25, success=side == "B")

    def compare(self, session: Session) -> Verdict:
        if self.dies_at == "compare":
            raise KeyboardInterrupt
        return Verdict("B", "B was steadier.")


class Bench:
    """Runs sessions at a place; notes when the scene is to be restored."""

    def __init__(self, place: Place, folder: Path) -> None:
        self.place = place
        self.folder = folder
        self.restored = 0
        self.told: list[str] = []
        self.attendant = replace(NOBODY, restore=self._restore, say=self.told.append)

    def run(self, station: Any = None, judge: Any = None, **more: Any) -> Session:
        given: dict[str, Any] = {"instruction": TASK, "attendant": self.attendant, "folder": self.folder, **more}
        with self.place.client() as client:
            return run_session(
                client, station or SmallStation(), station_id=self.place.station_id, judge=judge, **given
            )

    def _restore(self, session: Session) -> None:
        self.restored += 1

    @property
    def infers(self) -> int:
        return sum(len(policy.infers()) for policy in self.place.policies)


@pytest.fixture
def bench(running_place: Place, tmp_path: Path) -> Bench:
    return Bench(running_place, tmp_path / "sessions")


def test_a_session_from_the_task_to_the_names(bench: Bench) -> None:
    station, judge = SmallStation(), Judge()
    session = bench.run(station, judge)
    assert (session.state, session.valid) == ("submitted", True)
    assert station.resets == [TASK, TASK]
    assert judge.scored == [("A", 6), ("B", 6)]
    assert bench.restored == 1
    assert {side.policy.slug for side in session.sides.values() if side.policy} == {
        version.policy.slug for version in bench.place.arena.versions
    }
    assert [(one.side.label, one.progress, one.duration_steps) for one in Episode.objects.order_by("side__label")] == [
        ("A", 0.25, 5),  # the index of the last of six steps
        ("B", 1.0, 5),
    ]
    kept = sorted(MediaFile.objects.values_list("side__label", "kind"))
    assert kept == [("A", "left"), ("A", "wrist"), ("B", "left"), ("B", "wrist")]


def test_each_policy_is_told_the_task_and_neither_side_nor_session(bench: Bench) -> None:
    session = bench.run(judge=Judge())
    for policy in bench.place.policies:
        assert len(policy.resets()) == 1
        assert {request["prompt"] for request in policy.infers()} == {TASK}
        assert not any(session.id in str(request["session_id"]) for request in policy.requests)


def test_the_judgement_may_be_left_to_the_browser(bench: Bench) -> None:
    session = bench.run()
    assert session.is_open
    assert all(side.episode is None for side in session.sides.values())
    assert [len(side.media) for side in session.sides.values()] == [2, 2]
    draft = Draft.objects.get(session=Row.objects.get())
    assert {name: field["value"] for name, field in draft.fields.items()} == {"a_done": True, "b_done": True}


@pytest.mark.parametrize(("dies_at", "again"), [("A", ["A", "B"]), ("B", ["B"]), ("compare", [])])
def test_what_was_run_is_not_run_again(bench: Bench, dies_at: str, again: list[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        bench.run(judge=Judge(dies_at))
    before, judge, station = bench.infers, Judge(), SmallStation()
    session = bench.run(station, judge, instruction="", resume=True)
    assert session.valid
    assert Row.objects.count() == 1
    assert [side for side, _ in judge.scored] == again
    assert len(station.resets) == (1 if dies_at == "A" else 0)  # A lies on the disk; B never ran
    assert bench.infers == before + (2 if dies_at == "A" else 0)
    assert MediaFile.objects.count() == 4


def test_a_session_run_elsewhere_is_only_scored_here(bench: Bench, tmp_path: Path) -> None:
    bench.run()
    judge, station = Judge(), SmallStation()
    assert bench.run(station, judge, resume=True, folder=tmp_path / "other machine").valid
    assert judge.scored == [("A", None), ("B", None)]
    assert station.resets == []


def test_a_robot_that_fails_leaves_the_session_open(bench: Bench) -> None:
    with pytest.raises(RuntimeError, match="stuck"):
        bench.run(SmallStation(breaks_at=3), Judge())
    assert Row.objects.get().closed_at is None
    assert MediaFile.objects.count() == 0
    assert bench.run(judge=Judge(), resume=True).valid


def test_a_policy_that_fails_is_run_again_from_the_same_start(bench: Bench) -> None:
    bench.place.restart_policies(breaks_after=[1])
    failures: list[str] = []

    def again(side: str, error: Exception) -> bool:
        failures.append(side)
        bench.place.restart_policies(breaks_after=[])
        return True

    bench.attendant = replace(bench.attendant, again=again)
    station = SmallStation()
    assert bench.run(station, Judge()).valid
    assert failures == ["A"]
    assert len(station.resets) == 3
    assert bench.restored == 2
    assert MediaFile.objects.count() == 4


def test_nobody_insists_on_a_policy_that_fails(bench: Bench) -> None:
    bench.place.restart_policies(answers=["Traceback: no"])
    with pytest.raises(PolicyError, match="policy_error"):
        bench.run(judge=Judge())
    assert Row.objects.get().closed_at is None


def test_there_may_be_nothing_to_resume(bench: Bench) -> None:
    with pytest.raises(NotFound) as refused:
        bench.run(instruction="", resume=True)
    assert refused.value.code == "no_open_session"


def test_a_session_that_ended_meanwhile_is_not_run(bench: Bench) -> None:
    class Ending(Judge):
        def score(self, session: Session, side: str, rollout: Rollout | None) -> Score:
            score = super().score(session, side, rollout)
            with bench.place.client() as client:
                client.abandon(session.id, reason="no_time")
            return score

    station = SmallStation()
    with pytest.raises(Conflict) as refused:
        bench.run(station, Ending())
    assert refused.value.code == "session_ended"
    assert len(station.resets) == 1


def test_a_session_that_is_not_to_count_says_why(bench: Bench) -> None:
    class Unhappy(Judge):
        def compare(self, session: Session) -> Verdict:
            return Verdict("A", "", invalid_reason="scene_differed", invalid_comment="the cup had moved")

    session = bench.run(judge=Unhappy())
    assert (session.valid, session.reason) == (False, "scene_differed")


def test_a_task_that_cannot_be_is_said_before_anything_moves(bench: Bench) -> None:
    station = SmallStation()
    with pytest.raises(ArenaError):
        bench.run(station, Judge(), instruction=" ")
    assert station.resets == []
