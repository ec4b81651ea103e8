"""Rollouts: chunks, ends, films, and what is left when one breaks off."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from arena_client.policy import PolicyConnection, PolicyError, PolicyMetadata, Unreachable
from arena_client.rollout import Rollout, run_rollout
from arena_client.station import Station, StepResult, load_station
from arena_client.videos import NoVideo
from tests.arena_client.policies import METADATA, policy_server
from tests.arena_client.stations import FilmingStation, SmallStation
from tests.processes import ROOT


class Chunks:
    """A policy of numbered actions, four at once."""

    def __init__(self) -> None:
        self.infers = 0
        self.resets = 0

    def infer(self, observation: Any) -> Any:
        self.infers += 1
        return np.arange(4.0)[:, None] + 4 * (self.infers - 1) + np.zeros(8)

    def reset(self) -> None:
        self.resets += 1


def numbers(station: SmallStation) -> list[float]:
    return [float(action[0]) for action in station.actions]


def test_actions_are_carried_out_chunk_by_chunk() -> None:
    station, policy = SmallStation(ends_at=99), Chunks()
    rollout = run_rollout(station, policy, instruction="open the drawer", max_steps=10)
    assert station.resets == ["open the drawer"]
    assert numbers(station) == list(range(10))
    assert (rollout.steps, rollout.ended_by, rollout.success) == (10, "steps", None)
    assert (policy.infers, station.observed, policy.resets) == (3, 3, 1)


def test_the_first_of_a_chunk_may_be_all_that_is_done() -> None:
    station = SmallStation(ends_at=99)
    run_rollout(station, Chunks(), max_steps=5, chunk=2)
    assert numbers(station) == [0, 1, 4, 5, 8]


def test_the_station_ends_it_in_the_middle_of_a_chunk() -> None:
    station = SmallStation(ends_at=6)
    rollout = run_rollout(station, Chunks())
    assert (rollout.steps, rollout.ended_by) == (6, "station")


def test_a_station_may_know_that_it_was_done() -> None:
    class Knowing(SmallStation):
        def step(self, action: Any) -> StepResult:
            return StepResult(done=bool(super().step(action)), success=len(self.actions) == 6)

    assert run_rollout(Knowing(), Chunks()).success is True


def test_people_can_end_it() -> None:
    station = SmallStation(ends_at=99)
    rollout = run_rollout(station, Chunks(), should_end=lambda: len(station.actions) == 3)
    assert (rollout.steps, rollout.ended_by) == (3, "operator")


@pytest.mark.parametrize("breaks_at", [0, 3])
def test_the_station_is_told_to_stop_however_it_ends(breaks_at: int) -> None:
    station = SmallStation(breaks_at=breaks_at)
    try:
        run_rollout(station, Chunks())
    except RuntimeError:
        assert breaks_at
    assert station.stops == 1


def test_steps_keep_the_station_s_pace() -> None:
    class Paced(SmallStation):
        rate = 100.0

    began = time.monotonic()
    rollout = run_rollout(Paced(ends_at=11), Chunks())
    assert time.monotonic() - began >= 0.1
    assert rollout.seconds >= 0.1


def test_it_is_filmed_camera_by_camera(tmp_path: Path) -> None:
    rollout = run_rollout(SmallStation(), Chunks(), folder=tmp_path / "A")
    assert rollout.files == {"left": tmp_path / "A" / "left.mp4", "wrist": tmp_path / "A" / "wrist.mp4"}
    with av.open(str(rollout.files["left"])) as film:
        stream = film.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert (stream.width, stream.height) == (64, 48)
        frames = list(film.decode(video=0))
    assert len(frames) == 7  # at the start, and after each of six steps
    assert frames[6].to_ndarray(format="gray").mean() > frames[0].to_ndarray(format="gray").mean() + 30
    data = rollout.files["left"].read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_a_station_may_film_by_itself(tmp_path: Path) -> None:
    rollout = run_rollout(FilmingStation(), Chunks(), folder=tmp_path)
    assert rollout.files == {"left": tmp_path / "mine.mp4"}
    assert not (tmp_path / "left.mp4").exists()


def test_without_a_film_library_the_station_is_not_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    station = SmallStation()
    with pytest.raises(NoVideo, match="PyAV"):
        run_rollout(station, Chunks(), folder=tmp_path)
    assert station.resets == []
    assert run_rollout(FilmingStation(), Chunks(), folder=tmp_path).files


def test_what_was_done_is_remembered(tmp_path: Path) -> None:
    rollout = run_rollout(SmallStation(), Chunks(), folder=tmp_path)
    assert Rollout.load(tmp_path) == rollout
    rollout.files["left"].unlink()
    assert Rollout.load(tmp_path) is None
    assert Rollout.load(tmp_path / "elsewhere") is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"steps": 1, "seconds": 1, "files": {}, "more": 1}'])
def test_what_makes_no_sense_is_not_remembered(tmp_path: Path, content: str) -> None:
    (tmp_path / "rollout.json").write_text(content)
    assert Rollout.load(tmp_path) is None


def test_a_rollout_that_breaks_off_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        run_rollout(SmallStation(breaks_at=4), Chunks(), folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_policy_that_is_lost_at_the_end_spoils_nothing() -> None:
    class Lost(Chunks):
        def reset(self) -> None:
            raise Unreachable("gone")

    assert run_rollout(SmallStation(), Lost()).steps == 6


def test_over_a_real_websocket_the_policy_is_told_of_the_end() -> None:
    with policy_server() as server, PolicyConnection(server.address) as policy:
        rollout = run_rollout(SmallStation(), policy)
    assert (len(server.infers()), len(server.resets())) == (2, 1)
    assert 0 < rollout.mean_latency < 5


@pytest.mark.parametrize(
    ("policy", "takes", "runs"),
    [
        ("joint_position", None, True),
        ("joint_velocity", None, False),
        ("joint_velocity", ("joint_position", "joint_velocity"), True),
        ("cartesian_velocity", ("joint_position", "joint_velocity"), False),
    ],
)
def test_a_robot_is_moved_only_in_the_ways_that_it_takes(policy: str, takes: Any, runs: bool) -> None:
    station = SmallStation()
    if takes:
        vars(station)["action_spaces"] = takes
    with (
        policy_server(metadata={**METADATA, "action_space": policy}) as server,
        PolicyConnection(server.address) as connection,
        nullcontext() if runs else pytest.raises(PolicyError, match=policy),
    ):
        run_rollout(station, connection)
    assert len(station.resets) == int(runs)
    assert len(station.actions) == (6 if runs else 0)


def test_a_station_may_be_told_what_actions_mean() -> None:
    class Greeted(SmallStation):
        action_spaces = ("joint_position", "joint_velocity")
        told = ""

        def greet(self, policy: PolicyMetadata) -> None:
            assert self.resets == []
            self.told = policy.action_space

    station = Greeted()
    metadata = {**METADATA, "action_space": "joint_velocity"}
    with policy_server(metadata=metadata) as server, PolicyConnection(server.address) as policy:
        run_rollout(station, policy)
    assert station.told == "joint_velocity"


def test_a_station_is_found_by_its_name() -> None:
    assert isinstance(load_station("tests.arena_client.stations:SmallStation"), Station)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tests.arena_client.stations", "MODULE:CLASS"),
        ("no_such_lab:Station", "no module no_such_lab"),
        ("tests.arena_client.stations:Nothing", "has no Nothing"),
        ("tests.arena_client.stations:Unfinished", "lacks observe, step, frames"),
    ],
)
def test_a_station_that_is_none_is_said(name: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        load_station(name)


@pytest.mark.slow
def test_only_writing_videos_needs_the_film_library() -> None:
    code = "import sys, arena_client, arena_client.cli, arena_client.pretend; print('av' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
