"""The real workers, broker and schedule at work with a real server of models, while parts of them are killed."""

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from tests.homes import temporary_home
from tests.processes import eventually, kill_running
from tests.workers.platform import Platform, running_platform
from tests.workers.provider_server import KEY, MODEL, Asked, ProviderServer, fails, running_provider_server, smallest

pytestmark = pytest.mark.slow

SESSIONS = 5
PATIENCE_S = 300.0
"""Some looks of the schedule at what is forgotten, on a busy machine."""
# Sessions whose tasks are new, so that no answer is known, and what the schedule asks for sooner or later.
SEED = """
import itertools
from django.conf import settings
from django.utils import timezone
from reports import policy_reports
from reports.tagging import tagging
from tests import factories

settings.TRAINING_REQUIRED = False
factories._numbers = itertools.count(FIRST)
arena = factories.make_arena(policies_in_pool=2)
for number in range(SESSIONS):
    factories.finish_session(factories.open_session(arena, f"put block {FIRST + number} on the plate"))
policy_reports.find(now=timezone.now())
tagging.find(now=timezone.now())
"""
TOLD = """
import json
from collections import Counter
from evaluations.models import Session, Tagging
from reports.models import Circuit, PolicyReport, Work

taggings = Counter(Tagging.objects.values_list("session", flat=True))
reports = PolicyReport.objects.select_related("version__policy").order_by("number")
print(json.dumps({
    "states": Counter(Work.objects.values_list("state", flat=True)),
    "taggings": [taggings[session] for session in Session.objects.valid().values_list("pk", flat=True)],
    "asked": Work.objects.filter(kind="write-report").count(),
    "reports": [[one.version.label, one.number] for one in reports],
    "open": Circuit.objects.filter(open_since__isnull=False).count(),
}))
"""
# Fifteen minutes pass for those who hold a lease; the provider's counters forget who died with a request under way.
LEASES_RUN_OUT = """
from datetime import timedelta
from django.utils import timezone
from reports.models import Work
from workers.providers.admission import _server

Work.objects.filter(state="running").update(leased_until=timezone.now() - timedelta(seconds=1))
_server().delete("model-places:test")
"""
PROBE_IS_DUE = """
from django.utils import timezone
from reports.models import Circuit, Work

Circuit.objects.filter(open_since__isnull=False).update(retry_at=timezone.now())
Work.objects.filter(state="waiting").update(next_try_at=timezone.now())
"""


class Gate:
    """A server of models that keeps its questions waiting until it is let go."""

    def __init__(self) -> None:
        self.reached, self.let_go = threading.Event(), threading.Event()

    def __call__(self, asked: Asked) -> dict[str, Any]:
        self.reached.set()
        assert self.let_go.wait(PATIENCE_S)
        answer: dict[str, Any] = smallest(asked.schema or {})
        return answer


@pytest.fixture(scope="module")
def server() -> Iterator[ProviderServer]:
    with running_provider_server() as server:
        yield server


@pytest.fixture(scope="module")
def platform(server: ProviderServer) -> Iterator[Platform]:
    """One for all tests here: whatever one of them breaks must serve the next."""
    provider = {"URL": server.url, "MODEL": MODEL, "KEY": KEY, "VISION": "1", "PER_MINUTE": "0", "TIMEOUT": "200"}
    named = {f"MODEL_TEST_{name}": value for name, value in provider.items()}
    with temporary_home() as home, running_platform(home, MODEL_PROVIDERS="test", **named) as platform:
        yield platform


def told(platform: Platform) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(platform.shell(TOLD))
    return found


def assert_all_is_done_once(platform: Platform, sessions: int) -> None:
    """Each session has one look of a tagger; each report that was asked for is there, its numbers without a gap."""
    assert eventually(lambda: set(told(platform)["states"]) == {"done"}, within_s=PATIENCE_S), told(platform)
    found = told(platform)
    assert found["taggings"] == [1] * sessions
    assert len(found["reports"]) == found["asked"] > 0
    numbers: dict[str, list[int]] = defaultdict(list)
    for label, number in found["reports"]:
        numbers[label].append(number)
    assert all(each == list(range(1, len(each) + 1)) for each in numbers.values()), numbers


def test_a_worker_killed_in_the_middle_of_its_calls_loses_and_doubles_nothing(
    platform: Platform, server: ProviderServer
) -> None:
    gate = Gate()
    server.always = gate
    platform.shell(SEED, SESSIONS=SESSIONS, FIRST=1)
    assert gate.reached.wait(PATIENCE_S)
    kill_running(platform.home, "--hostname models@")
    gate.let_go.set()
    server.always = None
    assert told(platform)["states"]["running"], "what it was at is still its own"
    platform.shell(LEASES_RUN_OUT)
    assert_all_is_done_once(platform, SESSIONS)


def test_a_broker_that_is_emptied_and_killed_loses_nothing(platform: Platform, server: ProviderServer) -> None:
    """Emptied while nudges wait in it, and killed while some of the work is under way."""
    gate = Gate()
    server.always = gate
    platform.shell(SEED, SESSIONS=2 * SESSIONS, FIRST=1000)
    assert gate.reached.wait(PATIENCE_S)
    platform.shell("from workers.providers.admission import _server\n_server().flushall()")
    kill_running(platform.home, "embedded.keeper valkey")
    gate.let_go.set()
    server.always = None
    platform.wait_until_well()
    assert_all_is_done_once(platform, 3 * SESSIONS)


def test_a_provider_that_is_down_is_left_alone_and_then_everything_is_done(
    platform: Platform, server: ProviderServer
) -> None:
    server.always = fails(503)
    platform.shell(SEED, SESSIONS=2 * SESSIONS, FIRST=2000)
    assert eventually(lambda: told(platform)["open"] == 1, within_s=PATIENCE_S), told(platform)
    assert eventually(lambda: "aiting for test since" in platform.page("/status"), within_s=PATIENCE_S)
    server.always = None
    platform.shell(PROBE_IS_DUE)
    assert_all_is_done_once(platform, 5 * SESSIONS)
    assert told(platform)["open"] == 0
