"""How one server is reached and what it may be asked. Read from the environment by `arena.config.model_providers`."""

from dataclasses import dataclass, field
from datetime import timedelta

LONGEST_TIMEOUT_S = 240
"""Three times this is less than what a task of the worker may take."""


@dataclass(frozen=True)
class Options:
    """0 means no limit, an empty text not set. The key is in no text that is made of these."""

    name: str
    url: str = ""
    model: str = ""
    key: str = field(default="", repr=False)
    vision: bool = False
    concurrency: int = 4
    per_minute: int = 60
    tokens_per_day: int = 0
    budget_per_day: float = 0.0
    price_in: float = 0.0
    """Of a million tokens, in whatever currency the service bills."""
    price_out: float = 0.0
    timeout_s: int = 60
    """The longest that one request may take, from its first byte to the last of its answer."""
    backoff_s: float = 0.5
    """Before the first of the two short repeats of a request."""

    @property
    def is_priced(self) -> bool:
        return self.price_in > 0 or self.price_out > 0

    @property
    def longest_question(self) -> timedelta:
        """No request of a question begins after twice the time-out, so that it ends by three times that."""
        return timedelta(seconds=3 * self.timeout_s)

    def cost(self, tokens_in: int, tokens_out: int) -> float | None:
        if not self.is_priced:
            return None
        return (tokens_in * self.price_in + tokens_out * self.price_out) / 1_000_000
