"""How a server wants to be asked: which kind of structured output it knows, and which parameters it refuses.

Found out by asking, best first, and remembered for each server and model.
"""

import base64
import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

import openai
from django.core.cache import cache
from pydantic import BaseModel
from redis.exceptions import RedisError

from reports.providers import Picture, Question, Reply
from workers.providers.options import Options

logger = logging.getLogger(__name__)
# A server that was improved is found out after so long.
REMEMBERED_S = 24 * 3600


class Mode(StrEnum):
    JSON_SCHEMA = "json_schema"
    JSON_OBJECT = "json_object"
    PROMPT = "prompt"

    @property
    def lesser(self) -> "Mode | None":
        return {Mode.JSON_SCHEMA: Mode.JSON_OBJECT, Mode.JSON_OBJECT: Mode.PROMPT}.get(self)


@dataclass(frozen=True)
class Manner:
    mode: Mode = Mode.JSON_SCHEMA
    limit: str = "max_tokens"
    """The name of the parameter; models that think call it `max_completion_tokens`."""
    is_cool: bool = True
    """Whether it takes a temperature of 0; some models take none but their own."""

    def without_what_is_refused(self, complaint: str) -> "Manner | None":
        """The next to try after this one was refused; None where there is none."""
        if "max_completion_tokens" in complaint and self.limit == "max_tokens":
            return replace(self, limit="max_completion_tokens")
        if "temperature" in complaint and self.is_cool:
            return replace(self, is_cool=False)
        return replace(self, mode=self.mode.lesser) if self.mode.lesser else None

    def request(self, messages: Sequence[dict[str, Any]], schema: type[BaseModel], *, most: int) -> dict[str, Any]:
        request: dict[str, Any] = {"messages": list(messages), self.limit: most}
        if self.is_cool:
            request["temperature"] = 0
        if self.mode is Mode.JSON_SCHEMA:
            request["response_format"] = {"type": "json_schema", "json_schema": _strict(schema)}
        elif self.mode is Mode.JSON_OBJECT:
            request["response_format"] = {"type": "json_object"}
        return request


def messages_of(question: Question[Reply], mode: Mode) -> list[dict[str, Any]]:
    """Where the server is not told the schema, the model is."""
    told = question.system if mode is Mode.JSON_SCHEMA else f"{question.system}\n\n{in_words(question.schema)}"
    return [{"role": "system", "content": told}, {"role": "user", "content": _content(question)}]


def repair_of(problem: str, schema: type[BaseModel]) -> str:
    return f"That answer cannot be used. {problem}\nAnswer the same question again. {in_words(schema)}"


def in_words(schema: type[BaseModel]) -> str:
    told = json.dumps(_strict(schema)["schema"])
    return f"Answer with one JSON object that fits this JSON Schema, and with nothing else:\n{told}"


def remembered(options: Options) -> Manner:
    try:
        kept = cache.get(_key(options)) or {}
    except RedisError:
        logger.warning("the cache is away: how %s wants to be asked is found out anew", options.name)
        kept = {}
    return Manner(**{**kept, "mode": Mode(kept["mode"])}) if kept else Manner()


def remember(options: Options, manner: Manner) -> None:
    try:
        cache.set(_key(options), asdict(manner), timeout=REMEMBERED_S)
    except RedisError:
        logger.warning("the cache is away: how %s wants to be asked is not remembered", options.name)


def _key(options: Options) -> str:
    of = json.dumps([options.name, options.url, options.model])
    return f"model-manner:{hashlib.sha256(of.encode()).hexdigest()[:32]}"


def _strict(schema: type[BaseModel]) -> dict[str, Any]:
    """The schema in the strict form: every key required, no other allowed."""
    function = openai.pydantic_function_tool(schema)["function"]
    return {"name": schema.__name__, "strict": True, "schema": function["parameters"]}


def _content(question: Question[Reply]) -> str | list[dict[str, Any]]:
    if not question.pictures:
        return question.text
    return [{"type": "text", "text": question.text}, *_parts(question.pictures)]


def _parts(pictures: Sequence[Picture]) -> Iterator[dict[str, Any]]:
    for picture in pictures:
        url = f"data:image/jpeg;base64,{base64.b64encode(picture.jpeg).decode()}"
        yield {"type": "text", "text": picture.title}
        yield {"type": "image_url", "image_url": {"url": url}}
