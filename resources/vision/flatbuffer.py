"""Reads flatbuffers, the format of TFLite files, without a schema: tables, their fields by index, vectors.

Source: the FlatBuffers internals document (little endian; a table starts with the distance to its vtable; offsets are relative).
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray


class FlatbufferError(ValueError):
    """Bytes that are not the expected flatbuffer."""


class Table:
    """One table in `data`, at `position`. A field that is absent reads as its default."""

    def __init__(self, data: bytes, position: int) -> None:
        self._data = data
        self._position = position
        vtable = position - _read(data, "<i", position)
        size = _read(data, "<H", vtable)
        count = (size - 4) // 2
        if count < 0 or vtable < 0 or vtable + size > len(data):
            raise FlatbufferError(f"no table at byte {position}")
        self._fields = struct.unpack_from(f"<{count}H", data, vtable + 4)

    @classmethod
    def root(cls, data: bytes, identifier: bytes) -> Table:
        """The root table of a file that carries `identifier` (four bytes)."""
        if data[4:8] != identifier:
            raise FlatbufferError(f"the file identifier is {data[4:8]!r}, not {identifier!r}")
        return cls(data, _read(data, "<I", 0))

    def _at(self, field: int) -> int | None:
        offset = self._fields[field] if field < len(self._fields) else 0
        return self._position + offset if offset else None

    def number(self, field: int, kind: str = "<i", default: int = 0) -> int:
        """An integer field; `kind` is its struct format."""
        at = self._at(field)
        return default if at is None else _read(self._data, kind, at)

    def table(self, field: int) -> Table | None:
        """A field that is a table."""
        at = self._at(field)
        return None if at is None else Table(self._data, at + _read(self._data, "<I", at))

    def array(self, field: int, kind: str) -> NDArray[Any]:
        """A vector of numbers of the numpy type `kind`; empty if absent."""
        start, count = self._vector(field)
        size = np.dtype(kind).itemsize
        self._demand_room(start, count * size)
        return np.frombuffer(self._data, kind, count, start) if count else np.empty(0, kind)

    def tables(self, field: int) -> list[Table]:
        """A vector of tables; empty if absent."""
        start, count = self._vector(field)
        self._demand_room(start, 4 * count)
        places = range(start, start + 4 * count, 4)
        return [Table(self._data, place + _read(self._data, "<I", place)) for place in places]

    def _demand_room(self, start: int, size: int) -> None:
        if start + size > len(self._data):
            raise FlatbufferError(f"the vector at byte {start} ends behind the file")

    def _vector(self, field: int) -> tuple[int, int]:
        at = self._at(field)
        if at is None:
            return 0, 0
        start = at + _read(self._data, "<I", at)
        return start + 4, _read(self._data, "<I", start)


def _read(data: bytes, kind: str, position: int) -> int:
    try:
        value: int = struct.unpack_from(kind, data, position)[0]
    except struct.error as error:
        raise FlatbufferError(f"an offset points to byte {position} of {len(data)}") from error
    return value
