"""A provider that says what a test tells it to, without a network. The real ones have tests of their own."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from reports.providers import Answer, Purpose, Question

Reply = Callable[[Question[Any]], Any]


@dataclass
class Speaker:
    """`replies` are taken in turn; one is a JSON value, an error to be raised, or a function of the question."""

    replies: list[Any]
    name: str = "seer"
    model: str = "seer-7b"
    sees_pictures: bool = True
    # To questions about notes, each the same.
    on_notes: Any = field(default_factory=lambda: {"observations": []})
    asked: list[Question[Any]] = field(default_factory=list)

    def ask(self, question: Question[Any], *, now: datetime) -> Answer[Any]:
        self.asked.append(question)
        reply = self.on_notes if question.purpose is Purpose.DIGEST else self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        value: Any = reply(question) if callable(reply) else reply
        if not isinstance(value, BaseModel):
            value = question.schema.model_validate(value)
        return Answer(value, self.name, self.model, question.prompt_version, tokens_in=1000, tokens_out=100, cost=0.01)

    def purposes(self) -> list[Purpose]:
        return [one.purpose for one in self.asked]
