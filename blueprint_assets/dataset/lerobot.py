"""Assembles encoded episodes into a LeRobot v3.0 dataset by copying packets and rows. LeRobot itself is not needed.

    meta/info.json  meta/stats.json  meta/tasks.parquet  meta/episodes/chunk-000/file-000.parquet
    meta/provenance/file-000.parquet  meta/histograms/file-000.parquet  meta/calibration.json
    data/chunk-000/file-000.parquet              one row group per episode
    videos/observation.images.<camera>/chunk-000/file-000.mp4   and observation.depth.<camera>, with depth
    sidecars/<episode_uuid>/…                    segmentations and point clouds, with them
    README.md  SHA256SUMS

Only what LeRobot's tools can read is declared in info.json: a column that is not declared, or an unknown key, breaks or
is lost there. Provenance is in extra columns of meta/episodes, by which LeRobot can filter, and in meta/provenance, which
its loader ignores. Episodes pass through one at a time: memory does not grow with their number, but for the documents.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.encoded_episode import EncodedEpisode
from blueprint_assets.contracts.import_manifest import ImportManifest, episodes_folder
from io_managers.digest import copy_file
from io_managers.durable import publish, staged

from .calibration import CALIBRATION_PATH, dataset_calibration
from .card import dataset_card
from .checksums import write_checksums
from .depth import histogram_of
from .episode import Episode
from .layout import (
    CODEBASE_VERSION,
    DATA_PATH,
    EPISODES_PATH,
    INFO,
    STATS,
    TASKS,
    VIDEO_PATH,
    DatasetError,
)
from .parquet_files import DataFiles, RowFiles
from .sidecar_tables import (
    HISTOGRAMS_PATH,
    PROVENANCE_PATH,
    histogram_row,
    histogram_schema,
    plain_schema,
    plain_values,
    provenance_row,
    provenance_schema,
)
from .sketch import VectorSketch, exact_quantiles
from .stats import ImageHistogram, table_statistics
from .tables import (
    Columns,
    Place,
    data_schema,
    data_table,
    episode_row,
    episodes_schema,
    feature_declarations,
    frame_columns,
    statistics_columns,
    statistics_json,
    tasks_table,
)
from .unit import read_unit, rows_sha256
from .video import concatenate

if TYPE_CHECKING:
    import pyarrow as pa

EPISODES_PER_META_FILE = 10_000
"""A row of meta/episodes takes about 5 kB, so a file stays below LeRobot's 100 MB."""
PACKET_OVERHEAD = 16
"""Bytes that an mp4's index needs for a packet, at most (size, place, time, key frame: four 32-bit numbers)."""
ROWS_PER_SKETCH = 50_000


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
    streams: tuple[str, ...]
    size_bytes: int


def assemble(
    episodes: Sequence[Episode], out: Path, limits: Limits | None = None, *, language: bool = False
) -> DatasetSummary:
    """Writes the dataset of these episodes, in this order, into `out`, which must be empty or not exist.

    It is written beside `out` and renamed, so `out` holds the whole dataset or nothing. The same episodes give the same
    bytes, whether they come from units or from another dataset. `language` adds LeRobot 0.6's language columns, filled from
    the episodes' subtasks (see `language`).

    Raises:
        DatasetError: no episode; one that did not succeed; episodes of different cameras, rates, robots or joints; the
            same episode twice; `out` holds something; packets or rows that are not those of the episode's document.
        VideoError: an episode's video does not fit the others or its rows.
        StoreBusyError: another process is writing `out`.
        StoreFullError: the disk is full; nothing is left of the dataset.
    """
    documents = [episode.document for episode in episodes]
    _check(episodes, documents, out)
    with staged(out) as staging:
        _write(episodes, documents, staging, limits or Limits(), language)
        publish(staging, out)
    return DatasetSummary(
        path=str(out),
        episodes=len(documents),
        frames=sum(document.frames for document in documents),
        tasks=len({document.task for document in documents}),
        streams=tuple(documents[0].streams),
        size_bytes=sum(path.stat().st_size for path in out.rglob("*") if path.is_file()),
    )


def assemble_scene(scene_root: Path, out: Path, *, language: bool = False) -> DatasetSummary:
    """The dataset of the one import below `scene_root/episodes`, written to the same place below `out`.

    Reads import_manifest.json and takes what it accepted; every unit is verified. `path` in the result is relative to
    `out`; `language` as in `assemble`.

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
    summary = assemble([read_unit(folder) for folder in folders], out / path, language=language)
    return replace(summary, path=path)


def _check(episodes: Sequence[Episode], documents: Sequence[EncodedEpisode], out: Path) -> None:
    if not episodes:
        raise DatasetError(f"{out}: no episode to write; an empty dataset is not written")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DatasetError(f"{out}: exists and is not an empty folder; choose another")
    seen: dict[str, str] = {}
    first = documents[0]
    for episode, document in zip(episodes, documents, strict=True):
        if not document.success:
            raise DatasetError(f"{episode.origin}: the episode did not succeed; only successful ones enter a dataset")
        if document.episode_uuid in seen:
            raise DatasetError(
                f"{episode.origin}: episode {document.episode_uuid} is given twice, also as {seen[document.episode_uuid]}"
            )
        seen[document.episode_uuid] = episode.origin
        for what, found, expected in (
            ("frames a second", document.fps, first.fps),
            ("robot", document.robot, first.robot),
            ("joints", document.joint_names, first.joint_names),
            ("videos", _formats(document), _formats(first)),
        ):
            if found != expected:
                raise DatasetError(
                    f"{episode.origin}: {what} {found}, but {episodes[0].origin} has {expected}; a dataset has one kind "
                    "of episode: put them into two datasets, or import one of them again with the other's settings"
                )


def _formats(document: EncodedEpisode) -> dict[str, tuple[Any, ...]]:
    """What must be the same for videos to share a file and a feature."""
    return {
        stream: (v.width, v.height, v.codec, v.pixel_format, v.crf, v.preset, v.depth)
        for stream, v in document.streams.items()
    }


def _write(
    episodes: Sequence[Episode], documents: Sequence[EncodedEpisode], root: Path, limits: Limits, language: bool
) -> None:
    import pyarrow.parquet as pq

    first = documents[0]
    tasks = {task: index for index, task in enumerate(dict.fromkeys(document.task for document in documents))}
    videos = {stream: _write_videos(episodes, documents, stream, root, limits) for stream in first.streams}
    schema = data_schema(first, language)
    data_files, sketches, histograms = _write_tables(episodes, documents, root, limits, tasks, videos, schema)
    statistics = {
        name: sketch.statistics(exact_quantiles(sketch, _column(root, data_files, name)))
        for name, sketch in sketches.items()
    }
    statistics |= {stream: histogram.statistics() for stream, histogram in histograms.items()}
    pq.write_table(tasks_table(list(tasks)), root / TASKS, compression="snappy")
    _write_json(root / STATS, statistics_json(statistics))
    info = {
        "codebase_version": CODEBASE_VERSION,
        "fps": first.fps,
        "features": feature_declarations(first, language),
        "total_episodes": len(documents),
        "total_frames": sum(document.frames for document in documents),
        "total_tasks": len(tasks),
        "chunks_size": limits.files_per_chunk,
        "data_files_size_in_mb": limits.data_megabytes,
        "video_files_size_in_mb": limits.video_megabytes,
        "data_path": DATA_PATH,
        "video_path": VIDEO_PATH,
        "robot_type": first.robot,
        "splits": {"train": f"0:{len(documents)}"},
    }
    _write_json(root / INFO, info)
    cameras = dataset_calibration(documents)
    if cameras is not None:
        cameras.write(root / CALIBRATION_PATH)
    _copy_sidecars(episodes, documents, root)
    (root / "README.md").write_text(dataset_card(documents), encoding="utf-8")
    write_checksums(root)


def _write_tables(
    episodes: Sequence[Episode],
    documents: Sequence[EncodedEpisode],
    root: Path,
    limits: Limits,
    tasks: dict[str, int],
    videos: dict[str, list[tuple[Place, int]]],
    schema: pa.Schema,
) -> tuple[list[Place], dict[str, VectorSketch], dict[str, ImageHistogram]]:
    """Rows and their metadata, an episode at a time. Returns the data files, and what the dataset's statistics need."""
    first = documents[0]
    plain = plain_schema(documents)
    sketches = _Sketches()
    histograms = {stream: histogram_of(video) for stream, video in first.streams.items()}
    data_files: list[Place] = []
    first_index = 0
    with ExitStack() as open_files:
        data = open_files.enter_context(
            DataFiles(
                root,
                DATA_PATH,
                schema,
                max_bytes=limits.data_megabytes << 20,
                files_per_chunk=limits.files_per_chunk,
            )
        )
        provenance = open_files.enter_context(RowFiles(root, PROVENANCE_PATH, provenance_schema(plain)))
        counts = open_files.enter_context(RowFiles(root, HISTOGRAMS_PATH, histogram_schema()))
        meta: RowFiles | None = None
        for index, (episode, document) in enumerate(zip(episodes, documents, strict=True)):
            columns = frame_columns(
                *_rows_of(episode),
                document=document,
                episode_index=index,
                first_index=first_index,
                task_index=tasks[document.task],
            )
            place = data.write(data_table(columns, schema, document))
            if place not in data_files[-1:]:
                data_files.append(place)
            sketches.add(columns)
            statistics = table_statistics(columns)
            number = index // EPISODES_PER_META_FILE
            for stream in first.streams:
                histogram = episode.histogram(stream)
                histograms[stream].include(histogram)
                statistics[stream] = histogram.statistics()
                counts.write(histogram_row(document, stream, histogram), Place(0, number))
            where = {stream: videos[stream][index] for stream in first.streams}
            row = episode_row(index, document, first_index, place, where) | statistics_columns(statistics)
            at = Place(number // limits.files_per_chunk, number % limits.files_per_chunk)
            row |= {"meta/episodes/chunk_index": at.chunk, "meta/episodes/file_index": at.file}
            if meta is None:
                meta = open_files.enter_context(RowFiles(root, EPISODES_PATH, episodes_schema(row, plain)))
            meta.write(plain_values(document) | row, at)
            provenance.write(provenance_row(document), Place(0, number))
            first_index += document.frames
    return data_files, sketches.merged(), histograms


def _rows_of(episode: Episode) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """State and action, the rows that the document is about."""
    state, action = episode.arrays()
    expected = (episode.document.frames, len(episode.document.joint_names))
    if state.shape != expected or action.shape != expected:
        raise DatasetError(f"{episode.origin}: state {state.shape}, action {action.shape}; expected {expected}")
    if rows_sha256(state, action) != episode.document.rows_sha256:
        raise DatasetError(f"{episode.origin}: its rows are not those that were recorded; import the episode again")
    return state, action


class _Sketches:
    """Statistics of every column, from batches of rows."""

    def __init__(self) -> None:
        self._waiting: list[Columns] = []
        self._rows = 0
        self._done: dict[str, VectorSketch] = {}

    def add(self, columns: Columns) -> None:
        self._waiting.append(columns)
        self._rows += len(columns["index"])
        if self._rows >= ROWS_PER_SKETCH:
            self._take()

    def merged(self) -> dict[str, VectorSketch]:
        """By column, over everything that was added."""
        self._take()
        return self._done

    def _take(self) -> None:
        if not self._waiting:
            return
        for name in self._waiting[0]:
            more = VectorSketch.of(np.concatenate([columns[name] for columns in self._waiting]))
            self._done[name] = VectorSketch.merged([self._done[name], more]) if name in self._done else more
        self._waiting, self._rows = [], 0


def _column(root: Path, files: Sequence[Place], name: str) -> Iterator[NDArray[Any]]:
    """A column's rows, as they were written, in batches."""
    import pyarrow.parquet as pq

    for place in files:
        with pq.ParquetFile(root / DATA_PATH.format(chunk_index=place.chunk, file_index=place.file)) as file:
            for batch in file.iter_batches(ROWS_PER_SKETCH, columns=[name], use_threads=False):
                yield column_values(batch.column(0))


def column_values(column: pa.Array) -> NDArray[Any]:
    """An Arrow column as numpy: lists of fixed length become shape (rows, n)."""
    width = getattr(column.type, "list_size", None)
    values = (column if width is None else column.flatten()).to_numpy(zero_copy_only=False)
    return np.asarray(values if width is None else values.reshape(len(column), width))


def _write_videos(
    episodes: Sequence[Episode], documents: Sequence[EncodedEpisode], stream: str, root: Path, limits: Limits
) -> list[tuple[Place, int]]:
    """Joins one stream's videos; returns, per episode, its file and the number of frames before it in there."""
    files: list[tuple[Place, list[int]]] = []
    size = 0
    limit = limits.video_megabytes << 20
    for index, document in enumerate(documents):
        more = document.streams[stream].packets_bytes + PACKET_OVERHEAD * document.frames
        if not files:
            files.append((Place(0, 0), []))
        elif size + more >= limit:
            files.append((files[-1][0].after(limits.files_per_chunk), []))
            size = 0
        files[-1][1].append(index)
        size += more
    places: list[tuple[Place, int]] = []
    for place, members in files:
        path = root / VIDEO_PATH.format(video_key=stream, chunk_index=place.chunk, file_index=place.file)
        path.parent.mkdir(parents=True, exist_ok=True)
        found = concatenate([episodes[i].segment(stream) for i in members], path, documents[0].fps)
        before = 0
        for index, digest in zip(members, found, strict=True):
            expected = documents[index].streams[stream].packets_sha256
            if digest != expected:
                raise DatasetError(
                    f"{episodes[index].origin}: {stream}: packets {digest[:12]}… are not those of the episode "
                    f"({expected[:12]}…); import the episode again"
                )
            places.append((place, before))
            before += documents[index].frames
    return places


def _copy_sidecars(episodes: Sequence[Episode], documents: Sequence[EncodedEpisode], root: Path) -> None:
    for episode, document in zip(episodes, documents, strict=True):
        if not document.sidecars:
            continue
        folder = root / "sidecars" / document.episode_uuid
        folder.mkdir(parents=True)
        for name, entry in document.sidecars.items():
            source = episode.sidecar(name)
            found = copy_file(source, folder / name, durable=False)
            if found != entry.sha256:
                raise DatasetError(
                    f"{source}: sha256 {found[:12]}…, expected {entry.sha256[:12]}… of {document.episode_uuid}; "
                    "import the episode again"
                )


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=4, allow_nan=False) + "\n", encoding="utf-8")
