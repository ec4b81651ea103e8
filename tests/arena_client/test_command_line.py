"""The command line, as a lab types it: real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from evaluations.models import MediaFile
from evaluations.models import Session as Row
from tests.arena_client.conftest import Place
from tests.arena_client.policies import policy_server
from tests.processes import ROOT

pytestmark = pytest.mark.slow

STATION = "tests.arena_client.stations:SmallStation"
TASK = "open the drawer"


@contextmanager
def arena_client(*arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ARENA_")}
    with subprocess.Popen(
        [sys.executable, "-m", "arena_client", *arguments],
        cwd=ROOT,
        env={**environment, **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def called(*arguments: str, answers: str = "", **variables: str) -> tuple[int, str, str]:
    with arena_client(*arguments, **variables) as process:
        out, err = process.communicate(answers, timeout=60)
        return process.returncode, out, err


class Terminal:
    """Dana's terminal at a place."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.variables = {"ARENA_SERVER": place.url, "ARENA_API_KEY": place.key}

    def call(self, *arguments: str, answers: str = "", **variables: str) -> tuple[int, str, str]:
        return called(*arguments, answers=answers, **{**self.variables, **variables})

    def json(self, *arguments: str) -> Any:
        status, out, err = self.call(*arguments, "--json")
        assert status == 0, err
        return json.loads(out)


@pytest.fixture
def terminal(place: Place) -> Terminal:
    return Terminal(place)


def test_help_names_every_command() -> None:
    status, out, _ = called("--help")
    assert status == 0
    for command in ("me", "stations", "open", "rollout", "upload", "score", "submit", "abandon", "run"):
        assert f"\n    {command} " in out


def test_a_session_step_by_step(terminal: Terminal, tmp_path: Path) -> None:
    place = terminal.place
    assert terminal.json("me")["email"] == place.arena.dana.email
    [station] = terminal.json("stations")
    session = terminal.json("open", "--station-id", str(station["id"]), "--instruction", TASK)
    assert session["sides"]["A"]["relay_url"].startswith("ws://")
    video = tmp_path / "left.mp4"
    video.write_bytes(b"\x00\x00\x00\x18ftypisom" + bytes(5000))
    [media] = terminal.json("upload", session["id"], "A", str(video))
    assert (media["kind"], media["size"]) == ("left", video.stat().st_size)
    for side, percent in (("A", "40"), ("B", "100")):
        episode = terminal.json("score", session["id"], side, "--progress", percent)
        assert (episode["progress"], episode["success"]) == (int(percent) / 100, percent == "100")
    ended = terminal.json("submit", session["id"], "--preference", "b", "--notes", "B was steadier.")
    assert (ended["state"], ended["valid"]) == ("submitted", True)


def test_people_are_told_in_lines(terminal: Terminal) -> None:
    status, out, err = terminal.call("open", "--station-id", str(terminal.place.station_id), "--instruction", TASK)
    session = str(Row.objects.get().pk)
    assert (status, err) == (0, "")
    assert out.splitlines()[0] == f"session {session}"
    assert out.splitlines()[1].startswith("A: ws://")
    assert f"{terminal.place.url}/evaluate/{session}" in out
    status, out, _ = terminal.call("abandon", session, "--reason", "no_time", "--comment", "lunch")
    assert status == 0
    assert out.startswith(f"session {session}: abandoned, no time left to finish\nA was policy ")


def test_errors_are_one_line_with_their_code(terminal: Terminal) -> None:
    status, out, err = terminal.call("score", "00000000-0000-0000-0000-000000000000", "A", "--progress", "5")
    assert (status, out) == (1, "")
    assert err.count("\n") == 1
    assert "[session_unknown]" in err
    assert terminal.place.key not in err


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["me"], 1, "no_server"),
        (["me", "--server", "http://127.0.0.1:1"], 1, "no_api_key"),
        (["rollout", "--station", STATION], 2, "--address"),
        (["rollout", "--address", "ws://127.0.0.1:1", "--station", "nothing"], 2, "MODULE:CLASS"),
        (["rollout", "--address", "ws://127.0.0.1:1", "--station", STATION], 1, "ConnectionRefusedError"),
        (["run", "--station-id", "1", "--station", STATION], 2, "--instruction"),
        (["score", "s", "A", "--progress", "101"], 2, "0 to 100"),
        (["upload", "s", "A", "left=/nowhere.mp4"], 2, "no file"),
    ],
)
def test_what_makes_no_sense_is_said(arguments: list[str], status: int, said: str, tmp_path: Path) -> None:
    found, _, err = called(*arguments, HOME=str(tmp_path), XDG_CONFIG_HOME=str(tmp_path))
    assert found == status, err
    assert said in err
    assert "Traceback" not in err


def test_a_rollout_needs_no_key(tmp_path: Path) -> None:
    with policy_server() as policy:
        where = ["--address", policy.address, "--station", STATION, "--save", str(tmp_path)]
        status, out, err = called("rollout", *where, "--json", HOME=str(tmp_path))
    assert status == 0, err
    told = json.loads(out)
    assert (told["steps"], told["ended_by"]) == (6, "station")
    assert told["files"] == {name: str(tmp_path / f"{name}.mp4") for name in ("left", "wrist")}
    assert all(Path(path).stat().st_size for path in told["files"].values())


def test_a_rollout_of_a_side_through_the_relay(running_place: Place, tmp_path: Path) -> None:
    session = running_place.client().open_session(running_place.station_id, TASK)
    terminal = Terminal(running_place)
    where = ["--session", session.id, "--side", "A", "--station", STATION, "--save", str(tmp_path)]
    assert terminal.json("rollout", *where)["steps"] == 6
    assert sum(len(policy.resets()) for policy in running_place.policies) == 1


def run_arguments(place: Place, folder: Path, *more: str) -> list[str]:
    return ["run", "--station-id", str(place.station_id), "--station", STATION, "--save", str(folder), *more]


def test_a_whole_session_with_answers_typed(running_place: Place, tmp_path: Path) -> None:
    answers = "much\n40\n100\n\nX\nb\nB was steadier.\n\n"
    arguments = run_arguments(running_place, tmp_path, "--instruction", TASK)
    status, out, err = Terminal(running_place).call(*arguments, answers=answers)
    assert status == 0, err
    row = Row.objects.get()
    assert (row.state, row.valid) == ("submitted", True)
    assert row.results.get().notes == "B was steadier."
    assert "A whole number from 0 to 100." in err
    assert " was policy " in out


def test_scores_may_be_left_to_the_browser(running_place: Place, tmp_path: Path) -> None:
    arguments = run_arguments(running_place, tmp_path, "--instruction", TASK, "--score-in-browser")
    status, out, err = Terminal(running_place).call(*arguments)
    assert status == 0, err
    assert out == f"judge it at {running_place.url}/evaluate/{Row.objects.get().pk}\n"
    assert MediaFile.objects.count() == 4


def test_ctrl_c_says_how_to_go_on_and_it_does(running_place: Place, tmp_path: Path) -> None:
    terminal = Terminal(running_place)
    arguments = run_arguments(running_place, tmp_path, "--instruction", TASK)
    with arena_client(*arguments, **terminal.variables, PYTHONUNBUFFERED="1") as process:
        assert process.stderr is not None
        told = ""
        while "how far did it get?" not in told:
            told += process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    session = str(Row.objects.get().pk)
    assert process.returncode == 130
    assert f"arena-client run --resume --station-id {running_place.station_id} --station {STATION}" in err
    assert f"arena-client abandon {session} --reason no_time" in err
    assert "Traceback" not in err
    status, out, err = terminal.call(*run_arguments(running_place, tmp_path, "--resume"), answers="40\n30\na\nok\n\n")
    assert status == 0, err
    assert session in out
    assert Row.objects.get().valid
    assert len([infer for policy in running_place.policies for infer in policy.infers()]) == 4
