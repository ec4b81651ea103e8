"""The RoboArena wire format: msgpack maps whose arrays are packed as msgpack-numpy packs them.

The decoder is our own. The usual one hands the sender's dtype to NumPy unchecked, and an object dtype makes pointers of
the sender's bytes; this one knows plain numbers only and checks that the bytes fill the shape.
"""

from __future__ import annotations

import math
from typing import Any

import msgpack
import numpy as np

# Keys are byte strings in msgpack-numpy, unlike all other keys of the protocol.
ARRAY, SCALAR, DATA, DTYPE, SHAPE = b"__ndarray__", b"__npgeneric__", b"data", b"dtype", b"shape"

DTYPES: dict[str, np.dtype[Any]] = {
    "|b1": np.dtype(np.bool_),
    "|i1": np.dtype(np.int8),
    "|u1": np.dtype(np.uint8),
    **{f"<{kind}{size}": np.dtype(f"<{kind}{size}") for kind in "iu" for size in (2, 4, 8)},
    **{f"<f{size}": np.dtype(f"<f{size}") for size in (2, 4, 8)},
}
MAX_DIMENSIONS = 8
MAX_MESSAGE = 16 * 1024 * 1024


class WireError(ValueError):
    """A message that does not follow the protocol."""


def pack(message: object) -> bytes:
    packed: bytes = msgpack.packb(message, default=_pack_numpy)
    return packed


def unpack(frame: bytes) -> Any:
    try:
        return msgpack.unpackb(frame, object_hook=_unpack_numpy, strict_map_key=False)
    except WireError:
        raise
    # msgpack's own errors are ValueErrors but for two: unhashable map keys and too deep nesting.
    except (ValueError, TypeError, RecursionError) as error:
        raise WireError(f"not a msgpack message: {error}") from None


def _pack_numpy(value: object) -> dict[bytes, object]:
    if isinstance(value, np.ndarray):
        _known(value.dtype)
        return {ARRAY: True, DATA: value.tobytes(), DTYPE: value.dtype.str, SHAPE: value.shape}
    if isinstance(value, np.generic):
        _known(value.dtype)
        return {SCALAR: True, DATA: value.item(), DTYPE: value.dtype.str}
    raise WireError(f"cannot send a {type(value).__name__}")


def _known(dtype: np.dtype[Any]) -> None:
    if dtype.str not in DTYPES:
        raise WireError(f"cannot send numbers of type {dtype.str}")


def _unpack_numpy(value: dict[Any, Any]) -> Any:
    if ARRAY in value:
        return _array(value)
    if SCALAR in value:
        return _scalar(value)
    return value


def _array(value: dict[Any, Any]) -> np.ndarray[Any, Any]:
    dtype, shape, data = _dtype(value), value.get(SHAPE), value.get(DATA)
    if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS:
        raise WireError("an array's shape must be a short list")
    if not all(type(length) is int and length >= 0 for length in shape):
        raise WireError("an array's shape must be whole numbers")
    if not isinstance(data, bytes) or len(data) != math.prod(shape) * dtype.itemsize:
        raise WireError("an array's bytes do not fill its shape")
    return np.frombuffer(data, dtype).reshape(shape)


def _scalar(value: dict[Any, Any]) -> np.generic:
    data = value.get(DATA)
    if not isinstance(data, bool | int | float):
        raise WireError("a scalar must be a number")
    try:
        scalar: np.generic = _dtype(value).type(data)
    except OverflowError:
        raise WireError("a scalar does not fit its type") from None
    return scalar


def _dtype(value: dict[Any, Any]) -> np.dtype[Any]:
    name = value.get(DTYPE)
    if not isinstance(name, str) or name not in DTYPES:
        raise WireError("only arrays of plain numbers are accepted")
    return DTYPES[name]
