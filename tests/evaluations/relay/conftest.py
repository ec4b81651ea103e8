import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from websockets.sync.client import ClientConnection

from evaluations.relay.addresses import resolve
from tests.evaluations.relay import openpi
from tests.evaluations.relay.doubles import TOKEN, Platform, PolicyServer, RunningRelay, quick, route


class Rig:
    """A platform, a relay and a policy server around one side, each started when first asked for."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._relay: RunningRelay | None = None
        self.platform = Platform()
        self.policy = PolicyServer()

    def relay(self, *, allow_private: bool = True, resolver: Any = resolve, **limits: Any) -> RunningRelay:
        self._relay = RunningRelay(
            self.platform, limits=quick(**limits), allow_private=allow_private, resolver=resolver
        )
        self._stack.callback(self._relay.stop)
        return self._relay

    def serve_policy(self, *, route_changes: dict[str, Any] | None = None, **fields: Any) -> None:
        """A policy server that plays `fields`, and a route that leads to it."""
        self.serve(PolicyServer(**fields), **route_changes or {})

    def serve(self, policy: PolicyServer, **route_changes: Any) -> None:
        self.policy = self._stack.enter_context(policy.running())
        self.lead_to(policy.url, **route_changes)

    def lead_to(self, url: str, **route_changes: Any) -> None:
        self.platform.routes[TOKEN] = route(url, **route_changes)

    def lead_nowhere(self) -> None:
        """To a port at which nobody listens."""
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        self.lead_to(f"ws://127.0.0.1:{port}")

    def connect(self, token: str = TOKEN, **options: Any) -> ClientConnection:
        relay = self._relay or self.relay()
        return self._stack.enter_context(relay.connect(token, **options))

    def greeted(self, token: str = TOKEN) -> ClientConnection:
        """A connection whose metadata have been read."""
        client = self.connect(token)
        client.recv()
        return client

    def asked(self, client: ClientConnection, request: Any = None) -> Any:
        """The answer to an inference: a decoded map, or the text that ends it."""
        client.send(openpi.pack(openpi.infer() if request is None else request))
        frame = client.recv()
        return frame if isinstance(frame, str) else openpi.unpack(frame)


@pytest.fixture
def rig() -> Iterator[Rig]:
    with ExitStack() as stack:
        yield Rig(stack)


@pytest.fixture
def client(rig: Rig) -> Callable[..., ClientConnection]:
    """A greeted client of a policy server that plays the given fields."""

    def connected(**fields: Any) -> ClientConnection:
        rig.serve_policy(**fields)
        return rig.greeted()

    return connected
