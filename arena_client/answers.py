"""What the platform answers. Until a session is revealed nothing here names a policy that it holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

OPEN_STATES = ("assigned", "running")
LABELS = ("A", "B")


@dataclass(frozen=True)
class Lab:
    slug: str
    name: str
    role: str = ""
    simulated: bool = False


@dataclass(frozen=True)
class ApiKey:
    """The key with which the call was made, without its secret."""

    prefix: str
    lab: str
    scopes: list[str]


@dataclass(frozen=True)
class Me:
    email: str
    name: str
    labs: list[Lab]
    pseudonym: str = ""
    steward: bool = False
    trained_at: datetime | None = None
    key: ApiKey | None = None


@dataclass(frozen=True)
class StationInfo:
    id: int
    name: str
    cameras: list[str]
    embodiment: str
    action_spaces: list[str] = field(default_factory=list)
    lab: Any = None
    """The lab's slug, where the station was listed by itself."""
    simulated: bool = False
    retired_at: datetime | None = None


@dataclass(frozen=True)
class Stage:
    """What has been reached when progress is `percent`."""

    percent: int
    text: str


@dataclass(frozen=True)
class Rubric:
    category: str
    rubric: list[Stage]


@dataclass(frozen=True)
class Episode:
    """One rollout as it was scored; progress is 0 to 1."""

    progress: float
    success: bool | None
    failure_modes: list[str] = field(default_factory=list)
    recovered: bool | None = None
    duration_steps: int | None = None
    received_at: datetime | None = None


@dataclass(frozen=True)
class Media:
    id: int | str
    kind: str
    size: int
    sha256: str
    state: str = ""
    problem: str = ""
    title: str = ""
    duration_s: float | None = None
    width: int | None = None
    height: int | None = None
    received_at: datetime | None = None


@dataclass(frozen=True)
class PendingUpload:
    """An upload that was begun and not finished."""

    id: str
    kind: str
    filename: str
    size: int
    offset: int
    side: str = ""


@dataclass(frozen=True)
class LiveSide:
    """What the relay sees of a side, in broad levels."""

    connection: str
    steps: str = ""
    trouble: bool = False
    episode: bool | None = None
    media: int | None = None


@dataclass(frozen=True)
class Named:
    """A policy, once the session has been revealed."""

    slug: str
    name: str
    version: str


@dataclass(frozen=True)
class Side:
    relay_url: str | None = None
    episode: Episode | None = None
    media: list[Media] = field(default_factory=list)
    uploads: list[PendingUpload] = field(default_factory=list)
    live: LiveSide | None = None
    policy: Named | None = None


@dataclass(frozen=True)
class Photo:
    id: int | str
    moment: str
    width: int
    height: int
    url: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True)
class Missing:
    """Something that a valid result needs and that was not entered yet."""

    field: str
    text: str


@dataclass(frozen=True)
class Draft:
    """What was entered so far, by name; progress in whole percent."""

    revision: int
    values: dict[str, Any]
    missing: list[Missing] = field(default_factory=list)
    lease_expires_at: datetime | None = None


@dataclass(frozen=True)
class Result:
    preference: str | None = None
    notes: str = ""
    submitted_at: datetime | None = None


@dataclass(frozen=True)
class Session:
    """One paired evaluation."""

    id: str
    state: str
    instruction: str
    station: StationInfo | None
    sides: dict[str, Side]
    valid: bool | None = None
    reason: str = ""
    reason_text: str = ""
    training: bool = False
    simulated: bool = False
    lab: Any = None
    rubric: list[Stage] = field(default_factory=list)
    category: str = ""
    opened_at: datetime | None = None
    lease_expires_at: datetime | None = None
    closed_at: datetime | None = None
    revealed_at: datetime | None = None
    photos: list[Photo] = field(default_factory=list)
    draft: Draft | None = None
    missing: list[Missing] = field(default_factory=list)
    result: Result | None = None

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES


@dataclass(frozen=True)
class Live:
    state: str
    sides: dict[str, LiveSide]
    now: datetime | None = None
    lease_expires_at: datetime | None = None
    revision: int = 0


@dataclass(frozen=True)
class Lease:
    """Until when an open session is kept."""

    lease_expires_at: datetime | None


@dataclass(frozen=True)
class Finding:
    """A step of a check of a policy server: `passed`, `failed` or `could_not_check`."""

    step: str
    outcome: str
    sentence: str


@dataclass(frozen=True)
class ProtocolCheck:
    """`finished_at` is None while it waits or runs."""

    id: str
    version: str
    finished_at: datetime | None = None
    passed: bool | None = None
    median_ms: float | None = None
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class PolicyVersion:
    """A version of one's lab, SLUG@VERSION, and its place in the pool."""

    version: str
    pool: str
