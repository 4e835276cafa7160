"""The protobuf wire format, as far as ONNX files need it: messages as lists of fields, read and written without a schema.

Only what is changed is touched; every other field keeps its bytes and its order, so that the same input gives the same
bytes whatever version of protobuf is installed. Source: the protobuf encoding specification (varints, tags, wire types).
"""

from __future__ import annotations

from collections.abc import Iterable

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

Field = tuple[int, int, int | bytes]
"""Field number, wire type, and its value: an unsigned integer for VARINT, else the raw bytes."""


class WireError(ValueError):
    """Bytes that are not a protobuf message."""


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """The unsigned integer at `position`, and the position behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise WireError(f"a varint is cut off at byte {position}")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, position
    raise WireError(f"a varint longer than ten bytes ends at byte {position}")


def varint(value: int) -> bytes:
    """The bytes of a non-negative integer."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_message(data: bytes) -> list[Field]:
    """The fields of a message in their order.

    Raises:
        WireError: the bytes are not a message.
    """
    fields: list[Field] = []
    position = 0
    while position < len(data):
        tag, position = read_varint(data, position)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise WireError(f"field number 0 at byte {position}")
        if kind == VARINT:
            value, position = read_varint(data, position)
            fields.append((number, kind, value))
            continue
        if kind == BYTES:
            length, position = read_varint(data, position)
        elif kind in (FIXED64, FIXED32):
            length = 8 if kind == FIXED64 else 4
        else:
            raise WireError(f"wire type {kind} at byte {position} is not one that ONNX uses")
        if position + length > len(data):
            raise WireError(f"field {number} ends at byte {position + length}, the message at {len(data)}")
        fields.append((number, kind, data[position : position + length]))
        position += length
    return fields


def write_message(fields: Iterable[Field]) -> bytes:
    """The bytes of a message."""
    parts: list[bytes] = []
    for number, kind, value in fields:
        parts.append(varint(number << 3 | kind))
        if isinstance(value, int):
            parts.append(varint(value))
        else:
            if kind == BYTES:
                parts.append(varint(len(value)))
            parts.append(value)
    return b"".join(parts)


def only(fields: Iterable[Field], number: int) -> bytes:
    """The one bytes field of that number; empty if there is none."""
    return next((value for field, _, value in fields if field == number and isinstance(value, bytes)), b"")


def text(number: int, value: str) -> Field:
    """A string field."""
    return number, BYTES, value.encode()


def message(number: int, fields: Iterable[Field]) -> Field:
    """A field that holds a message."""
    return number, BYTES, write_message(fields)


def integer(number: int, value: int) -> Field:
    """An int32/int64/enum field (negative numbers as two's complement of 64 bits)."""
    return number, VARINT, value & 0xFFFFFFFFFFFFFFFF
