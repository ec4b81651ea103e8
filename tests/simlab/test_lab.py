"""A lab against a small platform over real HTTP and real policy servers over real websockets."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import av
import pytest
from av.container import InputContainer

from simlab import notes
from simlab.calls import Evaluator, Platform, Refused
from simlab.lab import Lab
from simlab.labs import PROFILES
from simlab.policies import POLICIES
from simlab.rendering import renderer
from tests.simlab.servers import Fault, FaultyServer, policy_servers
from tests.simlab.stub_platform import HANG_UP, StubPlatform, stub_platform

pytestmark = pytest.mark.sim

CODE = "open-sesame"
BUTTONS_ONLY = replace(PROFILES["aurora"], mix={"pick": 0, "push": 0, "press": 1, "articulated": 0})
UNDISTURBED = replace(BUTTONS_ONLY, invalid=0.0, walks_away=0.0)
FULL_SESSION = ["/get_policies_to_compare", "/upload_eval_data", "/upload_eval_data", "/terminate_session"]


@pytest.fixture(autouse=True)
def _drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """These tests are about the calls; drawing is quicker than rendering."""
    monkeypatch.setenv("SIMLAB_RENDERER", "drawn")
    renderer.cache_clear()
    yield
    renderer.cache_clear()


@pytest.fixture(scope="module")
def endpoints() -> Iterator[list[str]]:
    with policy_servers("expert", "slow") as running:
        yield running


def pair(*endpoints: str) -> list[dict[str, str]]:
    """As the platform deals it: a host, and a port that holds the rest of the address."""
    sides = [re.fullmatch(r"ws://([^:]+):(.+)", endpoint) for endpoint in endpoints]
    return [{"label": label, "ip": side[1], "port": side[2]} for label, side in zip("AB", sides, strict=True) if side]


class Bench:
    """A lab at a stub platform, with all events that it reports. Its pauses take no time."""

    def __init__(self, platform: StubPlatform, profile: Any = UNDISTURBED) -> None:
        self.stub = platform
        self.events: list[dict[str, Any]] = []
        self.on_wait: Callable[[], None] = lambda: None
        evaluator = Evaluator("ada@lab.example", "The Lab", CODE)
        client = Platform(server=platform.url, evaluator=evaluator, wait=self._wait)
        self.lab = Lab(profile=profile, platform=client, report=self._report, wait=self._wait)

    def work(self, sessions: int = 1, seed: int = 5, **settings: Any) -> None:
        try:
            self.lab.work(sessions=sessions, seed=seed, **settings)
        finally:
            self.lab.close()

    def named(self, event: str) -> list[dict[str, Any]]:
        return [one for one in self.events if one["event"] == event]

    def _report(self, event: str, **facts: Any) -> None:
        self.events.append({"event": event, **facts})

    def _wait(self, reason: str, seconds: float) -> None:
        self._report("waiting", reason=reason, seconds=seconds)
        self.on_wait()


@pytest.fixture
def stub(endpoints: list[str]) -> Iterator[StubPlatform]:
    with stub_platform(pair=pair(*endpoints)) as running:
        yield running


@pytest.fixture
def bench(stub: StubPlatform) -> Bench:
    return Bench(stub)


def test_a_session_is_the_client_s_calls_in_their_order(bench: Bench, stub: StubPlatform) -> None:
    bench.lab.enter()
    bench.work()
    assert stub.paths() == ["/version_check", "/validate_evaluator_access", *FULL_SESSION]
    assert [one["event"] for one in bench.events] == [
        "ready",
        "session_opened",
        "rollout",
        "uploaded",
        "rollout",
        "uploaded",
        "submitted",
    ]


def test_an_upload_has_the_client_s_fields_and_files(bench: Bench, stub: StubPlatform) -> None:
    bench.work()
    asked, first, second = stub.named("/get_policies_to_compare")[0], *stub.named("/upload_eval_data")
    for upload, side, dealt in zip((first, second), "AB", stub.pair, strict=True):
        fields = upload.fields
        assert fields["session_id"] == "session-1"
        assert fields["evaluator_code"] == CODE
        assert fields["command"] == asked.fields["language_instruction"]
        assert (fields["policy_ip"], fields["policy_port"]) == (dealt["ip"], dealt["port"])
        assert re.fullmatch(rf"{side};avg_latency=\d\.\d{{3}}", fields["policy_letter"])
        assert re.fullmatch(r"\d{4}(_\d\d){5}", fields["timestamp"])
        assert re.fullmatch(r"[01]\.\d{3}", fields["partial_success"])
        assert (fields["binary_success"] == "1") == (fields["partial_success"] == "1.000")
        assert (fields["third_person_camera_type"], fields["third_person_camera_id"]) == ("left_image", "")
        assert upload.files.keys() == {"video_left", "video_wrist", "npz_file"}
    assert (first.fields["binary_success"], int(first.fields["duration"])) == ("1", steps(bench, "A") - 1)


def steps(bench: Bench, side: str) -> int:
    return int(next(one["steps"] for one in bench.named("rollout") if one["side"] == side))


def pictures_of(film: bytes) -> list[Any]:
    container = av.open(io.BytesIO(film), "r", format="mp4")
    assert isinstance(container, InputContainer)
    with container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_both_videos_show_the_rollout_and_both_sides_start_alike(bench: Bench, stub: StubPlatform) -> None:
    bench.work()
    firsts = []
    for upload, side in zip(stub.named("/upload_eval_data"), "AB", strict=True):
        for camera in ("video_left", "video_wrist"):
            pictures = pictures_of(upload.files[camera])
            assert len(pictures) >= steps(bench, side) // 2
            firsts.append(pictures[0])
    # Equal but for the compression, which looks ahead.
    for first, second in (firsts[0::2], firsts[1::2]):
        assert (abs(first.astype(int) - second).max(axis=2) > 60).sum() < 10


def test_the_trajectory_is_stored_as_the_client_stores_it(bench: Bench, stub: StubPlatform) -> None:
    bench.work()
    for upload, side in zip(stub.named("/upload_eval_data"), "AB", strict=True):
        with zipfile.ZipFile(io.BytesIO(upload.files["npz_file"])) as archive:
            assert archive.namelist() == ["data.npy"]
            header = archive.read("data.npy")[:128].decode("latin-1")
        assert "'descr': '|O'" in header
        assert f"'shape': ({steps(bench, side)},)" in header


def test_the_notes_end_the_session(bench: Bench, stub: StubPlatform) -> None:
    bench.work()
    ending = stub.named("/terminate_session")[0].fields
    assert ending["session_id"] == "session-1"
    assert ending["evaluator_code"] == CODE
    said = bench.named("submitted")[0]
    assert ending["evaluation_notes"] == (
        f"VALID_SESSION:\nPREFERENCE={said['preference']}\nLONGFORM_FEEDBACK={said['notes']}\n"
    )


def test_nothing_that_leaves_the_lab_names_a_policy(bench: Bench, stub: StubPlatform) -> None:
    bench.work(sessions=2)
    sent = repr([(call.fields, call.files) for call in stub.calls]) + repr(bench.events)
    assert not [name for name in POLICIES if re.search(rf"\b{name}\b", sent)]


def test_the_same_seed_gives_the_same_sessions(stub: StubPlatform) -> None:
    runs = []
    for _ in range(2):
        bench = Bench(stub)
        bench.work(sessions=2)
        runs.append([{k: v for k, v in one.items() if k != "session"} for one in bench.events])
    assert runs[0] == runs[1]


def test_a_spoiled_session_is_not_marked_valid(stub: StubPlatform) -> None:
    bench = Bench(stub, replace(UNDISTURBED, invalid=1.0))
    bench.work()
    ending = stub.named("/terminate_session")[0].fields["evaluation_notes"]
    assert "VALID_SESSION" not in ending
    assert ending.split("LONGFORM_FEEDBACK=")[1].strip() in notes.MISHAPS
    assert not bench.named("submitted")[0]["valid"]


def test_a_session_that_is_walked_away_from_is_never_ended(stub: StubPlatform) -> None:
    bench = Bench(stub, replace(UNDISTURBED, walks_away=1.0))
    bench.work(sessions=2)
    assert stub.paths() == FULL_SESSION[:2] * 2
    assert [one["reason"] for one in bench.named("gave_up")] == ["walked away"] * 2


def test_no_pair_yet_is_waited_for(bench: Bench, stub: StubPlatform) -> None:
    stub.refuse = {"/get_policies_to_compare": [400, 503, HANG_UP, 404]}
    bench.work()
    assert stub.paths() == [FULL_SESSION[0]] * 4 + FULL_SESSION
    assert [one["seconds"] for one in bench.named("waiting")] == [1.0, 2.0, 4.0, 8.0]
    assert "not now" in bench.named("waiting")[0]["reason"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_code_that_is_no_longer_good_ends_the_work(bench: Bench, stub: StubPlatform, status: int) -> None:
    stub.refuse = {"/get_policies_to_compare": [status]}
    with pytest.raises(Refused):
        bench.work()
    assert len(stub.calls) == 1


def test_an_interrupted_upload_is_repeated_as_it_was(bench: Bench, stub: StubPlatform) -> None:
    stub.refuse = {"/upload_eval_data": [HANG_UP, 503]}
    bench.work()
    uploads = stub.named("/upload_eval_data")
    assert len(uploads) == 4
    assert uploads[0] == uploads[1] == uploads[2]
    assert len(bench.named("rollout")) == 2


@pytest.mark.parametrize("call", ["/upload_eval_data", "/terminate_session"])
def test_a_session_that_the_platform_has_ended_is_given_up_and_a_new_one_begun(
    bench: Bench, stub: StubPlatform, call: str
) -> None:
    stub.refuse = {call: [410]}
    bench.work()
    assert [one["session"] for one in bench.named("gave_up")] == ["session-1"]
    assert [one["session"] for one in bench.named("submitted")] == ["session-2"]


def test_a_relay_that_is_away_is_waited_for(bench: Bench, stub: StubPlatform, endpoints: list[str]) -> None:
    faulty = FaultyServer(refusals=[503, 502])
    with faulty.running() as endpoint:
        stub.pair = pair(endpoint, endpoints[1])
        bench.work()
    assert [one["reason"] for one in bench.named("waiting")] == [
        "A: no connection to the policy (answered 503: no)",
        "A: no connection to the policy (answered 502: no)",
    ]
    assert bench.named("submitted")[0]["valid"]


def test_a_rollout_that_broke_off_begins_again_from_the_same_start(
    bench: Bench, stub: StubPlatform, endpoints: list[str]
) -> None:
    faulty = FaultyServer(faults=[Fault.BREAKS_OFF])
    with faulty.running() as endpoint:
        stub.pair = pair(endpoint, endpoints[1])
        bench.work()
    broken, whole = faulty.episodes
    assert len(broken) == 2 < len(whole)
    assert (broken[0] == whole[0]).all()
    assert (broken[1] == whole[1]).all()
    assert len(bench.named("rollout")) == 2
    assert bench.named("submitted")[0]["valid"]


def test_a_policy_that_keeps_failing_is_submitted_as_not_valid(
    bench: Bench, stub: StubPlatform, endpoints: list[str]
) -> None:
    with FaultyServer(faults=[Fault.ERROR] * 3).running() as endpoint:
        stub.pair = pair(endpoints[0], endpoint)
        bench.work()
    assert stub.paths() == [FULL_SESSION[0], FULL_SESSION[1], FULL_SESSION[3]]
    assert stub.calls[-1].fields["evaluation_notes"] == (
        "PREFERENCE=TIE\nLONGFORM_FEEDBACK=The policy server of B did not answer, so there is nothing to compare.\n"
    )


def test_a_policy_that_fails_once_is_given_another_chance(
    bench: Bench, stub: StubPlatform, endpoints: list[str]
) -> None:
    with FaultyServer(faults=[Fault.ERROR]).running() as endpoint:
        stub.pair = pair(endpoint, endpoints[1])
        bench.work()
    assert bench.named("submitted")[0]["valid"]


@pytest.mark.parametrize("status", [403, 404, 410])
def test_an_address_that_has_ended_ends_the_session(
    bench: Bench, stub: StubPlatform, endpoints: list[str], status: int
) -> None:
    with FaultyServer(refusals=[status]).running() as endpoint:
        stub.pair = pair(endpoint, endpoints[1])
        bench.work()
    assert bench.named("gave_up") == [
        {"event": "gave_up", "session": "session-1", "reason": f"A: answered {status}: no"}
    ]
    assert bench.named("submitted")[0]["session"] == "session-2"


def test_a_lab_that_is_stopped_ends_its_open_session(bench: Bench, stub: StubPlatform, endpoints: list[str]) -> None:
    with FaultyServer(refusals=[503]).running() as endpoint:
        stub.pair = pair(endpoints[0], endpoint)
        bench.on_wait = interrupt
        with pytest.raises(KeyboardInterrupt):
            bench.work()
    assert stub.calls[-1].path == "/terminate_session"
    assert stub.calls[-1].fields["evaluation_notes"] == (
        "PREFERENCE=TIE\nLONGFORM_FEEDBACK=The lab was closed during the session.\n"
    )
    assert bench.events[-1] == {"event": "gave_up", "session": "session-1", "reason": "the lab is closing"}


def test_a_lab_that_is_stopped_between_sessions_has_nothing_to_end(bench: Bench, stub: StubPlatform) -> None:
    bench.on_wait = interrupt
    with pytest.raises(KeyboardInterrupt):
        bench.work(sessions=2, pause=1.0)
    assert stub.paths() == FULL_SESSION


def interrupt() -> None:
    raise KeyboardInterrupt
