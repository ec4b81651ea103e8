"""JSON that can be stored: no NUL, no half of a surrogate pair, no endless nesting."""

from collections.abc import Iterator, Mapping
from typing import IO, Any

from rest_framework.parsers import JSONParser

from arena.errors import ArenaError

DEEPEST = 12


class StrictJson(JSONParser):
    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        data = super().parse(stream, media_type, parser_context)
        for text in _texts(data, 0):
            if "\x00" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
                raise ArenaError("bad_request", "The request holds characters that cannot be stored.")
        return data


def _texts(data: Any, depth: int) -> Iterator[str]:
    if depth > DEEPEST:
        raise ArenaError("bad_request", f"The request is nested deeper than {DEEPEST} levels.")
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for name, value in data.items():
            yield name
            yield from _texts(value, depth + 1)
    elif isinstance(data, list):
        for value in data:
            yield from _texts(value, depth + 1)
