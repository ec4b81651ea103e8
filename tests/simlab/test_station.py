"""The simulated table as a station: real physics, a policy over a real websocket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from arena_client.policy import PolicyConnection, PolicyError
from arena_client.rollout import run_rollout
from arena_client.station import FilmingStation, load_station
from simlab.rendering import renderer
from simlab.scene import MAX_ACTIONS
from simlab.station import SimulatedStation
from simlab.tasks import TASKS
from tests.simlab.servers import FaultyServer, policy_servers

pytestmark = pytest.mark.sim

WORDS = TASKS["button-press-topdown-v3"].instructions[0]


@pytest.fixture(autouse=True)
def _drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SIMLAB_RENDERER", "drawn")
    renderer.cache_clear()
    yield
    renderer.cache_clear()


@pytest.fixture
def station() -> Iterator[SimulatedStation]:
    made = load_station("simlab.station:SimulatedStation")
    assert isinstance(made, SimulatedStation)
    assert isinstance(made, FilmingStation)
    yield made
    made.close()


def test_the_instruction_sets_up_its_task(station: SimulatedStation, tmp_path: Path) -> None:
    with policy_servers("expert") as (address,), PolicyConnection(address, prompt=WORDS) as policy:
        rollout = run_rollout(station, policy, instruction=WORDS, max_steps=MAX_ACTIONS, folder=tmp_path)
    assert (rollout.success, rollout.ended_by) == (True, "station")
    assert rollout.files.keys() == {"left", "wrist", "trajectory"}
    assert all(path.stat().st_size > 1000 for path in rollout.files.values())
    assert station.rollout().outcome.steps == rollout.steps


def test_both_sides_start_alike(station: SimulatedStation) -> None:
    states = []
    for _ in range(2):
        station.reset(WORDS)
        states.append(station.observe()["observation/sim_state"])
    assert (states[0] == states[1]).all()


def test_words_of_no_task_are_said(station: SimulatedStation) -> None:
    with pytest.raises(ValueError, match="knows no task"):
        station.reset("make coffee")


def test_a_policy_that_moves_otherwise_is_not_run(station: SimulatedStation) -> None:
    server = FaultyServer(metadata={"action_space": "joint_position"})
    with (
        server.running() as address,
        PolicyConnection(address) as policy,
        pytest.raises(PolicyError, match="cartesian_velocity"),
    ):
        run_rollout(station, policy, instruction=WORDS)
    assert server.episodes == [[]]
