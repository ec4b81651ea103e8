"""A simulated lab that uses the API of a real platform, through the real relay, with the policies' real servers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from arena import api_keys, policies
from arena.models import Policy, Role
from arena.policies import EndpointCheck
from evaluations.models import Episode, MediaFile, Session, State
from evaluations.relay.addresses import resolve
from simlab import notes
from simlab.api import ApiPlatform
from simlab.calls import Refused
from simlab.lab import Lab
from simlab.labs import PROFILES
from simlab.rendering import renderer
from simlab.server import METADATA
from tests.arena_client.conftest import Directory
from tests.evaluations.relay.doubles import RunningRelay, quick
from tests.factories import make_lab, make_person, make_station, make_version
from tests.simlab.servers import policy_servers

pytestmark = [pytest.mark.sim, pytest.mark.slow]

UNDISTURBED = replace(
    PROFILES["aurora"], mix={"pick": 0, "push": 0, "press": 1, "articulated": 0}, invalid=0.0, walks_away=0.0
)


@pytest.fixture(autouse=True)
def _drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SIMLAB_RENDERER", "drawn")
    renderer.cache_clear()
    yield
    renderer.cache_clear()


class Bench:
    def __init__(self, url: str, key: str) -> None:
        self.events: list[dict[str, Any]] = []
        self.platform = ApiPlatform(server=url, key=key, embodiment="METAWORLD", wait=self._wait)

    def work(self, profile: Any = UNDISTURBED, sessions: int = 1) -> None:
        lab = Lab(profile=profile, platform=self.platform, report=self._report, wait=self._wait)
        try:
            lab.enter()
            lab.work(sessions=sessions, seed=5)
        finally:
            lab.close()
            self.platform.close()

    def _report(self, event: str, **facts: Any) -> None:
        self.events.append({"event": event, **facts})

    def _wait(self, reason: str, seconds: float) -> None:
        raise AssertionError(f"nothing was to be waited for: {reason}")


@pytest.fixture
def bench(live_server: LiveServer, transactional_db: None) -> Iterator[Bench]:
    owners, lab = make_lab(simulated=True), make_lab(simulated=True)
    person = make_person("dana@example.org", lab=lab, role=Role.EVALUATOR)
    make_station(lab=lab, cameras=("left", "wrist"), embodiment="METAWORLD")
    _, key = api_keys.create_api_key(
        person=person, lab=lab, name="table", scopes=("read", "evaluate"), now=timezone.now()
    )
    relay = RunningRelay(Directory(), limits=quick(), allow_private=True, resolver=resolve)  # type: ignore[arg-type]
    with (
        policy_servers("expert", "slow") as endpoints,
        override_settings(RELAY_PUBLIC_URL=f"ws://127.0.0.1:{relay.port}", ALLOW_PRIVATE_ENDPOINTS=True),
    ):
        for name, endpoint in zip(("expert", "slow"), endpoints, strict=True):
            version = make_version(name, lab=owners, embodiment="METAWORLD", url=endpoint)
            check = EndpointCheck(reached=True, metadata=dict(METADATA))
            policies.record_endpoint_check(endpoint=version.endpoint, check=check)
        yield Bench(live_server.url, key)
    relay.stop()


def test_a_session_arrives_whole(bench: Bench) -> None:
    bench.work()
    session = Session.objects.get()
    assert (session.state, session.valid, session.simulated) == (State.SUBMITTED, True, True)
    told = {one["side"]: one for one in bench.events if one["event"] == "rollout"}
    for episode in Episode.objects.select_related("side"):
        rollout = told[episode.side.label]
        assert (episode.progress, episode.success) == (rollout["progress"], rollout["success"])
        kinds = set(MediaFile.objects.filter(side=episode.side).values_list("kind", flat=True))
        assert kinds == {"left", "wrist", "trajectory"}
    result, [submitted] = session.results.get(), [one for one in bench.events if one["event"] == "submitted"]
    assert (result.preference, result.notes) == (submitted["preference"], submitted["notes"])


def test_a_session_that_is_spoiled_says_so(bench: Bench) -> None:
    bench.work(replace(UNDISTURBED, invalid=1.0))
    session = Session.objects.get()
    assert (session.valid, session.reason) == (False, "disturbed")
    assert session.reason_comment in notes.MISHAPS


def test_who_walks_away_says_so(bench: Bench) -> None:
    bench.work(replace(UNDISTURBED, walks_away=1.0))
    assert (Session.objects.get().state, Session.objects.get().reason) == (State.ABANDONED, "evaluator_left")


def test_a_newcomer_trains_first(bench: Bench) -> None:
    Policy.objects.update(practice=True)
    bench.work(sessions=2)
    assert [one.training for one in Session.objects.order_by("opened_at")] == [True, False]


def test_a_lab_that_closes_gives_its_session_up(bench: Bench) -> None:
    bench.platform.enter()
    pair = bench.platform.ask_for_pair(instruction="open the drawer")
    bench.platform.take_leave(pair.session_id)
    assert (Session.objects.get().state, Session.objects.get().reason) == (State.ABANDONED, "no_time")
    bench.platform.close()


def test_a_lab_without_a_table_is_told(bench: Bench) -> None:
    other = ApiPlatform(
        server=bench.platform._server, key=bench.platform._key, embodiment="SAWYER", wait=lambda *_: None
    )
    with pytest.raises(Refused, match="no station for SAWYER"):
        other.enter()
    other.close()
