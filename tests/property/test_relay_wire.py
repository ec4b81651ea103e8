"""The relay's codec on whatever arrives: it never fails but by its own error, and what it lets through is what came."""

from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from evaluations.relay.messages import OBSERVATIONS, Answers, Call, Metadata, Requests, read_metadata
from evaluations.relay.routes import Route
from evaluations.relay.wire import DTYPES, Array, Form, WireError, decode, encode
from tests.evaluations.relay import openpi

KNOWN = frozenset(["actions", "name", "count", "flag", "lengths", "nothing"])
ROUTE = Route(
    side_id=1,
    endpoint_url="ws://policy.example",
    wire_session_id="5f3a9c0e7d",
    instruction="put the red cup on the shelf",
    external_cameras=2,
    wrist_camera=True,
    simulated=True,
)

numbers = st.sampled_from(sorted(DTYPES)).flatmap(
    lambda dtype: arrays.arrays(np.dtype(dtype), arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5))
)
plain = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=300)
lengths = st.lists(st.integers(-(2**31), 2**32), max_size=4)
junk = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.binary() | numbers,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.binary(), inner, max_size=4),
    max_leaves=15,
)
observations = st.dictionaries(st.sampled_from(OBSERVATIONS), st.none() | numbers, max_size=5)
chunks = st.builds(
    openpi.chunk, rows=st.integers(1, 20), width=st.sampled_from([7, 8]), dtype=st.sampled_from(["<f2", "<f4", "<f8"])
)


def reader(frame: bytes) -> tuple[Call, bytes]:
    call, parts = Requests(route=ROUTE, metadata=Metadata({})).read(frame)
    return call, b"".join(parts)


def unpacked(message: bytes, value: Any) -> Any:
    """A decoded value as the public decoder would give it."""
    return value.numbers(message).reshape(value.shape) if isinstance(value, Array) else value


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(KNOWN)), plain | lengths | numbers, max_size=5))
def test_what_is_known_is_read_as_it_was_packed(values: dict[str, Any]) -> None:
    message = openpi.pack(values)
    decoded = decode(message, known=KNOWN)
    assert openpi.same({key: unpacked(message, value) for key, value in decoded.items()}, values)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(KNOWN)), plain | lengths | numbers, max_size=5))
def test_what_is_read_is_packed_as_it_came(values: dict[str, Any]) -> None:
    message = openpi.pack(values)
    decoded = decode(message, known=KNOWN)
    assert b"".join(Form(message, taken=decoded, given=decoded).parts(message)) == message


@settings(deadline=None)
@given(st.dictionaries(st.text(min_size=1).filter(lambda key: key not in KNOWN), junk, max_size=5))
def test_what_is_not_known_is_skipped_whatever_it_is(values: dict[str, Any]) -> None:
    message = openpi.pack({"count": 1} | values | {"name": "x"})
    assert decode(message, known=KNOWN) == {"count": 1, "name": "x"}


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(frame: bytes) -> None:
    for read in (reader, Answers().read, read_metadata):
        try:
            read(frame)
        except WireError:
            continue


@settings(deadline=None)
@given(
    st.sampled_from([openpi.infer(), openpi.reset(), {"actions": openpi.chunk()}, openpi.METADATA]),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4),
    st.integers(0, 400),
)
def test_damaged_messages(message: dict[str, Any], damages: list[tuple[int, int]], cut: int) -> None:
    small = message | {key: openpi.image(height=3, width=3) for key in message if "image_" in key and "/" in key}
    frame = bytearray(openpi.pack(small))
    for place, byte in damages:
        frame[place % len(frame)] = byte
    damaged = bytes(frame[: len(frame) - cut % len(frame)])
    for read in (reader, Answers().read, read_metadata):
        try:
            read(damaged)
        except WireError:
            continue


@settings(deadline=None)
@given(observations, junk)
def test_a_request_brings_its_observations_and_no_more(sent: dict[str, Any], telling: Any) -> None:
    call, frame = reader(openpi.pack({"lab": telling} | sent | {"endpoint": "infer", "prompt": "typed"}))
    assert call is Call.INFER
    assert openpi.same(openpi.unpack(frame), sent | {"prompt": ROUTE.instruction, "endpoint": "infer"})


@settings(deadline=None)
@given(chunks, junk)
def test_an_answer_brings_its_actions_and_no_more(actions: Any, telling: Any) -> None:
    frame = Answers().read(openpi.pack({"timing": telling, "actions": actions}))
    assert frame == openpi.pack({"actions": actions})


@settings(deadline=None)
@given(st.lists(observations, min_size=1, max_size=3), st.lists(st.integers(0, 2), min_size=2, max_size=8))
def test_a_remembered_form_changes_nothing(variants: list[dict[str, Any]], order: list[int]) -> None:
    """One reader that remembers, and a new one for each message, write the same."""
    remembering = Requests(route=ROUTE, metadata=Metadata({}))
    for number in order:
        frame = openpi.pack(variants[number % len(variants)] | {"endpoint": "infer"})
        _, parts = remembering.read(frame)
        assert b"".join(parts) == reader(frame)[1]


@settings(deadline=None)
@given(chunks, st.integers(0, 2000), st.integers(0, 255))
def test_a_damaged_message_is_not_taken_for_one_of_the_remembered_form(actions: Any, place: int, byte: int) -> None:
    frame = openpi.pack({"actions": actions})
    remembering = Answers()
    remembering.read(frame)
    damaged = bytearray(frame)
    damaged[place % len(damaged)] = byte
    answers = []
    for read in (remembering.read, Answers().read):
        try:
            answers.append(read(bytes(damaged)))
        except WireError:
            answers.append(b"refused")
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    "bomb", [b"\x91" * 500_000, b"\x81\xa1a" * 100_000, b"\xdd\xff\xff\xff\xff", b"\xdf" + b"\xff" * 4]
)
@pytest.mark.parametrize("key", ["unknown", "actions"])
def test_deep_and_long_messages_are_refused(bomb: bytes, key: str) -> None:
    with pytest.raises(WireError):
        decode(b"\x81" + msgpack.packb(key) + bomb, known=KNOWN)


def test_a_message_without_arrays() -> None:
    assert encode({"name": "x", "lengths": [1, 2]}) == openpi.pack({"name": "x", "lengths": [1, 2]})
