from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.contracts.encoded_episode import Calibration, Sidecar, Subtask
from blueprint_assets.dataset.checksums import read_checksums, write_checksums, write_listed
from blueprint_assets.dataset.edit import merge_datasets, split_dataset
from blueprint_assets.dataset.layout import DatasetFileError, read_info
from blueprint_assets.dataset.lerobot import DatasetError, Limits, assemble
from blueprint_assets.dataset.review.finding import Finding, Findings, UnsoundError
from blueprint_assets.dataset.review.table_schemas import frame_batch, frame_schema, judge
from blueprint_assets.dataset.review.verify import demand_sound, verify
from blueprint_assets.dataset.unit import Description, Unit, UnitWriter
from fixtures.synthetic_episodes import arm, images, make_unit
from resources.observability import Progress
from resources.simulator import JOINT_NAMES

LENGTHS = (24, 31, 17)


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> list[Unit]:
    folder = tmp_path_factory.mktemp("units")
    return [make_unit(folder / str(i), n, i, f"Task {i % 2}.") for i, n in enumerate(LENGTHS)]


@pytest.fixture(scope="module")
def source(units: list[Unit], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dataset") / "lerobot"
    assemble(units, out)
    return out


@pytest.fixture
def dataset(source: Path, tmp_path: Path) -> Path:
    """Without the list of checksums, by which any change would be found."""
    return Path(shutil.copytree(source, tmp_path / "copy", ignore=shutil.ignore_patterns("SHA256SUMS")))


def test_a_dataset_of_many_files_is_sound(units: list[Unit], tmp_path: Path) -> None:
    assemble(units, tmp_path / "out", limits=Limits(files_per_chunk=2, data_megabytes=0, video_megabytes=0))
    assert verify(tmp_path / "out") == []


def test_progress_reaches_the_end(source: Path) -> None:
    heard: list[Progress] = []
    assert verify(source, progress=heard.append) == []
    assert Progress(len(LENGTHS), len(LENGTHS), "episodes") in heard


def test_quick_reads_no_row_and_no_packet(dataset: Path) -> None:
    video = dataset / "videos/observation.images.scene/chunk-000/file-000.mp4"
    whole = bytearray(video.read_bytes())
    whole[-200] ^= 1
    video.write_bytes(whole)
    assert verify(dataset, deep=False) == []
    assert [finding.file for finding in verify(dataset)] == [video.relative_to(dataset).as_posix()]
    video.unlink()
    assert "is missing" in verify(dataset, deep=False)[0].what


def test_an_error_names_the_first_finding_and_how_many_more(dataset: Path) -> None:
    info = dataset / "meta" / "info.json"
    info.write_text(
        json.dumps(json.loads(info.read_text()) | {"total_episodes": 9, "total_frames": 1, "total_tasks": 0})
    )
    with pytest.raises(UnsoundError) as error:
        demand_sound(dataset)
    assert str(error.value).startswith(f"{dataset}/meta/info.json: total_episodes: 9, expected 3")
    assert f"{len(error.value.findings) - 1} more findings" in str(error.value)


def test_no_folder_is_an_error_and_an_empty_one_a_finding(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such folder"):
        verify(tmp_path / "nothing")
    assert verify(tmp_path) == [Finding("meta/info.json", verify(tmp_path)[0].what)]


def test_a_dataset_that_something_else_wrote_is_not_called_sound(dataset: Path) -> None:
    """As LeRobot's own writer would leave it: no provenance, no key; nothing that hashes could be compared with."""
    shutil.rmtree(dataset / "meta" / "provenance")
    data = dataset / "data/chunk-000/file-000.parquet"
    table = pq.read_table(data).drop_columns(["episode_key", "next.success"])
    with pq.ParquetWriter(data, table.schema) as writer:
        for start, length in zip(np.cumsum([0, *LENGTHS]), LENGTHS, strict=False):
            writer.write_table(table.slice(start, length))
    info = dataset / "meta" / "info.json"
    document = json.loads(info.read_text())
    for name in ("episode_key", "next.success"):
        del document["features"][name]
    info.write_text(json.dumps(document))
    found = verify(dataset)
    assert ("meta/info.json", "features") in {(finding.file, finding.what) for finding in found}


def test_a_copy_without_provenance_is_verified_against_the_original(source: Path, dataset: Path) -> None:
    shutil.rmtree(dataset / "meta" / "provenance")
    shutil.rmtree(dataset / "meta" / "histograms")
    assert "--provenance" in str(verify(dataset)[0])
    assert verify(dataset, provenance=source) == []


def test_files_beside_the_dataset_are_nobodys_business(dataset: Path) -> None:
    (dataset / ".gitattributes").write_text("*.mp4 filter=lfs")
    (dataset / "pictures").mkdir()
    (dataset / "pictures" / "sheet.png").touch()
    assert verify(dataset) == []


def test_checksums_are_what_sha256sum_reads(dataset: Path) -> None:
    import subprocess

    write_checksums(dataset)
    said = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=dataset, check=True, capture_output=True, text=True
    ).stdout
    assert len(said.splitlines()) == len(read_checksums(dataset)) == sum(p.is_file() for p in dataset.rglob("*")) - 1
    assert verify(dataset) == []
    (dataset / "README.md").write_text("A better dataset.")
    assert [(f.file, f.what) for f in verify(dataset)] == [("README.md", "sha256")]


@pytest.mark.parametrize(
    "line", ["", "0" * 64 + " a", "0" * 64 + "  ../up", "0" * 63 + "  a", "0" * 64 + "  /etc/passwd"]
)
def test_checksums_that_cannot_be_read(line: str, tmp_path: Path) -> None:
    (tmp_path / "SHA256SUMS").write_text(f"{line}\n")
    with pytest.raises(DatasetFileError):
        read_checksums(tmp_path)


@given(
    column=st.sampled_from(["action", "observation.state", "timestamp", "frame_index", "task_index", "episode_index"]),
    row=st.integers(0, LENGTHS[0] - 1),
    value=st.sampled_from([float("nan"), float("inf"), -float("inf"), -1.0, 10.0**6]),
)
@settings(deadline=None, max_examples=40)
def test_the_frame_schema_finds_any_value_that_cannot_be(column: str, row: int, value: float, source: Path) -> None:
    info = read_info(source)
    table = pq.ParquetFile(source / "data/chunk-000/file-000.parquet").read_row_group(0)
    found = Findings()
    judge(frame_schema(info, 2), frame_batch(table, info), "data", 0, found)
    assert found.all() == []
    kind = table.schema.field(column).type
    if pa.types.is_integer(kind) and not np.isfinite(value):
        return  # there is no such integer
    allowed = np.isfinite(value) and (
        pa.types.is_fixed_size_list(kind) or (value > 0 and column in ("timestamp", "frame_index"))
    )
    cells = table[column].to_pylist()
    if pa.types.is_fixed_size_list(kind):
        cells[row][3] = value
    else:
        cells[row] = int(value) if pa.types.is_integer(kind) else value
    changed = table.set_column(table.column_names.index(column), column, pa.array(cells, kind))
    judge(frame_schema(info, 2), frame_batch(changed, info), "data", 100, found)
    if allowed:
        assert found.all() == []
    else:
        (finding,) = found.all()
        assert finding.what.startswith(column)
        assert f"row {100 + row}" in finding.value


def test_a_column_of_another_type_is_found(source: Path) -> None:
    info = read_info(source)
    table = pq.ParquetFile(source / "data/chunk-000/file-000.parquet").read_row_group(0)
    place = table.column_names.index("frame_index")
    found = Findings()
    short = table.set_column(place, "frame_index", table["frame_index"].cast(pa.int32()))
    judge(frame_schema(info, 2), frame_batch(short, info), "data", 0, found)
    assert [(f.what, f.value, f.expected) for f in found.all()] == [("frame_index", "int32", "dtype('int64')")]


def test_findings_of_one_field_count() -> None:
    found = Findings()
    for row in range(5):
        found.add("a", "b", row, "none")
    found.demand(True, "a", "c")
    found.demand(False, "a", "d", "x" * 1000)
    assert [str(finding) for finding in found.all()] == ["a: b: 0, expected none (5 times)", f"a: d: {'x' * 200}…"]


def everything(folder: Path, seed: int, frames: int = 12) -> Unit:
    """An episode with depth, subtasks, a calibrated camera and a sidecar."""
    state, action = arm(frames, seed)
    camera = Calibration(
        width=64,
        height=64,
        intrinsics=((60.0, 0.0, 32.0), (0.0, 60.0, 32.0), (0.0, 0.0, 1.0)),
        parent="world",
        parent_from_camera=(
            (1.0, 0.0, 0.0, seed / 10),
            (0.0, 1.0, 0.0, 0.0),
            (0.0, 0.0, 1.0, 1.0),
            (0.0, 0.0, 0.0, 1.0),
        ),
    )
    description = Description(
        "Pick up the red square.",
        True,
        "franka_panda",
        JOINT_NAMES,
        {"episode_uuid": f"uuid-{seed}", "seed": seed},
        calibration={"scene": camera},
        subtasks=(Subtask(frame=0, text="reach"), Subtask(frame=5, text="lift")),
    )
    with UnitWriter(folder, fps=20) as writer:
        for index, image in enumerate(images(state, seed)):
            metres = np.full((64, 64), 1 + index / 10, np.float32)
            writer.add({"scene": image}, state[index], action[index], depth={"scene": metres})
        sidecar = Sidecar(sha256="0" * 64, kind="point_cloud", camera=None)
        writer.sidecar("point_cloud_first.ply", sidecar).write_bytes(bytes([seed]))
        return writer.finish(description)


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rich")
    assemble([everything(folder / str(seed), seed) for seed in (1, 2, 3)], folder / "dataset", language=True)
    return folder / "dataset"


def test_depth_language_cameras_and_sidecars_survive_edits(rich: Path, tmp_path: Path) -> None:
    assert verify(rich) == []
    split_dataset(rich, tmp_path / "parts", {"a": [0], "b": [1, 2]})
    merge_datasets([tmp_path / "parts" / "a", tmp_path / "parts" / "b"], tmp_path / "merged")
    for path in rich.rglob("*"):
        if path.is_file():
            assert (tmp_path / "merged" / path.relative_to(rich)).read_bytes() == path.read_bytes()
    assert verify(tmp_path / "parts" / "b") == []


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("sidecars/uuid-2/point_cloud_first.ply", "sha256"),
        ("sidecars/uuid-2/another.ply", "no episode refers to it"),
        ("meta/calibration.json", "uuid-1"),
        ("data/chunk-000/file-000.parquet", "language_persistent"),
        ("videos/observation.depth.scene/chunk-000/file-000.mp4", "packets_sha256"),
    ],
)
def test_an_edit_of_what_travels_along_is_found(file: str, said: str, rich: Path, tmp_path: Path) -> None:
    dataset = Path(shutil.copytree(rich, tmp_path / "copy"))
    path = dataset / file
    if path.suffix == ".json":
        path.write_text(path.read_text().replace("0.1", "0.15"))
    elif path.suffix == ".parquet":
        table = pq.read_table(path)
        words = table["language_persistent"].combine_chunks().take(pa.array([*range(1, 12), 0, *range(12, 36)]))
        cut = pa.concat_arrays([words.slice(1), pa.nulls(1, words.type)])
        changed = table.set_column(table.column_names.index("language_persistent"), "language_persistent", cut)
        with pq.ParquetWriter(path, table.schema) as writer:
            for start in (0, 12, 24):
                writer.write_table(changed.cast(table.schema).slice(start, 12))
    elif path.suffix == ".mp4":
        whole = bytearray(path.read_bytes())
        whole[-40] ^= 1
        path.write_bytes(whole)
    else:
        path.write_bytes(b"another")
    assert [finding for finding in verify(dataset) if finding.file == file and said in finding.what]


def test_a_file_written_later_keeps_the_list_true(dataset: Path) -> None:
    write_checksums(dataset)
    before = read_checksums(dataset)
    write_listed(dataset, "README.md", "# A card\n")
    after = read_checksums(dataset)
    assert {file for file in after if after[file] != before[file]} == {"README.md"}
    assert list(after) == sorted(before)
    assert verify(dataset) == []
