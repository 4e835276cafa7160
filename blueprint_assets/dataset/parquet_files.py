"""The parquet files of a dataset while it is written: one open at a time, the next begun when one is full."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from .sidecar_tables import arrow_table
from .tables import Place

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_AT_ONCE = 500
"""Rows kept until they become a row group: at 10 kB a row of meta/episodes, 5 MB."""
ROW_GROUPS_PER_FILE = 4000
"""Until a file is closed, its writer keeps 9 kB for each of its row groups (measured, pyarrow 26): 36 MB."""


class DataFiles:
    """data/*.parquet: a row group per episode, an episode never in two files."""

    def __init__(self, root: Path, pattern: str, schema: pa.Schema, *, max_bytes: int, files_per_chunk: int) -> None:
        self._root, self._pattern, self._schema = root, pattern, schema
        self._max_bytes, self._files_per_chunk = max_bytes, files_per_chunk
        self._place = Place(0, 0)
        self._groups = 0
        self._writer: Any = None
        self._sink: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def write(self, table: pa.Table) -> Place:
        """Adds an episode's rows; returns the file they are in."""
        full = self._groups == ROW_GROUPS_PER_FILE
        if self._writer is not None and (full or self._sink.tell() + table.nbytes >= self._max_bytes):
            self._close()
            self._place = self._place.after(self._files_per_chunk)
        if self._writer is None:
            path = self._root / self._pattern.format(chunk_index=self._place.chunk, file_index=self._place.file)
            self._sink, self._writer = open_parquet(path, self._schema)
            self._groups = 0
        self._writer.write_table(table, row_group_size=len(table))
        self._groups += 1
        return self._place

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._sink.close()
            self._writer = None


class RowFiles:
    """A table that is written row by row; the writer of the rows says into which file, `pattern` how it is called."""

    def __init__(self, root: Path, pattern: str, schema: pa.Schema) -> None:
        self._root, self._pattern, self._schema = root, pattern, schema
        self._rows: list[dict[str, Any]] = []
        self._place: Place | None = None
        self._writer: Any = None
        self._sink: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
        self._close()

    def write(self, row: dict[str, Any], place: Place) -> None:
        """Adds a row to the file at `place`; places never go back."""
        if place != self._place:
            self._flush()
            self._close()
            path = self._root / self._pattern.format(chunk_index=place.chunk, file_index=place.file)
            self._sink, self._writer = open_parquet(path, self._schema)
            self._place = place
        self._rows.append(row)
        if len(self._rows) == ROWS_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(arrow_table(self._rows, self._schema))
            self._rows = []

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._sink.close()
            self._writer = None


def open_parquet(path: Path, schema: pa.Schema) -> tuple[Any, Any]:
    """An open file and the parquet writer into it."""
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    sink = path.open("wb")
    return sink, pq.ParquetWriter(sink, schema, compression="snappy", use_dictionary=True)
