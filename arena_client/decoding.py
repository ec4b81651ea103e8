"""Dataclasses from the platform's JSON. Fields that a newer platform adds are passed over; missing ones are said."""

from __future__ import annotations

import dataclasses
import types
from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from arena_client.errors import BadAnswer

T = TypeVar("T")


def decode(kind: type[T], value: Any, *, at: str = "answer") -> T:
    """`value` as a `kind`: a dataclass, or a type that a field of one may have. Raises BadAnswer."""
    result: T = _decode(kind, value, at)
    return result


def _decode(kind: Any, value: Any, at: str) -> Any:
    if kind is Any:
        return value
    if get_origin(kind) in (Union, types.UnionType):
        if value is None:
            return None
        return _one_of([one for one in get_args(kind) if one is not type(None)], value, at)
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, value, at)
    if get_origin(kind) is list:
        return [_decode(get_args(kind)[0], one, f"{at}[{number}]") for number, one in enumerate(_of(list, value, at))]
    if get_origin(kind) is dict:
        return {
            str(name): _decode(get_args(kind)[1], one, f"{at}.{name}") for name, one in _of(dict, value, at).items()
        }
    if kind is datetime:
        return _moment(value, at)
    if kind is float and type(value) is int:
        return float(value)
    return _of(kind, value, at)


def _one_of(kinds: list[Any], value: Any, at: str) -> Any:
    for kind in kinds[:-1]:
        with suppress(BadAnswer):
            return _decode(kind, value, at)
    return _decode(kinds[-1], value, at)


def _dataclass(kind: Any, value: Any, at: str) -> Any:
    given, hints, found = _of(dict, value, at), _hints(kind), {}
    for field in dataclasses.fields(kind):
        if field.name in given:
            found[field.name] = _decode(hints[field.name], given[field.name], f"{at}.{field.name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise _bad(f"{at} has no {field.name}")
    return kind(**found)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _moment(value: Any, at: str) -> datetime:
    try:
        # Python 3.10 does not read the Z.
        return datetime.fromisoformat(_of(str, value, at).replace("Z", "+00:00"))
    except ValueError:
        raise _bad(f"{at} is no time") from None


def _of(kind: Any, value: Any, at: str) -> Any:
    if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    raise _bad(f"{at} is a {type(value).__name__}, not a {kind.__name__}")


def _bad(text: str) -> BadAnswer:
    return BadAnswer(
        "bad_answer", f"The server's answer is not of this API: {text}.", hint="Is a newer arena-client needed?"
    )
