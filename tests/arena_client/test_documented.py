"""docs/client.md: its programs run, its commands exist, its tables are complete."""

from __future__ import annotations

import re
import sys
import types
from typing import Any

import numpy as np
import pytest

import arena_client
from arena_client.cli import _parser
from arena_client.client import Client
from arena_client.policy import PolicyConnection
from arena_client.rollout import run_rollout
from arena_client.running import Judge
from arena_client.station import GreetedStation, Station, StoppableStation
from tests.arena_client.policies import METADATA, policy_server
from tests.processes import ROOT

TEXT = (ROOT / "docs" / "client.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


class Hardware:
    """Stands for a lab's own drivers."""

    moves: list[tuple[str, Any]]

    def __init__(self, *_: str) -> None:
        self.moves = []

    def joints(self) -> Any:
        return np.zeros(7)

    def pose(self) -> Any:
        return np.zeros(6)

    def gripper(self) -> float:
        return 0.0

    def read(self) -> Any:
        return np.zeros((18, 32, 3), np.uint8)

    def __getattr__(self, name: str) -> Any:
        return lambda *given: self.moves.append((name, given))


@pytest.fixture
def my_lab(monkeypatch: pytest.MonkeyPatch) -> Any:
    hardware = types.ModuleType("my_lab_hardware")
    vars(hardware).update(Arm=Hardware, Camera=Hardware)
    module = types.ModuleType("my_lab")
    monkeypatch.setitem(sys.modules, "my_lab_hardware", hardware)
    monkeypatch.setitem(sys.modules, "my_lab", module)
    exec(PROGRAMS[0], vars(module))
    return module


@pytest.mark.parametrize(("space", "moved"), [("joint_position", "move_to"), ("joint_velocity", "move_by_velocity")])
def test_the_station_of_the_example_runs(my_lab: Any, space: str, moved: str) -> None:
    station = my_lab.Station()
    station.rate = 1000.0
    assert all(isinstance(station, kind) for kind in (Station, GreetedStation, StoppableStation))
    metadata = {**METADATA, "action_space": space, "n_external_cameras": 2}
    with policy_server(metadata=metadata) as server, PolicyConnection(server.address) as policy:
        assert run_rollout(station, policy, max_steps=3).steps == 3
    assert [name for name, _ in station.arm.moves] == ["go_home", *[moved, "grip"] * 3, "hold"]
    assert server.infers()[0]["observation/exterior_image_2_left"].shape == (64, 64, 3)


def test_the_judge_of_the_example_is_one(my_lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setenv("ARENA_API_KEY", "arena_key")

    def run(client: Client, station: Any, **more: Any) -> Any:
        given.update(more)
        return types.SimpleNamespace(sides={})

    monkeypatch.setattr(arena_client, "run_session", run)
    exec(PROGRAMS[1], {"__name__": "example"})
    judge: Judge = given["judge"]
    assert judge.score(None, "A", None).failure_modes == ["dropped"]  # type: ignore[arg-type]
    assert judge.compare(None).preference == "B"  # type: ignore[arg-type]


def test_every_command_is_told() -> None:
    [commands] = [action.choices for action in _parser()._actions if isinstance(action.choices, dict)]
    for name in commands:
        assert re.search(rf"arena[-_]client {name}\b|^\| .*`{name}[ `]", TEXT, re.MULTILINE), name


def test_every_option_that_is_told_exists() -> None:
    [commands] = [action.choices for action in _parser()._actions if isinstance(action.choices, dict)]
    known = {option for parser in commands.values() for action in parser._actions for option in action.option_strings}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT)) <= known


def test_every_method_is_told() -> None:
    methods = {name for name in vars(Client) if not name.startswith("_")} - {"close", "page", "server"}
    assert not {name for name in methods if f"`{name}`" not in TEXT}


def test_every_code_of_the_client_s_own_is_told() -> None:
    errors = "ArenaError|NotSignedIn|NotFound|Conflict|Unanswered|BadAnswer"
    texts = [path.read_text() for path in (ROOT / "arena_client").glob("*.py")]
    made = {code for text in texts for code in re.findall(rf"(?:{errors})\(\s*\"(\w+)\"", text)}
    assert made > {"no_server", "bad_answer"}
    platform = set(re.findall(r"`(\w+)`", (ROOT / "docs" / "errors.md").read_text()))
    assert {code for code in made if f"`{code}`" not in TEXT} <= platform
