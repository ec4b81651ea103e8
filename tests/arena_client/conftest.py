"""A platform to be a client of: the real API on a live server, and a real relay before policy servers of the tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from arena import api_keys, policies
from arena.models import Person
from arena.policies import EndpointCheck
from arena_client.client import Client
from evaluations import relay_directory
from evaluations.relay.addresses import resolve
from tests.arena_client.policies import METADATA, PolicyServer, policy_server
from tests.evaluations.relay.doubles import RunningRelay, quick
from tests.factories import Arena, make_arena


@pytest.fixture(autouse=True)
def _no_key_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Neither the environment nor the home of whoever runs the tests has a say."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("ARENA_API_KEY", "ARENA_SERVER"):
        monkeypatch.delenv(name, raising=False)


@dataclass
class Place:
    """Dana's lab at a platform, seen from outside, with two policy servers behind the relay."""

    url: str
    arena: Arena
    key: str
    policies: list[PolicyServer] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)

    @property
    def station_id(self) -> int:
        return self.arena.station.pk

    def client(self, url: str = "", **more: Any) -> Client:
        self.clients.append(Client(url or self.url, self.key, **more))
        return self.clients[-1]

    def close(self) -> None:
        """No thread of the server waits for another request when the database is taken away."""
        for client in self.clients:
            client.close()

    def restart_policies(self, **fields: Any) -> None:
        for policy in self.policies:
            for name, value in fields.items():
                setattr(policy, name, value)


def make_key(person: Person, arena: Arena, *scopes: str) -> str:
    _, secret = api_keys.create_api_key(
        person=person, lab=arena.lab, name="station", scopes=scopes or ("read", "evaluate"), now=timezone.now()
    )
    return secret


@pytest.fixture
def place(live_server: LiveServer, transactional_db: None) -> Iterator[Place]:
    """The API alone: nobody runs a rollout."""
    arena = make_arena(policies_in_pool=2)
    made = Place(live_server.url, arena, make_key(arena.dana, arena))
    yield made
    made.close()


class Directory:
    """The relay's own, leaving no connection to the database behind in its threads."""

    async def find(self, token: str) -> Any:
        return await asyncio.to_thread(_closing, lambda: relay_directory.find_route(token))

    async def record(self, batch: Any) -> None:
        await asyncio.to_thread(_closing, lambda: relay_directory.record_measurements(batch))

    async def ended(self, side_ids: Any) -> Any:
        return await asyncio.to_thread(_closing, lambda: relay_directory.ended_sides(side_ids))


def _closing(work: Callable[[], Any]) -> Any:
    try:
        return work()
    finally:
        connection.close()


@pytest.fixture
def running_place(place: Place) -> Iterator[Place]:
    """With a real relay, and two policy servers that answer with joints."""
    with ExitStack() as stack:
        relay = RunningRelay(Directory(), limits=quick(), allow_private=True, resolver=resolve)  # type: ignore[arg-type]
        stack.callback(relay.stop)
        stack.enter_context(
            override_settings(RELAY_PUBLIC_URL=f"ws://127.0.0.1:{relay.port}", ALLOW_PRIVATE_ENDPOINTS=True)
        )
        for version in place.arena.versions:
            policy = stack.enter_context(policy_server())
            place.policies.append(policy)
            endpoint = policies.move_endpoint(version=version, endpoint_url=policy.address)
            policies.record_endpoint_check(
                endpoint=endpoint, check=EndpointCheck(reached=True, metadata=dict(METADATA))
            )
        yield place


Wait = Callable[[str, float], None]


@pytest.fixture
def waits() -> list[tuple[str, float]]:
    """The pauses that a client makes, which take no time; pass `waits.append`-like through `no_wait`."""
    return []


@pytest.fixture
def no_wait(waits: list[tuple[str, float]]) -> Wait:
    return lambda reason, seconds: waits.append((reason, seconds))
