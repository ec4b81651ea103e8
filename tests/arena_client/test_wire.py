from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena_client import wire


def array(**changes: Any) -> bytes:
    fields = {b"__ndarray__": True, b"data": bytes(8), b"dtype": "<f4", b"shape": [1, 2]}
    fields |= {name.encode(): value for name, value in changes.items()}
    packed: bytes = msgpack.packb({"actions": fields})
    return packed


def test_an_array_is_packed_as_the_protocol_says() -> None:
    assert wire.pack({"a": np.zeros((1, 2), np.float32)}).hex(" ") == (
        "81 a1 61 84 "
        "c4 0b 5f 5f 6e 64 61 72 72 61 79 5f 5f c3 "
        "c4 04 64 61 74 61 c4 08 00 00 00 00 00 00 00 00 "
        "c4 05 64 74 79 70 65 a3 3c 66 34 "
        "c4 05 73 68 61 70 65 92 01 02"
    )


@pytest.mark.parametrize("dtype", list(wire.DTYPES))
def test_plain_numbers_survive_the_way(dtype: str) -> None:
    sent = np.arange(6).reshape(2, 3).astype(dtype)
    received = wire.unpack(wire.pack({"a": sent, "b": sent[0, 1]}))
    assert received["a"].dtype == sent.dtype
    assert (received["a"] == sent).all()
    assert received["b"] == sent[0, 1]


def test_text_numbers_and_nothing_survive_the_way() -> None:
    message = {"prompt": "öffne die Schublade", "n": 3, "image": None, "deep": [{"x": 0.5}]}
    assert wire.unpack(wire.pack(message)) == message


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(array(dtype="|O"), id="object pointers"),
        pytest.param(array(dtype="|V8"), id="raw memory"),
        pytest.param(array(dtype="<c8"), id="complex"),
        pytest.param(array(dtype=">f4"), id="other byte order"),
        pytest.param(array(dtype="f4,f4"), id="structured"),
        pytest.param(array(dtype=4), id="dtype is no text"),
        pytest.param(array(shape=[1, 3]), id="too few bytes"),
        pytest.param(array(shape=[1]), id="too many bytes"),
        pytest.param(array(shape=[-1, -2]), id="negative lengths"),
        pytest.param(array(shape=[True, 2]), id="length is no number"),
        pytest.param(array(shape=[2**40, 2**40]), id="huge"),
        pytest.param(array(shape=[1] * 9 + [2]), id="too many dimensions"),
        pytest.param(array(shape=2), id="shape is no list"),
        pytest.param(array(data="text"), id="data is no bytes"),
        pytest.param(msgpack.packb({b"__npgeneric__": True, b"data": b"xxxx", b"dtype": "<f4"}), id="scalar of bytes"),
        pytest.param(msgpack.packb({b"__npgeneric__": True, b"data": 300, b"dtype": "|u1"}), id="scalar too large"),
        pytest.param(msgpack.packb({b"__npgeneric__": True, b"data": 1, b"dtype": "|O"}), id="scalar object"),
        pytest.param(msgpack.packb({"a": 1}) + b"\x00", id="more than one message"),
        pytest.param(b"\x81", id="cut short"),
        pytest.param(b"\xc1", id="no msgpack"),
        pytest.param(b"\x81\x80\x01", id="a map as key"),
        pytest.param(b"\x91" * 2000, id="too deep"),
    ],
)
def test_what_is_not_plain_numbers_is_refused(frame: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.unpack(frame)


@pytest.mark.parametrize("value", [np.array([object()]), np.zeros(2, np.complex64), np.array(["a"]), {1, 2}])
def test_what_no_receiver_would_take_is_not_sent(value: object) -> None:
    with pytest.raises(wire.WireError):
        wire.pack({"a": value})


@given(st.binary(max_size=64))
def test_no_bytes_do_worse_than_be_refused(frame: bytes) -> None:
    # Any other exception fails the test.
    with suppress(wire.WireError):
        wire.unpack(frame)


@given(st.integers(0, 150), st.integers(0, 255))
def test_a_damaged_frame_does_no_worse_than_be_refused(place: int, byte: int) -> None:
    frame = bytearray(wire.pack({"actions": np.zeros((2, 7), np.float32), "extra": 1}))
    frame[place % len(frame)] = byte
    try:
        message = wire.unpack(bytes(frame))
    except wire.WireError:
        return
    actions = message.get("actions") if isinstance(message, dict) else None
    if isinstance(actions, np.ndarray):
        assert actions.dtype.str in wire.DTYPES
