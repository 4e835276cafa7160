from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.dataset.layout import DatasetFileError, fill, inside
from blueprint_assets.dataset.lerobot import DatasetError, Limits, assemble
from blueprint_assets.dataset.reader import open_dataset
from blueprint_assets.dataset.unit import Unit
from blueprint_assets.dataset.video import decode
from fixtures.synthetic_episodes import FPS, make_unit

TASKS = ("Pick up the red square.", "Put the red square away.")
LENGTHS = (24, 31, 17, 28)


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> list[Unit]:
    folder = tmp_path_factory.mktemp("units")
    return [make_unit(folder / str(i), n, i, TASKS[i % 2]) for i, n in enumerate(LENGTHS)]


@pytest.fixture(scope="module")
def source(units: list[Unit], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dataset") / "lerobot"
    assemble(units, out)
    return out


@pytest.fixture
def dataset(source: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(source, tmp_path / "copy"))


def change_info(dataset: Path, **changes: Any) -> None:
    path = dataset / "meta" / "info.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def change_table(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    table = pq.read_table(path)
    pq.write_table(change(table).replace_schema_metadata(table.schema.metadata), path)


def without(name: str) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.drop_columns([name])


def test_an_episode_of_a_dataset_is_the_unit_it_was_made_of(units: list[Unit], source: Path) -> None:
    dataset = open_dataset(source)
    assert len(dataset.episodes) == len(units)
    assert dataset.tasks == list(TASKS)
    for index, (episode, unit) in enumerate(zip(dataset.episodes, units, strict=True)):
        assert episode.document == unit.document
        assert episode.origin == f"{source}, episode {index}"
        for found, expected in zip(episode.arrays(), unit.arrays(), strict=True):
            np.testing.assert_array_equal(found, expected)
        for stream in unit.document.streams:
            assert episode.segment(stream).frames == LENGTHS[index]
            pictures = zip(decode(episode.segment(stream)), decode(unit.segment(stream)), strict=True)
            assert all(np.array_equal(a, b) for a, b in pictures)
            np.testing.assert_array_equal(episode.histogram(stream).counts, unit.histogram(stream).counts)


def test_episodes_are_found_in_whichever_file_they_are(units: list[Unit], tmp_path: Path) -> None:
    assemble(units, tmp_path / "out", limits=Limits(files_per_chunk=2, data_megabytes=0, video_megabytes=0))
    dataset = open_dataset(tmp_path / "out")
    for file in (dataset.data_file, lambda index: dataset.video_file(index, "observation.images.wrist")):
        assert len({file(index) for index in range(len(units))}) == len(units)
    for episode, unit in zip(reversed(dataset.episodes), reversed(units), strict=True):
        np.testing.assert_array_equal(episode.arrays()[1], unit.arrays()[1])
        first = next(decode(episode.segment("observation.images.wrist")))
        np.testing.assert_array_equal(first, next(decode(unit.segment("observation.images.wrist"))))


def test_a_dataset_made_of_a_dataset_has_the_same_bytes(source: Path, tmp_path: Path) -> None:
    assemble(open_dataset(source).episodes, tmp_path / "again")
    files = {p.relative_to(source) for p in source.rglob("*") if p.is_file()}
    assert files == {p.relative_to(tmp_path / "again") for p in (tmp_path / "again").rglob("*") if p.is_file()}
    assert all((source / p).read_bytes() == (tmp_path / "again" / p).read_bytes() for p in files)


def test_a_copy_without_provenance_finds_it_in_the_original(source: Path, dataset: Path, units: list[Unit]) -> None:
    """As LeRobot's delete leaves a dataset: fewer episodes, none of our columns, no sidecars."""
    shutil.rmtree(dataset / "meta" / "provenance")
    shutil.rmtree(dataset / "meta" / "histograms")
    change_table(
        dataset / "meta/episodes/chunk-000/file-000.parquet",
        lambda table: table.drop_columns(["episode_uuid", "success", "rows_sha256"]),
    )
    with pytest.raises(DatasetError, match="--provenance"):
        _ = open_dataset(dataset).episodes[1].document
    found = open_dataset(dataset, provenance=source)
    assert [episode.document for episode in found.episodes] == [unit.document for unit in units]
    assert found.episodes[2].histogram("observation.images.scene").frames == LENGTHS[2]


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("../{chunk_index:03d}/{file_index:03d}.parquet", "leads out"),
        ("/etc/{chunk_index:03d}-{file_index:03d}", "leads out"),
        ("data/{chunk_index.__class__}/{file_index:03d}.parquet", "chunk_index.__class__"),
        ("data/{chunk_index!r}/{file_index:03d}.parquet", "chunk_index"),
        ("data/{chunk_index:999999999d}.parquet", "chunk_index"),
        ("data/{secret}.parquet", "secret"),
        ("data/{chunk_index", "template"),
    ],
)
def test_paths_that_the_dataset_names_stay_inside(dataset: Path, template: str, said: str) -> None:
    change_info(dataset, data_path=template)
    with pytest.raises(DatasetFileError, match=said):
        open_dataset(dataset).episodes[0].arrays()


def test_a_link_that_leads_out_is_not_followed(dataset: Path, tmp_path: Path) -> None:
    data = dataset / "data/chunk-000/file-000.parquet"
    data.rename(tmp_path / "elsewhere.parquet")
    data.symlink_to(tmp_path / "elsewhere.parquet")
    with pytest.raises(DatasetFileError, match="leads out"):
        open_dataset(dataset).episodes[0].arrays()


@given(name=st.text(max_size=40))
@settings(deadline=None, max_examples=200)
def test_no_name_leads_out(name: str) -> None:
    folder = Path("/nonexistent/dataset")
    try:
        path = inside(folder, name)
    except DatasetFileError:
        return
    assert path.resolve().is_relative_to(folder)


@given(template=st.text(alphabet="ab/.{}_:03d!chunkindexfile", max_size=60), chunk=st.integers(0, 9999))
@settings(deadline=None, max_examples=300)
def test_a_template_fills_in_numbers_or_is_refused(template: str, chunk: int) -> None:
    folder = Path("/nonexistent/dataset")
    try:
        path = fill(folder, template, chunk_index=chunk, file_index=0)
    except DatasetFileError:
        return
    assert path == template.format(chunk_index=chunk, file_index=0)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("meta/info.json", None, "no such file"),
        ("meta/info.json", "{", "not JSON"),
        ("meta/info.json", '{"codebase_version": "v2.1"}', "convert"),
        ("meta/info.json", '{"codebase_version": "v3.0", "fps": 0}', "fps"),
        ("meta/episodes/chunk-000/file-000.parquet", None, "not finished"),
        ("meta/episodes/chunk-000/file-000.parquet", "PAR1", "footer"),
        ("meta/episodes/chunk-000/file-000.parquet", "", "footer"),
    ],
)
def test_metadata_that_cannot_be_read(dataset: Path, file: str, content: str | None, said: str) -> None:
    (dataset / file).unlink()
    if content is not None:
        (dataset / file).write_text(content)
    with pytest.raises(DatasetFileError, match=said) as error:
        open_dataset(dataset)
    assert str(dataset) in str(error.value)
    assert file.startswith(error.value.file)


def test_what_is_missing_is_named_when_it_is_needed(dataset: Path) -> None:
    opened = open_dataset(dataset)
    with pytest.raises(DatasetFileError, match=r"no video observation.images.ceiling.*wrist"):
        opened.episodes[0].segment("observation.images.ceiling")
    (dataset / "meta/tasks.parquet").unlink()
    with pytest.raises(DatasetFileError, match=r"tasks.parquet: no such file"):
        _ = opened.tasks
    change_table(dataset / "meta/provenance/file-000.parquet", without("document"))
    with pytest.raises(DatasetFileError, match="lacks the columns document"):
        _ = opened.episodes[0].document


def test_a_video_off_the_grid_is_refused(dataset: Path) -> None:
    def late(table: pa.Table) -> pa.Table:
        name = "videos/observation.images.scene/from_timestamp"
        times = table[name].to_numpy() + 0.4 / FPS
        return table.set_column(table.column_names.index(name), name, pa.array(times))

    change_table(dataset / "meta/episodes/chunk-000/file-000.parquet", late)
    with pytest.raises(DatasetFileError, match="grid"):
        open_dataset(dataset).episodes[1].segment("observation.images.scene")


def test_no_folder_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such folder"):
        open_dataset(tmp_path / "nothing")
