"""What the relay asks the platform, and what it tells it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from http import HTTPStatus
from typing import Any, Protocol


@dataclass(frozen=True, kw_only=True)
class Route:
    """Where a token leads, and what the relay must know of the session to serve it."""

    side_id: int
    endpoint_url: str
    wire_session_id: str
    """What the policy server is told; not the public id of the session."""
    instruction: str
    external_cameras: int
    wrist_camera: bool
    simulated: bool


class Refusal(Enum):
    """Why a handshake is refused: HTTP status and the one sentence of the answer."""

    UNKNOWN_TOKEN = (HTTPStatus.FORBIDDEN, "This relay address is not known.")
    SESSION_ENDED = (HTTPStatus.GONE, "This session has ended; its relay address is no longer valid.")
    NOT_FOUND = (HTTPStatus.NOT_FOUND, "There is nothing here but the relay.")
    NOT_A_WEBSOCKET = (HTTPStatus.UPGRADE_REQUIRED, "This address is for evaluation clients: connect by websocket.")
    RELAY_FULL = (HTTPStatus.SERVICE_UNAVAILABLE, "The relay is full; try again in a minute.")
    UNAVAILABLE = (HTTPStatus.SERVICE_UNAVAILABLE, "The relay cannot look up sessions now; try again in a minute.")

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        self.status = status
        self.sentence = sentence

    @property
    def code(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What the relay saw of one connection so far.

    All but the latencies are totals, and the latencies say where they begin: a batch may be written twice, and the
    second time changes nothing. Stored latencies become `stored[:latencies_from] + latencies_ms`.
    """

    connection_id: str
    """A random UUID in hexadecimal."""
    side_id: int
    opened_at: datetime
    closed_at: datetime | None
    infers: int
    """Inferences that the policy answered well."""
    resets: int
    latencies_from: int
    latencies_ms: Sequence[float]
    """From handing the request to the policy's connection to its checked answer; of each answered one in order."""
    errors: Mapping[str, int]
    """How often each `Problem` occurred."""
    metadata: Mapping[str, Any] | None
    """Those of the six known fields that the policy server sent; None where it was not reached."""


class Directory(Protocol):
    """The platform as the relay sees it. Any method may raise: the relay goes on and asks again."""

    async def find(self, token: str) -> Route | Refusal:
        """The route of a token, or UNKNOWN_TOKEN or SESSION_ENDED."""

    async def record(self, batch: Sequence[Measurement]) -> None:
        """Write measurements; see `Measurement` on repeats."""

    async def ended(self, side_ids: Collection[int]) -> set[int]:
        """Those of these sides whose session has ended. Their connections are closed."""
