"""The command line, as the demo and a visitor use it: real processes."""

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
from websockets.sync.client import connect

from arena_client import wire
from simlab.__main__ import main
from simlab.labs import PROFILES
from simlab.policies import POLICIES
from simlab.server import METADATA
from tests.simlab.servers import FaultyServer, policy_servers
from tests.simlab.stub_platform import StubPlatform, stub_platform
from tests.simlab.test_lab import FULL_SESSION, pair

ROOT = Path(__file__).parents[2]
CODE = "open-sesame"


@contextmanager
def simlab(*arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """The command as a process of its own, ended at the end of the test whatever happens."""
    environment = {name: value for name, value in os.environ.items() if name != "SIMLAB_ACCESS_CODE"}
    with subprocess.Popen(
        [sys.executable, "-m", "simlab", *arguments],
        cwd=ROOT,
        env={**environment, "SIMLAB_RENDERER": "drawn", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def lab(platform: StubPlatform, *arguments: str) -> list[str]:
    who = ["--institution", "The Lab", "--email", "ada@lab.example"]
    return ["lab", "aurora", "--server", platform.url, *who, "--seed", "3", *arguments]


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_policies_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policies", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == list(POLICIES)
    assert all(row["version"] and row["description"] and row["licence"] for row in rows)
    assert not any(row["reads_images"] for row in rows)
    assert main(["policies"]) == 0
    assert capsys.readouterr().out.count("\n") == len(POLICIES)


def test_labs_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["labs", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == list(PROFILES)
    assert all(row["title"] and row["evaluators"] and row["task_mix"] for row in rows)
    assert all(row["cameras"] == ["left", "wrist"] for row in rows)
    assert main(["labs"]) == 0
    assert capsys.readouterr().out.count("\n") == len(PROFILES)


def test_a_missing_simulator_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "metaworld.policies", None)
    assert main(["serve", "--first-port", "0"]) == 1
    assert capsys.readouterr().err == "simlab: metaworld is not installed: install requirements-simlab.lock\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_servers_say_where_they_listen_and_stop_when_told(number: signal.Signals) -> None:
    with simlab("serve", "--first-port", "0", "--policy", "slow", "--policy", "random") as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert ready["ready"] is True
        assert [row["name"] for row in ready["policies"]] == ["slow", "random"]
        assert all(row.keys() == {"name", "version", "endpoint", "description"} for row in ready["policies"])
        for row in ready["policies"]:
            with connect(row["endpoint"], proxy=None) as connection:
                metadata = connection.recv()
                assert isinstance(metadata, bytes)
                assert wire.unpack(metadata) == METADATA
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
        assert (process.returncode, out, err) == (0, "", "")


def test_a_port_that_is_taken_is_said() -> None:
    with policy_servers("random") as (endpoint,):
        port = endpoint.rsplit(":", 1)[1]
        with simlab("serve", "--first-port", port, "--policy", "slow") as process:
            out, err = process.communicate(timeout=10)
    assert process.returncode == 1
    assert out == ""
    assert err.startswith("simlab: cannot listen:")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((), "simlab: give the access code in SIMLAB_ACCESS_CODE or by --code-file\n"),
        (("--code-file", "/nowhere"), "simlab: cannot read /nowhere: No such file or directory\n"),
    ],
)
def test_a_lab_without_a_code_says_where_to_put_it(more: tuple[str, ...], said: str) -> None:
    with stub_platform() as platform, simlab(*lab(platform, *more)) as process:
        _, err = process.communicate(timeout=10)
        assert (process.returncode, err) == (2, said)
        assert platform.calls == []


def test_a_lab_whose_code_is_refused_ends_with_the_platform_s_words() -> None:
    with (
        stub_platform(refuse={"/validate_evaluator_access": [403]}) as platform,
        simlab(*lab(platform), SIMLAB_ACCESS_CODE=CODE) as process,
    ):
        out, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "403" in err
    assert "not now" in err
    assert CODE not in out + err


@pytest.mark.sim
def test_a_lab_ends_after_as_many_sessions_as_it_was_asked_for(tmp_path: Path) -> None:
    secret = tmp_path / "code"
    secret.write_text(CODE + "\n")
    with policy_servers("expert", "slow") as endpoints, stub_platform(pair=pair(*endpoints)) as platform:
        arguments = lab(platform, "--sessions", "2", "--code-file", str(secret), "--embodiment", "SAWYER", "--json")
        with simlab(*arguments) as process:
            out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert [one["event"] for one in events(out)].count("submitted") == 2
    assert events(out)[0] == {"event": "ready", "lab": "aurora", "renderer": "drawn"}
    assert platform.paths()[2:] == FULL_SESSION * 2
    asked = platform.named("/get_policies_to_compare")[0].fields
    assert (asked["robot_name"], asked["evaluator_code"]) == ("SAWYER", CODE)
    assert CODE not in out


@pytest.mark.sim
def test_events_can_be_read_by_people_too() -> None:
    with (
        policy_servers("expert", "slow") as endpoints,
        stub_platform(pair=pair(*endpoints)) as platform,
        simlab(*lab(platform, "--sessions", "1"), SIMLAB_ACCESS_CODE=CODE) as process,
    ):
        out, _ = process.communicate(timeout=60)
    assert out.startswith("ready: lab aurora, renderer drawn\nsession opened: session session-1, task ")
    assert CODE not in out


@pytest.mark.sim
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_lab_that_is_told_to_stop_leaves_in_order(number: signal.Signals) -> None:
    """It is stopped while it waits for a relay that is away, in the middle of a session."""
    with (
        FaultyServer(refusals=[503] * 50).running() as endpoint,
        stub_platform(pair=pair(endpoint, endpoint)) as platform,
        simlab(*lab(platform, "--json"), SIMLAB_ACCESS_CODE=CODE) as process,
    ):
        assert process.stdout is not None
        while json.loads(process.stdout.readline())["event"] != "waiting":
            pass
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
        assert (process.returncode, err) == (0, "")
        assert events(out)[-1]["reason"] == "the lab is closing"
        assert platform.calls[-1].path == "/terminate_session"
        assert "VALID_SESSION" not in platform.calls[-1].fields["evaluation_notes"]
