"""The whole loop through real processes: policy servers, relay, the client's calls, worker, board."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import requests

from tests.homes import temporary_home
from tests.workers.platform import Platform, eventually, policy_servers, running_platform, simulated_lab

pytestmark = [pytest.mark.slow, pytest.mark.sim]

PROFILE = "aurora"
EMAIL = "dana@example.org"
BOARD_S = 60


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    """A running platform with three simulated policies registered. The tests of this module go on with its data."""
    with ExitStack() as stack:
        platform = stack.enter_context(running_platform(stack.enter_context(temporary_home())))
        served = stack.enter_context(policy_servers("expert", "slow", "random"))
        platform.command("create_lab", "Owners", "--simulated")
        for policy in served:
            made = platform.command(
                *("register_policy", policy["name"], "--lab", "Owners", "--embodiment", "METAWORLD"),
                *("--endpoint", policy["endpoint"], "--version", policy["version"]),
            )
            assert made["check"]["status"] == "passed", made
        yield platform


@pytest.fixture(scope="module")
def code(platform: Platform) -> str:
    """Dana's access code at a simulated station."""
    platform.command("create_lab", "Sim lab", "--simulated")
    platform.command("create_member", EMAIL, "--lab", "Sim lab", "--role", "evaluator")
    platform.command(
        *("create_station", "bench", "--lab", "Sim lab", "--cameras", "left,wrist", "--embodiment", "METAWORLD")
    )
    made = platform.command("create_client_key", "--email", EMAIL, "--station", "bench")
    return str(made["code"])


def valid_ends(events: list[dict[str, Any]]) -> set[str]:
    """The sessions that a lab submitted as valid."""
    return {event["session"] for event in events if event["event"] == "submitted" and event["valid"]}


def valid_sessions(platform: Platform) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = platform.get("/api/list_ab_evaluations?board=simulation")["evaluations"]
    return listed


def comparisons_on_board(platform: Platform) -> int:
    board: list[dict[str, int]] = platform.get("/api/leaderboard?board=simulation")["board"]
    return sum(row["num_evals"] for row in board) // 2


def await_board(platform: Platform, sessions: set[str]) -> None:
    """The valid sessions are exactly these, once each, and the board counts them."""
    listed = [row["session_id"] for row in valid_sessions(platform)]
    assert (len(listed), set(listed)) == (len(sessions), sessions)
    eventually(lambda: comparisons_on_board(platform) == len(sessions), within_s=BOARD_S, what="the board counts them")


def test_policies_are_compared_and_ranked(platform: Platform, code: str) -> None:
    with simulated_lab(platform, profile=PROFILE, email=EMAIL, code=code, sessions=3) as lab:
        valid = valid_ends(lab.events())
    assert valid
    await_board(platform, valid)
    for row in valid_sessions(platform):
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
    before = {row["session_id"] for row in valid_sessions(platform)}
    files = stored_videos(platform)
    with simulated_lab(platform, profile=PROFILE, email=EMAIL, code=code, sessions=3) as lab:
        eventually(lambda: stored_videos(platform) > files, within_s=60, what="a side of a session is uploaded")
        os.kill(platform.processes(*victim)[0], signal.SIGKILL)
        if "up" in victim:
            eventually(lambda: not platform.processes(), within_s=30, what="nothing is left of the killed supervisor")
            platform.start()
        events = lab.events()
    platform.wait_until_well()
    ended = [event for event in events if event["event"] == "submitted" or event.get("reason") == "walked away"]
    assert len(ended) == 3, events
    await_board(platform, before | valid_ends(events))


def stored_videos(platform: Platform) -> int:
    return sum(1 for _ in (platform.home / "media").rglob("*.mp4"))
