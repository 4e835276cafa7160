from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blueprint_assets.dataset import parquet_files
from blueprint_assets.dataset.parquet_files import DataFiles
from blueprint_assets.dataset.tables import Place

PATTERN = "chunk-{chunk_index}/file-{file_index}.parquet"


def test_a_file_ends_when_its_writer_would_hold_too_many_row_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_files, "ROW_GROUPS_PER_FILE", 3)
    tables = [pa.table({"index": [i, i]}) for i in range(7)]
    with DataFiles(tmp_path, PATTERN, tables[0].schema, max_bytes=1 << 20, files_per_chunk=2) as files:
        places = [files.write(table) for table in tables]
    assert places == [Place(0, 0)] * 3 + [Place(0, 1)] * 3 + [Place(1, 0)]
    rows = []
    for place in dict.fromkeys(places):
        path = tmp_path / PATTERN.format(chunk_index=place.chunk, file_index=place.file)
        assert pq.read_metadata(path).num_row_groups == places.count(place)
        rows += pq.read_table(path)["index"].to_pylist()
    assert rows == [i for i in range(7) for _ in range(2)]


def test_a_file_ends_when_it_is_large_enough(tmp_path: Path) -> None:
    table = pa.table({"index": list(range(1000))})
    with DataFiles(tmp_path, PATTERN, table.schema, max_bytes=2 * table.nbytes, files_per_chunk=9) as files:
        places = [files.write(table) for _ in range(4)]
    assert places[0] == Place(0, 0)
    assert places[-1].file >= 1
