"""What can go wrong during a rollout: as the platform counts it, and as the client is told it."""

from dataclasses import dataclass
from enum import Enum, StrEnum

from websockets.frames import CloseCode


class Problem(StrEnum):
    """As counted in measurements and shown to the policy's owner."""

    ADDRESS_REFUSED = "address_refused"
    UNREACHABLE = "unreachable"
    TLS_FAILED = "tls_failed"
    HANDSHAKE_FAILED = "handshake_failed"
    NO_METADATA = "no_metadata"
    BAD_METADATA = "bad_metadata"
    CAMERA_MISSING = "camera_missing"
    NO_ANSWER = "no_answer"
    ERROR_ANSWER = "error_answer"
    BAD_ANSWER = "bad_answer"
    UNASKED_ANSWER = "unasked_answer"
    CONNECTION_LOST = "connection_lost"
    BAD_REQUEST = "bad_request"

    @property
    def sentence(self) -> str:
        return SENTENCES[self]


SENTENCES = {
    Problem.ADDRESS_REFUSED: "The address is not one that the relay may connect to.",
    Problem.UNREACHABLE: "The server could not be reached.",
    Problem.TLS_FAILED: "The server's TLS certificate could not be verified.",
    Problem.HANDSHAKE_FAILED: "The server answered, but not with a websocket handshake.",
    Problem.NO_METADATA: "The server took the connection but sent no metadata.",
    Problem.BAD_METADATA: "The server's first message is not the metadata of a policy server.",
    Problem.CAMERA_MISSING: "The policy needs a camera that the station does not have.",
    Problem.NO_ANSWER: "The policy gave no answer in time.",
    Problem.ERROR_ANSWER: "The policy server answered with an error.",
    Problem.BAD_ANSWER: "The policy's answer holds no usable actions.",
    Problem.UNASKED_ANSWER: "The policy server sent a message that nobody had asked for.",
    Problem.CONNECTION_LOST: "The policy server closed the connection.",
    Problem.BAD_REQUEST: "The client sent a message that is not of the protocol.",
}


@dataclass(frozen=True)
class Farewell:
    """The last text that a client gets, and the close code after it."""

    sentence: str
    close_code: CloseCode


class Ending(Enum):
    """Why the relay ends a connection. All failures of a policy look alike: their kind could name the policy."""

    POLICY_ERROR = Farewell("The policy server failed. Please end this session.", CloseCode.INTERNAL_ERROR)
    CAMERA_MISSING = Farewell("The policy needs a camera that this station lacks.", CloseCode.POLICY_VIOLATION)
    BAD_REQUEST = Farewell("The relay cannot read this message.", CloseCode.POLICY_VIOLATION)
    IDLE = Farewell("The connection was idle for too long.", CloseCode.GOING_AWAY)
    REPLACED = Farewell("Newer connections have replaced this one.", CloseCode.GOING_AWAY)
    SESSION_ENDED = Farewell("This session has ended.", CloseCode.NORMAL_CLOSURE)
    RELAY_ERROR = Farewell("The relay failed. Please end this session.", CloseCode.INTERNAL_ERROR)
    RELAY_STOPPING = Farewell("The relay is restarting. Connect again in a minute.", CloseCode.SERVICE_RESTART)

    @property
    def code(self) -> str:
        return self.name.lower()

    @property
    def text(self) -> str:
        return f"{self.value.sentence} [{self.code}]"
