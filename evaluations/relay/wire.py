"""The wire format: msgpack maps whose arrays are packed as msgpack-numpy packs them.

Read strictly, and nothing is built that was not asked for: the kind of each value is looked at before it is unpacked,
other keys are skipped, and an array's bytes stay where they are until the message that goes out is put together. The
usual decoder hands the sender's dtype to NumPy unchecked, where an object dtype makes pointers of the sender's bytes.
Here an array is of one of a few plain kinds of numbers, and its bytes fill its shape.
"""

import math
import struct
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgpack
import numpy as np

DTYPES: dict[str, np.dtype[Any]] = {
    name: np.dtype(name)
    for name in ("|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8")
}
MAX_DIMENSIONS = 4
MAX_LENGTH = 8192


class WireError(ValueError):
    """A message that does not follow the protocol."""


@dataclass(frozen=True, slots=True)
class Array:
    """An array of a message: its bytes are those of the span, and stay there."""

    dtype: str
    shape: tuple[int, ...]
    span: slice

    def numbers(self, message: bytes) -> np.ndarray[Any, Any]:
        return np.frombuffer(message, DTYPES[self.dtype], math.prod(self.shape), self.span.start)


Value = bool | int | str | list[int] | Array | None


def decode(message: bytes, *, known: Container[str]) -> dict[str, Value]:
    """The values of the known keys of a map. Those of other keys are skipped unread, whatever they are."""
    try:
        return _Reader(message).message(known)
    except WireError:
        raise
    except (IndexError, msgpack.OutOfData):
        raise WireError("the message ends early") from None
    except ValueError:
        raise WireError("the message is not msgpack") from None


class Form:
    """How a message is made, and what is made of it.

    The messages of an episode differ in the bytes of their arrays alone. One that has the form of the last needs not be
    taken apart again: where all else is equal byte by byte, so are the places of the arrays and what was found right.
    """

    def __init__(self, message: bytes, *, taken: Mapping[str, Value], given: Mapping[str, Value]) -> None:
        """`taken` is all that was decoded of the message, `given` is what the new one holds."""
        self._length = len(message)
        self._fixed = _without(message, [value.span for value in taken.values() if isinstance(value, Array)])
        self._parts = _encoded(given)

    def fits(self, message: bytes) -> bool:
        if len(message) != self._length:
            return False
        return all(message.startswith(fixed, start) for start, fixed in self._fixed)

    def parts(self, message: bytes) -> list[bytes | memoryview]:
        """The new message, in the one form that msgpack-numpy gives it, however the old one was packed."""
        view = memoryview(message)
        return [part if isinstance(part, bytes) else view[part] for part in self._parts]


def encode(values: Mapping[str, Value]) -> bytes:
    """A message without arrays."""
    return b"".join(Form(b"", taken={}, given=values).parts(b""))


def _without(message: bytes, spans: Iterable[slice]) -> list[tuple[int, bytes]]:
    """What stands between the spans, and where."""
    between, start = [], 0
    for span in sorted(spans, key=lambda span: span.start):
        between.append((start, message[start : span.start]))
        start = span.stop
    return [*between, (start, message[start:])]


def _encoded(values: Mapping[str, Value]) -> list[bytes | slice]:
    """The packed values, with spans of the old message where its arrays go."""
    parts: list[bytes | slice] = []
    packed = bytearray(_packer.pack_map_header(len(values)))
    for key, value in values.items():
        packed += _packed(key)
        if isinstance(value, Array):
            packed += _array_head(value.span.stop - value.span.start)
            parts += (bytes(packed), value.span)
            packed = bytearray(b"".join(_packed(part) for part in (_DTYPE, value.dtype, _SHAPE, value.shape)))
        else:
            packed += _packed(value)
    return [*parts, bytes(packed)]


# The fields of a packed array have bytes for names, unlike all other keys of the protocol.
_FLAG, _DATA, _DTYPE, _SHAPE = b"__ndarray__", b"data", b"dtype", b"shape"
_packer = msgpack.Packer()


def _packed(value: object) -> bytes:
    packed: bytes = _packer.pack(value)
    return packed


_ARRAY_START: bytes = _packer.pack_map_header(4) + _packed(_FLAG) + _packed(True) + _packed(_DATA)


def _array_head(length: int) -> bytes:
    if length < 1 << 8:
        return _ARRAY_START + struct.pack(">BB", 0xC4, length)
    if length < 1 << 16:
        return _ARRAY_START + struct.pack(">BH", 0xC5, length)
    return _ARRAY_START + struct.pack(">BI", 0xC6, length)


# What a first byte says of the value that it begins (https://github.com/msgpack/msgpack/blob/master/spec.md).
_NIL, _FALSE, _TRUE = 0xC0, 0xC2, 0xC3
_INTS = frozenset([*range(0x80), *range(0xCC, 0xD4), *range(0xE0, 0x100)])
_STRS = frozenset([*range(0xA0, 0xC0), 0xD9, 0xDA, 0xDB])
_BINS = {0xC4: 2, 0xC5: 3, 0xC6: 5}
"""With the length of their heads."""
_LISTS = frozenset([*range(0x90, 0xA0), 0xDC, 0xDD])
_MAPS = frozenset([*range(0x80, 0x90), 0xDE, 0xDF])
_PLAIN = frozenset([_NIL, _FALSE, _TRUE, *_INTS, *_STRS])


class _Reader:
    """A place in a message. Its methods read what stands there and move on."""

    __slots__ = ("_message", "_unpacker")

    def __init__(self, message: bytes) -> None:
        self._message = message
        self._unpacker = msgpack.Unpacker(max_buffer_size=max(1, len(message)), read_size=1)
        self._unpacker.feed(message)

    def message(self, known: Container[str]) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for _ in range(self._unpacker.read_map_header()):
            key = self._expected(_STRS)
            if key not in known:
                self._unpacker.skip()
            elif key in values:
                raise WireError("a key stands twice")
            else:
                values[key] = self._value()
        if self._unpacker.tell() != len(self._message):
            raise WireError("the message goes on after its end")
        return values

    def _value(self) -> Value:
        kind = self._kind()
        if kind in _PLAIN:
            plain: bool | int | str | None = self._unpacker.unpack()
            return plain
        if kind in _MAPS:
            return self._array()
        return self._whole_numbers()

    def _kind(self) -> int:
        kind: int = self._message[self._unpacker.tell()]
        return kind

    def _expected(self, kinds: Container[int]) -> Any:
        if self._kind() not in kinds:
            raise WireError("a value is of the wrong kind")
        return self._unpacker.unpack()

    def _whole_numbers(self) -> list[int]:
        if self._kind() not in _LISTS:
            raise WireError("a value is of the wrong kind")
        length = self._unpacker.read_array_header()
        if length > MAX_DIMENSIONS:
            raise WireError("a list is too long")
        return [self._expected(_INTS) for _ in range(length)]

    def _array(self) -> Array:
        if self._unpacker.read_map_header() != 4:
            raise WireError("a map is not an array")
        fields: dict[bytes, Any] = {}
        for _ in range(4):
            name = self._expected(_BINS)
            fields[name] = self._field(name)
        # Four fields of four known names: where one stood twice, another is missing.
        if len(fields) != 4:
            raise WireError("an array lacks a field")
        return _checked(fields[_DTYPE], tuple(fields[_SHAPE]), fields[_DATA])

    def _field(self, name: bytes) -> str | list[int] | slice | bool:
        if name == _DATA:
            return self._span()
        if name == _SHAPE:
            return self._whole_numbers()
        if name == _DTYPE:
            return str(self._expected(_STRS))
        if name == _FLAG:
            return bool(self._expected((_TRUE,)))
        raise WireError("a map is not an array")

    def _span(self) -> slice:
        head = _BINS.get(self._kind())
        if head is None:
            raise WireError("an array's data are not bytes")
        start = self._unpacker.tell() + head
        self._unpacker.skip()
        return slice(start, self._unpacker.tell())


def _checked(dtype: str, shape: tuple[int, ...], span: slice) -> Array:
    known = DTYPES.get(dtype)
    if known is None:
        raise WireError("an array is not of plain numbers")
    if not all(0 <= length <= MAX_LENGTH for length in shape):
        raise WireError("a length of an array is out of range")
    if span.stop - span.start != math.prod(shape) * known.itemsize:
        raise WireError("an array's bytes do not fill its shape")
    return Array(dtype, shape, span)
