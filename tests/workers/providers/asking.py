"""A question as a test asks it, and how the test's server is reached."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal

from django.utils import timezone
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from reports.providers import Answer, Picture, Purpose, Question
from tests.workers.provider_server import KEY, MODEL, ProviderServer
from workers.providers.openai_compatible import OpenAICompatible
from workers.providers.options import Options


class Tag(BaseModel):
    model_config = ConfigDict(extra="forbid")

    category: Literal["pick-place", "open-close"]
    progress: float = Field(ge=0, le=1)
    words: str


RIGHT: dict[str, Any] = {"category": "open-close", "progress": 0.5, "words": "the drawer is open"}


def options_for(server: ProviderServer, **changes: Any) -> Options:
    """Quick: short repeats, no turns to wait for."""
    usual = {"url": server.url, "model": MODEL, "key": KEY, "vision": True, "per_minute": 0, "timeout_s": 5}
    return Options("test", **{**usual, "backoff_s": 0.01, **changes})


def question(text: str = "Close the drawer.", *, pictures: int = 0, prompt_version: str = "tags-1") -> Question[Tag]:
    return Question(
        purpose=Purpose.TAGS,
        prompt_version=prompt_version,
        system="You tag episodes.",
        text=text,
        schema=Tag,
        pictures=[picture(number) for number in range(pictures)],
        max_tokens=500,
    )


def picture(number: int = 0) -> Picture:
    kept = io.BytesIO()
    Image.new("RGB", (64 + number, 48), (200, 30, 30)).save(kept, "JPEG")
    return Picture(jpeg=kept.getvalue(), title=f"A, wrist camera, {number}.0 s")


@contextmanager
def provider(options: Options) -> Iterator[OpenAICompatible]:
    made = OpenAICompatible(options)
    try:
        yield made
    finally:
        made.exchange.close()


def ask(
    server: ProviderServer, asked: Question[Tag] | None = None, *, now: datetime | None = None, **changes: Any
) -> Answer[Tag]:
    with provider(options_for(server, **changes)) as made:
        return made.ask(asked or question(), now=now or timezone.now())
