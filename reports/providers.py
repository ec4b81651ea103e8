"""What a vision or language model is asked, and what it answers. `workers` installs the providers that carry it out.

A provider answers one question at a time with a value that fits the question's schema. It knows nothing of sessions;
who asks builds the words and the pictures. `builtin`, which needs no model, is no provider in this sense: it is the
functions of `reports.builtin`, called where no provider is named.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from evaluations.tags import taggers

BUILTIN = taggers.BUILTIN

Reply = TypeVar("Reply", bound=BaseModel)


class Purpose(StrEnum):
    """Why a model is asked: calls are counted by it."""

    TAGS = "tags"
    DIGEST = "digest"
    CLAIMS = "claims"
    SUPPORT = "support"
    CONTRACT = "contract"


class Strict(BaseModel):
    """The base of every schema that a model is to fill in: what was not asked for is refused."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Picture:
    """A JPEG frame of a video, with what may be said of it: no policy is named."""

    jpeg: bytes
    title: str
    """Such as `A, wrist camera, 12.0 s`."""


@dataclass(frozen=True)
class Question(Generic[Reply]):
    purpose: Purpose
    prompt_version: str
    system: str
    text: str
    schema: type[Reply]
    pictures: Sequence[Picture] = field(default=())
    max_tokens: int = 4000


@dataclass(frozen=True)
class Answer(Generic[Reply]):
    """The value, who gave it, and its cost in the currency of the provider's prices, None where none is set."""

    value: Reply
    provider: str
    model: str
    prompt_version: str
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float | None = None
    seconds: float = 0.0
    cached: bool = False


class ProviderError(Exception):
    """No answer. The text is a sentence for the people who run the platform; it holds no key."""


class Temporary(ProviderError):
    """Worth asking again, not before `retry_after_s` where the provider said so: it is busy, slow or not reachable.

    `was_probe` where the provider was known to be away before, so that the question has no part in it.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.was_probe = False


class Waiting(ProviderError):
    """Not asked, or not to the end: the day's budget is used up, the circuit is open, or too many ask at once.
    `until` is when to come back."""

    def __init__(self, message: str, *, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class Unusable(ProviderError):
    """It answered, and after a repair still with nothing that fits the schema; or it refuses this very question."""


class Misconfigured(ProviderError):
    """It will answer nothing until somebody changes a setting: a wrong key, an unknown model, a wrong address."""


class Provider(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def model(self) -> str: ...

    @property
    def sees_pictures(self) -> bool: ...

    def ask(self, question: Question[Reply], *, now: datetime) -> Answer[Reply]:
        """Raises a ProviderError."""


Registry = Callable[[], Sequence[Provider]]

_registry: Registry = tuple


def install(registry: Registry) -> None:
    """Called once by `workers`; the registry is asked each time, so that it follows the settings."""
    global _registry
    _registry = registry


def configured() -> Sequence[Provider]:
    return _registry()


def named(name: str) -> Provider | None:
    return next((one for one in configured() if one.name == name), None)


def chosen(name: str, otherwise: Callable[[], Provider | None]) -> Provider | None:
    """Who is to do a piece of work: the one that it names, else the installation's. None: rules and templates."""
    return None if name == BUILTIN else named(name) or otherwise()


def for_tagging() -> Provider | None:
    """The first that sees pictures; None where the built-in tagger is to do it."""
    return next((one for one in configured() if one.sees_pictures), None)


def for_writing() -> Provider | None:
    return next(iter(configured()), None)
