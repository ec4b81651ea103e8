"""Policy Arena from a robot station: a typed client of its API, the policies' websocket protocol, and rollouts."""

from arena_client.answers import (
    ApiKey,
    Draft,
    Episode,
    Lab,
    Live,
    LiveSide,
    Me,
    Media,
    Missing,
    Photo,
    Result,
    Rubric,
    Session,
    Side,
    Stage,
    StationInfo,
)
from arena_client.client import Client
from arena_client.errors import (
    AccessDenied,
    ArenaError,
    BadAnswer,
    Conflict,
    DraftChanged,
    InvalidInput,
    NotFound,
    NotSignedIn,
    TooMany,
    Unanswered,
)
from arena_client.policy import Closed, PolicyConnection, PolicyError, PolicyMetadata, Unreachable
from arena_client.rollout import Rollout, run_rollout
from arena_client.running import Judge, Score, Verdict, run_session
from arena_client.station import Observation, Station, StepResult

__version__ = "0.1.0"

__all__ = [
    "AccessDenied",
    "ApiKey",
    "ArenaError",
    "BadAnswer",
    "Client",
    "Closed",
    "Conflict",
    "Draft",
    "DraftChanged",
    "Episode",
    "InvalidInput",
    "Judge",
    "Lab",
    "Live",
    "LiveSide",
    "Me",
    "Media",
    "Missing",
    "NotFound",
    "NotSignedIn",
    "Observation",
    "Photo",
    "PolicyConnection",
    "PolicyError",
    "PolicyMetadata",
    "Result",
    "Rollout",
    "Rubric",
    "Score",
    "Session",
    "Side",
    "Stage",
    "Station",
    "StationInfo",
    "StepResult",
    "TooMany",
    "Unanswered",
    "Unreachable",
    "Verdict",
    "run_rollout",
    "run_session",
]
