"""The whole loop through real processes: policy servers, relay, the client's calls, worker, board."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.workers.platform import Platform, eventually, policy_servers, running_platform, simulated_lab

pytestmark = [pytest.mark.slow, pytest.mark.sim]

PROFILE = "aurora"
EMAIL = "dana@example.org"
BOARD_S = 60


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """A running platform with three simulated policies registered."""
    with ExitStack() as stack:
        platform = stack.enter_context(running_platform(tmp_path / "home"))
        served = stack.enter_context(policy_servers("expert", "slow", "random"))
        platform.command("create_lab", "Owners", "--simulated")
        for policy in served:
            made = platform.command(
                *("register_policy", policy["name"], "--lab", "Owners", "--embodiment", "METAWORLD"),
                *("--endpoint", policy["endpoint"], "--version", policy["version"]),
            )
            assert made["check"]["status"] == "passed", made
        yield platform


@pytest.fixture
def code(platform: Platform) -> str:
    """Dana's access code at a simulated station."""
    platform.command("create_lab", "Sim lab", "--simulated")
    platform.command("create_member", EMAIL, "--lab", "Sim lab", "--role", "evaluator")
    platform.command(
        *("create_station", "bench", "--lab", "Sim lab", "--cameras", "left,wrist", "--embodiment", "METAWORLD")
    )
    made = platform.command("create_client_key", "--email", EMAIL, "--station", "bench")
    return str(made["code"])


def submitted(events: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {event["session"]: event for event in events if event["event"] == "submitted"}


def valid_sessions(platform: Platform) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = platform.get("/api/list_ab_evaluations?board=simulation")["evaluations"]
    return listed


def comparisons_on_board(platform: Platform) -> int:
    board: list[dict[str, int]] = platform.get("/api/leaderboard?board=simulation")["board"]
    return sum(row["num_evals"] for row in board) // 2


def test_policies_are_compared_and_ranked(platform: Platform, code: str) -> None:
    with simulated_lab(platform, profile=PROFILE, email=EMAIL, code=code, sessions=3) as lab:
        events = lab.events()
    ended = submitted(events)
    valid = {session for session, event in ended.items() if event["valid"]}
    assert valid
    listed = valid_sessions(platform)
    assert {row["session_id"] for row in listed} == valid
    eventually(lambda: comparisons_on_board(platform) == len(valid), within_s=BOARD_S, what="the board counts them")
    for row in listed:
        _check_session(platform, row)


def _check_session(platform: Platform, row: dict[str, Any]) -> None:
    """Both sides have a progress, and videos that can be fetched in parts; the page shows what the relay measured."""
    for side in (row["policyA"], row["policyB"]):
        assert 0 <= side["partial_success"] <= 1
        for camera in ("wrist_video_url", "third_person_video_url"):
            part = requests.get(side[camera], headers={"Range": "bytes=0-99"}, timeout=10)
            assert (part.status_code, len(part.content)) == (206, 100)
            assert b"ftyp" in part.content
    page = requests.get(f"{platform.url}/sessions/{row['session_id']}", timeout=10)
    assert page.status_code == 200
    assert row["policyA"]["name"].partition("@")[0] in page.text


@pytest.mark.parametrize(
    "victim",
    [
        pytest.param(("gunicorn",), id="web"),
        pytest.param(("workers.celery", "worker", "--concurrency"), id="worker"),
        pytest.param(("manage.py", "relay"), id="relay"),
        pytest.param(("manage.py", "up"), id="supervisor"),
    ],
)
def test_a_part_killed_in_the_middle_loses_and_doubles_nothing(
    platform: Platform, code: str, victim: tuple[str, ...]
) -> None:
    with simulated_lab(platform, profile=PROFILE, email=EMAIL, code=code, sessions=4) as lab:
        eventually(lambda: _is_running(platform), within_s=60, what="a session is running")
        os.kill(platform.processes(*victim)[0], signal.SIGKILL)
        if "up" in victim:
            eventually(lambda: not platform.processes(), within_s=30, what="nothing is left of the killed supervisor")
            platform.start()
        events = lab.events()
    platform.wait_until_well()
    ended = submitted(events)
    assert len(ended) + sum(event.get("reason") == "walked away" for event in events) == 4, events
    valid = sorted(session for session, event in ended.items() if event["valid"])
    assert sorted(row["session_id"] for row in valid_sessions(platform)) == valid
    eventually(lambda: comparisons_on_board(platform) == len(valid), within_s=BOARD_S, what="the board counts them")


def _is_running(platform: Platform) -> bool:
    """A side of some session has been uploaded: its file lies in the media folder."""
    return any((platform.home / "media").rglob("*.mp4"))
