"""From what a model wrote to a value that fits the schema. Everything in it is hostile until it has passed here."""

import json
import math
import re
from typing import Any

from pydantic import ValidationError

from reports.providers import Reply

LONGEST_TEXT = 200_000
"""Signs: several times what any answer of ours may hold."""
_ERRORS_NAMED = 8
_THOUGHT = r"(?:think|thinking|reasoning|thought)"
_THOUGHTS_BEGIN = re.compile(rf"\s*<{_THOUGHT}>", re.IGNORECASE)
_THOUGHTS_END = re.compile(rf"</{_THOUGHT}>", re.IGNORECASE)
_FENCED = re.compile(r"```[a-zA-Z0-9_-]*[ \t]*\r?\n?\s*(?=\{)")


class Unfit(Exception):
    """The text says no value of the schema. `says_json` tells whether it was at least one JSON object."""

    def __init__(self, problem: str, *, says_json: bool = False) -> None:
        super().__init__(problem)
        self.problem = problem
        self.says_json = says_json


def value_of(text: str, schema: type[Reply], *, was_cut: bool = False) -> Reply:
    """`was_cut`: the model ran into the limit of its answer."""
    if len(text) > LONGEST_TEXT:
        raise Unfit(f"The answer is longer than {LONGEST_TEXT} characters.")
    try:
        found = _only_object(text)
    except Unfit:
        if was_cut:
            raise Unfit("The answer was cut off at the limit of its length. Answer shorter.") from None
        raise
    try:
        return schema.model_validate_json(json.dumps(found), strict=True)
    except ValidationError as error:
        raise Unfit(_problems(error), says_json=True) from None


def _only_object(text: str) -> dict[str, Any]:
    body = _without_wrapping(text)
    start = body.find("{")
    if start < 0:
        raise Unfit("The answer holds no JSON object.")
    found, end = _object_at(body, start)
    rest = body.find("{", end)
    if rest >= 0 and _is_object_at(body, rest):
        raise Unfit("The answer holds more than one JSON object.")
    _require_storable(found)
    return found


def _without_wrapping(text: str) -> str:
    """Without the model's thoughts, and from inside a fence. What begins as an object is taken as it stands."""
    body = text.lstrip("\ufeff \t\r\n")
    if body.startswith("{"):
        return body
    *_, thoughts_end = [0, *(end.end() for end in _THOUGHTS_END.finditer(body))]
    if not thoughts_end and _THOUGHTS_BEGIN.match(body):
        raise Unfit("The answer holds thoughts that do not end.")
    body = body[thoughts_end:]
    fence = _FENCED.search(body)
    return body[fence.end() :] if fence else body


def _object_at(text: str, start: int) -> tuple[dict[str, Any], int]:
    try:
        found, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise Unfit(f"The answer is no valid JSON: {error.msg} at character {error.pos}.") from None
    except (ValueError, RecursionError):
        raise Unfit("The answer is no valid JSON: it is nested too deep, or a number is too long.") from None
    assert isinstance(found, dict)
    return found, end


def _is_object_at(text: str, start: int) -> bool:
    try:
        _object_at(text, start)
    except Unfit:
        return False
    return True


def _require_storable(found: dict[str, Any]) -> None:
    """Neither a NUL nor half a surrogate pair: no database takes them as text."""
    try:
        said = json.dumps(found, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        raise Unfit("The answer holds characters that are no text.") from None
    if b"\\u0000" in said.replace(b"\\\\", b""):
        raise Unfit("The answer holds characters that are no text.")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise Unfit(f"The key {next(name for name in names if names.count(name) > 1)[:60]!r} stands twice.")
    return found


def _no_constant(name: str) -> Any:
    raise Unfit(f"{name} is no number of JSON.")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise Unfit(f"{digits[:40]} is too large a number.")
    return number


_DECODER = json.JSONDecoder(object_pairs_hook=_once_each, parse_constant=_no_constant, parse_float=_finite)


def _problems(error: ValidationError) -> str:
    """What is wrong where, for the model that is to repair it, without a word of the input."""
    told = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [f"{'.'.join(map(str, one['loc'])) or 'the object'}: {one['msg']}"[:200] for one in told[:_ERRORS_NAMED]]
    if len(told) > _ERRORS_NAMED:
        lines.append(f"and {len(told) - _ERRORS_NAMED} more")
    return "; ".join(lines)
