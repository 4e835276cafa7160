"""Assembles encoded episodes into a LeRobot v3.0 dataset by copying packets and rows. LeRobot itself is not needed.

    meta/info.json  meta/stats.json  meta/tasks.parquet  meta/episodes/chunk-000/file-000.parquet
    meta/provenance/file-000.parquet
    data/chunk-000/file-000.parquet              one row group per episode
    videos/observation.images.<camera>/chunk-000/file-000.mp4
    README.md

Only what LeRobot's tools can read is declared in info.json: a column that is not declared, or an unknown key, breaks or
is lost there. Provenance is in extra columns of meta/episodes, by which LeRobot can filter, and in meta/provenance, which
its loader ignores.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blueprint_assets.contracts.import_manifest import ImportManifest
from resources.simulator import CONTROL_HZ, JOINT_NAMES

from .card import dataset_card
from .episodes import episodes_folder
from .stats import ImageHistogram, Statistics, merge, vector_statistics
from .tables import (
    Columns,
    Place,
    data_schema,
    data_table,
    episode_row,
    episodes_table,
    feature_declarations,
    frame_columns,
    image_feature,
    provenance_columns,
    statistics_columns,
    statistics_json,
    tasks_table,
)
from .unit import Scalar, Unit, read_unit
from .video import concatenate

if TYPE_CHECKING:
    import pyarrow as pa

CODEBASE_VERSION = "v3.0"
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
EPISODES_PATH = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
PROVENANCE_PATH = "meta/provenance/file-000.parquet"
EPISODES_PER_META_FILE = 10_000
"""A row of meta/episodes takes about 5 kB, so a file stays below LeRobot's 100 MB."""


class DatasetError(ValueError):
    """Episodes do not make a dataset. The message says which and why."""


@dataclass(frozen=True)
class Limits:
    """When the next file begins. LeRobot's defaults; megabytes are 2^20 bytes, as it counts them."""

    files_per_chunk: int = 1000
    data_megabytes: int = 100
    video_megabytes: int = 200


@dataclass(frozen=True)
class DatasetSummary:
    """What was assembled. `path` is as the caller gave it."""

    path: str
    episodes: int
    frames: int
    tasks: int
    cameras: tuple[str, ...]
    size_bytes: int


@dataclass
class _Totals:
    """What the whole dataset's statistics need. Values, not summaries: quantiles cannot be added up."""

    columns: list[Columns] = field(default_factory=list)
    histograms: dict[str, list[ImageHistogram]] = field(default_factory=dict)

    def statistics(self) -> dict[str, Statistics]:
        """Exact statistics over everything that was collected."""
        names = list(self.columns[0])
        found = {name: vector_statistics(np.concatenate([c[name] for c in self.columns])) for name in names}
        return found | {image_feature(c): merge(parts).statistics() for c, parts in self.histograms.items()}


def assemble(
    units: Sequence[Unit],
    out: Path,
    robot_type: str = "franka_panda",
    fps: int = round(CONTROL_HZ),
    joint_names: Sequence[str] = JOINT_NAMES,
    limits: Limits | None = None,
) -> DatasetSummary:
    """Writes the dataset of these episodes, in this order, into `out`, which must be empty or not exist.

    It is written beside `out` and renamed, so `out` holds the whole dataset or nothing. The same units give the same
    bytes.

    Raises:
        DatasetError: no unit; one that did not succeed; units of different cameras, rates or joints; the same episode
            twice; `out` holds something.
        VideoError: a unit's video does not fit the others or its rows.
    """
    units = list(units)
    _check(units, out, fps, joint_names)
    staging = out.with_name(f".{out.name}.partial")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        _write(units, staging, robot_type, fps, joint_names, limits or Limits())
        staging.rename(out)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return DatasetSummary(
        path=str(out),
        episodes=len(units),
        frames=sum(unit.document.frames for unit in units),
        tasks=len({unit.document.task for unit in units}),
        cameras=tuple(units[0].document.cameras),
        size_bytes=sum(path.stat().st_size for path in out.rglob("*") if path.is_file()),
    )


def assemble_scene(scene_root: Path, out: Path) -> DatasetSummary:
    """The dataset of the one import below `scene_root/episodes`, written to the same place below `out`.

    Reads import_manifest.json and takes what it accepted; every unit is verified. `path` in the result is relative to
    `out`.

    Raises:
        DatasetError: none or several imports, or none of its episodes was accepted.
        UnitError: a unit is damaged.
    """
    manifests = sorted((scene_root / "episodes").glob("geniesim_*/import_manifest.json"))
    if len(manifests) != 1:
        raise DatasetError(
            f"{scene_root / 'episodes'}: {len(manifests)} imports found, expected one; import a job's episodes"
        )
    manifest = ImportManifest.read(manifests[0])
    folders = [manifests[0].parent / str(item.unit) for item in manifest.imported if item.accepted]
    if not folders:
        reasons = "; ".join(f"{item.episode_id}: {item.reason}" for item in manifest.imported[:5]) or "there were none"
        raise DatasetError(
            f"{manifests[0]}: none of {manifest.episodes.downloaded} episodes was accepted "
            f"({reasons}); an empty dataset is not written"
        )
    path = f"{episodes_folder(manifest.job_id)}/lerobot"
    summary = assemble([read_unit(folder) for folder in folders], out / path)
    return replace(summary, path=path)


def _check(units: Sequence[Unit], out: Path, fps: int, joint_names: Sequence[str]) -> None:
    if not units:
        raise DatasetError(f"{out}: no episode to write; an empty dataset is not written")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DatasetError(f"{out}: exists and is not an empty folder; choose another")

    def shape_of(unit: Unit) -> list[tuple[str, int, int, str, int, str]]:
        cameras = unit.document.cameras
        return [(name, v.width, v.height, v.codec, v.crf, v.preset) for name, v in cameras.items()]

    seen: set[str] = set()
    for unit in units:
        document = unit.document
        if not document.success:
            raise DatasetError(f"{unit.folder}: the episode did not succeed; only successful episodes enter a dataset")
        if document.episode_uuid in seen:
            raise DatasetError(f"{unit.folder}: episode {document.episode_uuid} is given twice")
        seen.add(document.episode_uuid)
        if document.fps != fps:
            raise DatasetError(f"{unit.folder}: {document.fps} frames a second; the dataset has {fps}")
        if shape_of(unit) != shape_of(units[0]):
            raise DatasetError(f"{unit.folder}: cameras {shape_of(unit)}; {units[0].folder} has {shape_of(units[0])}")
        joints = unit.arrays()[0].shape[1]
        if joints != len(joint_names):
            raise DatasetError(f"{unit.folder}: {joints} joints; expected {len(joint_names)}: {', '.join(joint_names)}")


def _write(
    units: Sequence[Unit], root: Path, robot_type: str, fps: int, joint_names: Sequence[str], limits: Limits
) -> None:
    import pyarrow.parquet as pq

    cameras = units[0].document.cameras
    tasks = list(dict.fromkeys(unit.document.task for unit in units))
    videos = {camera: _write_videos(units, camera, root, fps, limits) for camera in cameras}
    totals = _Totals(histograms={camera: [] for camera in cameras})
    data = _DataFiles(root, data_schema(len(joint_names)), limits)
    rows: list[dict[str, Any]] = []
    provenance: list[dict[str, Scalar | None]] = []
    first_index = 0
    for index, unit in enumerate(units):
        document = unit.document
        state, action = unit.arrays()
        columns = frame_columns(
            state,
            action,
            success=document.success,
            fps=fps,
            episode_index=index,
            first_index=first_index,
            task_index=tasks.index(document.task),
        )
        place = data.write(columns)
        statistics = {name: vector_statistics(values) for name, values in columns.items()}
        for camera in cameras:
            histogram = unit.histogram(camera)
            totals.histograms[camera].append(histogram)
            statistics[image_feature(camera)] = histogram.statistics()
        totals.columns.append(columns)
        where = {camera: videos[camera][index] for camera in cameras}
        row = episode_row(index, document.task, first_index, document.frames, place, where, fps)
        meta = Place(
            index // EPISODES_PER_META_FILE // limits.files_per_chunk,
            index // EPISODES_PER_META_FILE % limits.files_per_chunk,
        )
        rows.append(
            row
            | statistics_columns(statistics)
            | {"meta/episodes/chunk_index": meta.chunk, "meta/episodes/file_index": meta.file}
        )
        provenance.append({**document.provenance, "success": document.success})
        first_index += document.frames
    data.close()

    for start in range(0, len(rows), EPISODES_PER_META_FILE):
        part = slice(start, start + EPISODES_PER_META_FILE)
        path = root / EPISODES_PATH.format(
            chunk_index=rows[start]["meta/episodes/chunk_index"], file_index=rows[start]["meta/episodes/file_index"]
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(episodes_table(rows[part], provenance[part]), path, compression="snappy")
    _write_provenance(units, provenance, root / PROVENANCE_PATH)
    pq.write_table(tasks_table(tasks), root / "meta" / "tasks.parquet", compression="snappy")
    _write_json(root / "meta" / "stats.json", statistics_json(totals.statistics()))
    info = {
        "codebase_version": CODEBASE_VERSION,
        "fps": fps,
        "features": feature_declarations(joint_names, cameras, fps),
        "total_episodes": len(units),
        "total_frames": first_index,
        "total_tasks": len(tasks),
        "chunks_size": limits.files_per_chunk,
        "data_files_size_in_mb": limits.data_megabytes,
        "video_files_size_in_mb": limits.video_megabytes,
        "data_path": DATA_PATH,
        "video_path": VIDEO_PATH,
        "robot_type": robot_type,
        "splits": {"train": f"0:{len(units)}"},
    }
    _write_json(root / "meta" / "info.json", info)
    (root / "README.md").write_text(dataset_card(units, robot_type, fps), encoding="utf-8")


def _write_videos(units: Sequence[Unit], camera: str, root: Path, fps: int, limits: Limits) -> list[tuple[Place, int]]:
    """Joins one camera's videos; returns, per episode, its file and the number of frames before it in there."""
    files: list[tuple[Place, list[Unit]]] = []
    size = 0
    limit = limits.video_megabytes << 20
    for unit in units:
        more = unit.video(camera).stat().st_size
        if not files:
            files.append((Place(0, 0), []))
        elif size + more >= limit:
            files.append((files[-1][0].after(limits.files_per_chunk), []))
            size = 0
        files[-1][1].append(unit)
        size += more
    places: list[tuple[Place, int]] = []
    for place, members in files:
        path = root / VIDEO_PATH.format(video_key=image_feature(camera), chunk_index=place.chunk, file_index=place.file)
        path.parent.mkdir(parents=True, exist_ok=True)
        concatenate([(unit.video(camera), unit.document.frames) for unit in members], path, fps)
        before = 0
        for unit in members:
            places.append((place, before))
            before += unit.document.frames
    return places


class _DataFiles:
    """data/*.parquet, one open at a time: a row group per episode, an episode never in two files."""

    def __init__(self, root: Path, schema: pa.Schema, limits: Limits) -> None:
        self._root, self._schema, self._limits = root, schema, limits
        self._place = Place(0, 0)
        self._writer: Any = None
        self._sink: Any = None

    def write(self, columns: Columns) -> Place:
        """Adds an episode's rows; returns the file they are in."""
        table = data_table(columns, self._schema)
        if self._writer is not None and self._sink.tell() + table.nbytes >= self._limits.data_megabytes << 20:
            self.close()
            self._place = self._place.after(self._limits.files_per_chunk)
        if self._writer is None:
            self._open()
        self._writer.write_table(table, row_group_size=len(table))
        return self._place

    def close(self) -> None:
        """Finishes the open file."""
        if self._writer is not None:
            self._writer.close()
            self._sink.close()
            self._writer = None

    def _open(self) -> None:
        import pyarrow.parquet as pq

        path = self._root / DATA_PATH.format(chunk_index=self._place.chunk, file_index=self._place.file)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._sink = path.open("wb")
        self._writer = pq.ParquetWriter(self._sink, self._schema, compression="snappy", use_dictionary=True)


def _write_provenance(units: Sequence[Unit], provenance: Sequence[dict[str, Scalar | None]], path: Path) -> None:
    """The sidecar: the same provenance, and hashes that survive re-assembly, keyed by episode_uuid."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows: list[dict[str, Scalar | None]] = []
    for unit, entry in zip(units, provenance, strict=True):
        hashes: dict[str, Scalar | None] = {"frames": unit.document.frames, "table_sha256": unit.document.table_sha256}
        hashes |= {f"packets_sha256/{camera}": v.packets_sha256 for camera, v in unit.document.cameras.items()}
        rows.append({"episode_uuid": unit.document.episode_uuid} | entry | hashes)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(provenance_columns(rows)), path, compression="snappy")


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=4, allow_nan=False) + "\n", encoding="utf-8")
