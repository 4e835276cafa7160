from __future__ import annotations

import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.vision.protobuf_wire import (
    BYTES,
    FIXED32,
    FIXED64,
    VARINT,
    Field,
    WireError,
    integer,
    message,
    only,
    read_message,
    text,
    write_message,
)

NUMBERS = st.integers(1, 2**29 - 1)
FIELDS = st.one_of(
    st.tuples(NUMBERS, st.just(VARINT), st.integers(0, 2**64 - 1)),
    st.tuples(NUMBERS, st.just(BYTES), st.binary(max_size=300)),
    st.tuples(NUMBERS, st.just(FIXED64), st.binary(min_size=8, max_size=8)),
    st.tuples(NUMBERS, st.just(FIXED32), st.binary(min_size=4, max_size=4)),
)


@settings(deadline=None)
@given(st.lists(FIELDS, max_size=20))
def test_what_is_written_is_read(fields: list[Field]) -> None:
    assert read_message(write_message(fields)) == fields


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    try:
        fields = read_message(data)
    except WireError:
        return
    assert read_message(write_message(fields)) == fields  # a varint may have been written longer than needed


def test_protobuf_itself_agrees() -> None:
    judge = Struct()
    judge.update({"name": "mug", "height": 0.1, "hollow": True, "parts": ["cup", "handle"]})
    data = judge.SerializeToString(deterministic=True)
    assert write_message(read_message(data)) == data

    ours = write_message([message(1, [text(1, "name"), message(2, [text(3, "mug")])])])
    judge = Struct()
    judge.ParseFromString(ours)
    assert dict(judge) == {"name": "mug"}


def test_negative_numbers_are_two_s_complement() -> None:
    assert write_message([integer(1, -1)]) == b"\x08" + b"\xff" * 9 + b"\x01"


def test_a_field_that_is_not_there_is_empty() -> None:
    assert only(read_message(write_message([text(1, "a")])), 2) == b""


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x0a\x05abc", "field 1 ends at byte 7"),
        (b"\x08", "cut off"),
        (b"\x08" + b"\xff" * 11, "longer than ten bytes"),
        (b"\x0b", "wire type 3"),
        (b"\x00\x01", "field number 0"),
    ],
)
def test_broken_bytes_are_refused(data: bytes, says: str) -> None:
    with pytest.raises(WireError, match=says):
        read_message(data)
