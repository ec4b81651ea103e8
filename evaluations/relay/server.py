"""The relay's server: handshakes, capacity, the books, and the stop."""

import asyncio
import contextlib
import logging
import re
import signal
import time
from collections.abc import Callable
from http import HTTPStatus
from weakref import WeakKeyDictionary

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.frames import CloseCode
from websockets.http11 import Request, Response

from evaluations.relay.addresses import Resolver, resolve
from evaluations.relay.frames import RelayServerConnection
from evaluations.relay.limits import Limits
from evaluations.relay.measurements import Measurements
from evaluations.relay.memory import keep_freed_memory
from evaluations.relay.policy import PolicyConnection, silent
from evaluations.relay.problems import Ending
from evaluations.relay.rollout import Rollout
from evaluations.relay.routes import Directory, Refusal, Route

logger = logging.getLogger(__name__)

RELAY_PATH = re.compile(r"/relay/([A-Za-z0-9_-]{20,128})")
HEALTHY = "The relay is well.\n"


class Relay:
    """Runs from `start` to `stop`."""

    def __init__(
        self,
        *,
        directory: Directory,
        allow_private: bool,
        limits: Limits | None = None,
        resolver: Resolver = resolve,
    ) -> None:
        self._directory = directory
        self._allow_private = allow_private
        self._limits = limits or Limits()
        self._resolver = resolver
        self._measurements = Measurements(directory=directory, limits=self._limits)
        self._routes: WeakKeyDictionary[ServerConnection, Route] = WeakKeyDictionary()
        # In order of their opening.
        self._rollouts: dict[Rollout, None] = {}
        self._endings: set[asyncio.Task[None]] = set()
        self._server: Server | None = None
        self._books: asyncio.Task[None] | None = None

    async def start(self, *, host: str, port: int) -> int:
        """Returns the port, which is a free one where `port` is 0."""
        limits = self._limits
        self._server = await serve(
            self._serve_client,
            host,
            port,
            process_request=self._admit,
            server_header=None,
            compression=None,
            open_timeout=limits.open_s + limits.directory_s,
            ping_interval=limits.ping_every_s,
            ping_timeout=limits.ping_answer_s,
            close_timeout=limits.close_s,
            max_size=limits.message_bytes,
            create_connection=RelayServerConnection,
            logger=silent,
        )
        self._books = asyncio.create_task(self._keep_books())
        bound: int = next(iter(self._server.sockets)).getsockname()[1]
        return bound

    async def stop(self) -> None:
        """End all rollouts, say so to their clients, and write what was measured."""
        assert self._server is not None
        assert self._books is not None
        self._server.close(close_connections=False)
        await asyncio.gather(*(rollout.end(Ending.RELAY_STOPPING) for rollout in list(self._rollouts)), *self._endings)
        await self._wait_closed(self._server)
        self._books.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._books
        if not await self._measurements.flush():
            logger.error("the last measurements are lost: the database did not take them")

    async def _wait_closed(self, server: Server) -> None:
        try:
            async with asyncio.timeout(self._limits.stop_s):
                await server.wait_closed()
        except TimeoutError:
            # Somebody is just connecting, to a policy server that takes its time.
            for task in list(server.handler_tasks):
                task.cancel()
            await server.wait_closed()

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path == "/health":
            return connection.respond(HTTPStatus.OK, HEALTHY)
        found = await self._find(request)
        if isinstance(found, Refusal):
            return connection.respond(found.status, f"{found.sentence} [{found.code}]\n")
        self._routes[connection] = found
        return None

    async def _find(self, request: Request) -> Route | Refusal:
        address = RELAY_PATH.fullmatch(request.path)
        if address is None:
            return Refusal.NOT_FOUND
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return Refusal.NOT_A_WEBSOCKET
        if len(self._rollouts) >= self._limits.connections:
            return Refusal.RELAY_FULL
        try:
            async with asyncio.timeout(self._limits.directory_s):
                return await self._directory.find(address[1])
        except Exception as error:
            logger.error("a session could not be looked up: %s", type(error).__name__)
            return Refusal.UNAVAILABLE

    async def _serve_client(self, connection: ServerConnection) -> None:
        route = self._routes[connection]
        if self._server is None or not self._server.is_serving():
            # Admitted in the moment in which the relay stopped.
            await connection.close(CloseCode.SERVICE_RESTART)
            return
        self._make_room(route.side_id)
        tally = self._measurements.open(route.side_id)
        rollout = Rollout(
            client=connection,
            route=route,
            tally=tally,
            open_policy=lambda: PolicyConnection.open(
                route.endpoint_url, allow_private=self._allow_private, limits=self._limits, resolver=self._resolver
            ),
        )
        self._rollouts[rollout] = None
        try:
            await rollout.run()
        except Exception:
            logger.exception("side %d: the relay itself failed", route.side_id)
            await rollout.end(Ending.RELAY_ERROR)
        finally:
            del self._rollouts[rollout]
            self._measurements.close(tally)

    def _make_room(self, side_id: int) -> None:
        of_side = [rollout for rollout in self._rollouts if rollout.route.side_id == side_id]
        for rollout in of_side[: max(0, len(of_side) + 1 - self._limits.connections_per_side)]:
            self._end(rollout, Ending.REPLACED)

    def _end(self, rollout: Rollout, ending: Ending) -> None:
        """In the background: the client has a second to close its end."""
        task = asyncio.create_task(rollout.end(ending))
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)

    async def _keep_books(self) -> None:
        while True:
            await self._measurements.tick()
            await self._measurements.flush()
            await self._end_ended_sessions()
            self._end_idle()

    async def _end_ended_sessions(self) -> None:
        side_ids = {rollout.route.side_id for rollout in self._rollouts}
        if not side_ids:
            return
        try:
            async with asyncio.timeout(self._limits.directory_s):
                ended = await self._directory.ended(side_ids)
        except Exception as error:
            logger.error("ended sessions could not be looked up: %s", type(error).__name__)
            return
        for rollout in list(self._rollouts):
            if rollout.route.side_id in ended:
                self._end(rollout, Ending.SESSION_ENDED)

    def _end_idle(self) -> None:
        latest = time.monotonic() - self._limits.idle_s
        for rollout in list(self._rollouts):
            if rollout.heard_at < latest:
                self._end(rollout, Ending.IDLE)


async def run(relay: Relay, *, host: str, port: int, ready: Callable[[int], None]) -> None:
    """Serve until SIGTERM or SIGINT, in a process of its own. `ready` is told the port."""
    keep_freed_memory()
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopping.set)
    ready(await relay.start(host=host, port=port))
    await stopping.wait()
    await relay.stop()
