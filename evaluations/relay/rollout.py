"""One evaluator's connection, from the greeting to the end: a request, an answer, and again."""

import logging
import time
from collections.abc import Awaitable, Callable

from websockets.asyncio.server import ServerConnection, broadcast
from websockets.exceptions import ConnectionClosed

from evaluations.relay.frames import Parts
from evaluations.relay.measurements import Tally
from evaluations.relay.messages import NO_CAMERAS, RESET_ANSWER, Call, Metadata, Requests
from evaluations.relay.policy import PolicyConnection, PolicyFailure
from evaluations.relay.problems import Ending, Problem
from evaluations.relay.routes import Route
from evaluations.relay.wire import WireError

logger = logging.getLogger(__name__)

MAX_LOGGED = 2000


class Ended(Exception):
    """The relay has a reason to end the connection."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.code)
        self.ending = ending


class Rollout:
    """Talks to one client and, on its behalf, to one policy server."""

    def __init__(
        self,
        *,
        client: ServerConnection,
        route: Route,
        tally: Tally,
        open_policy: Callable[[], Awaitable[PolicyConnection]],
    ) -> None:
        self.route = route
        self._client = client
        self._tally = tally
        self._open_policy = open_policy
        self._policy: PolicyConnection | None = None
        self._requests = Requests(route=route, metadata=NO_CAMERAS)
        self._no_policy_because = Ending.POLICY_ERROR
        self._ended = False
        self.heard_at = time.monotonic()
        """When the client last was at work. The server ends what is idle."""

    async def run(self) -> None:
        """Returns when the connection has ended, whoever ended it."""
        try:
            await self._greet()
            while True:
                await self._answer(await self._frame())
        except Ended as reason:
            await self.end(reason.ending)
        except ConnectionClosed:
            logger.debug("side %d: the client has gone", self.route.side_id)
        finally:
            await self._leave_policy()

    async def end(self, ending: Ending) -> None:
        """Tell the client why, and close both ends."""
        if self._ended:
            return
        self._ended = True
        try:
            # A client that waits for an answer shows a text to its user; the reason of a close it may not.
            await self._client.send(ending.text)
        except ConnectionClosed:
            logger.debug("side %d: the client had gone before its end", self.route.side_id)
        await self._client.close(ending.value.close_code, ending.text)
        await self._leave_policy()

    async def _greet(self) -> None:
        metadata = await self._policy_metadata() or NO_CAMERAS
        self._requests = Requests(route=self.route, metadata=metadata)
        await self._client.send(metadata.frame())

    async def _policy_metadata(self) -> Metadata | None:
        """Connect to the policy server. None where it does not answer, or needs what the station does not have."""
        try:
            self._policy = await self._open_policy()
        except PolicyFailure as failure:
            self._count(failure)
            return None
        metadata = self._policy.metadata
        self._tally.connected(metadata.fields)
        if metadata.fits(self.route):
            return metadata
        # The client itself would die on an assertion.
        self._count(PolicyFailure(Problem.CAMERA_MISSING))
        self._no_policy_because = Ending.CAMERA_MISSING
        await self._leave_policy()
        return None

    async def _frame(self) -> bytes:
        self.heard_at = time.monotonic()
        frame = await self._client.recv()
        if isinstance(frame, str):
            self._tally.failed(Problem.BAD_REQUEST)
            raise Ended(Ending.BAD_REQUEST)
        return frame

    async def _answer(self, frame: bytes) -> None:
        try:
            call, request = self._requests.read(frame)
        except WireError as error:
            self._tally.failed(Problem.BAD_REQUEST)
            logger.info("side %d: bad request: %s", self.route.side_id, error)
            raise Ended(Ending.BAD_REQUEST) from None
        await (self._reset(request) if call is Call.RESET else self._infer(request))

    async def _infer(self, request: Parts) -> None:
        if self._policy is None:
            raise Ended(self._no_policy_because)
        began = time.perf_counter()
        try:
            answer = await self._policy.infer(request)
        except PolicyFailure as failure:
            self._count(failure)
            raise Ended(Ending.POLICY_ERROR) from None
        latency_ms = (time.perf_counter() - began) * 1000
        # What `send` does beyond this serves fragmented messages, and would be a tenth of the relay's work.
        broadcast((self._client,), answer)
        self._tally.inferred(latency_ms)
        await self._client.drain()

    async def _reset(self, request: Parts) -> None:
        """The client resets after its episode. Whatever becomes of it, the session goes on with the other side."""
        if self._policy is not None:
            try:
                await self._policy.reset(request)
                self._tally.was_reset()
            except PolicyFailure as failure:
                self._count(failure)
                await self._leave_policy()
        await self._client.send(RESET_ANSWER)

    async def _leave_policy(self) -> None:
        policy, self._policy = self._policy, None
        if policy is not None:
            await policy.close()

    def _count(self, failure: PolicyFailure) -> None:
        # The relay's own end closes the policy's connection too: that is no failure of the policy.
        if self._ended:
            return
        self._tally.failed(failure.problem)
        logger.warning("side %d: %s %s", self.route.side_id, failure.problem, self._scrubbed(failure.detail))

    def _scrubbed(self, detail: str) -> str:
        """A policy server's own words, in one line and without what the relay had told it of the session."""
        for told in (self.route.instruction, self.route.wire_session_id):
            if told:
                detail = detail.replace(told, "…")
        return ascii(detail[:MAX_LOGGED]) if detail else ""
