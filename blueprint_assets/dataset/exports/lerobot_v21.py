"""LeRobot v2.1, which GR00T and openpi read: one parquet file and one mp4 per camera and episode. Packets are copied.

    meta/info.json  meta/episodes.jsonl  meta/episodes_stats.jsonl  meta/tasks.jsonl
    meta/modality.json  meta/stats.json                                     for GR00T; LeRobot ignores them
    meta/provenance/file-000.parquet  meta/calibration.json  sidecars/<episode_uuid>/<file>    as in the v3.0 dataset
    data/chunk-000/episode_000000.parquet
    videos/chunk-000/<feature>/episode_000000.mp4

Source of the layout: lerobot 0.3.3 (lerobot/datasets/utils.py, video_utils.py), the last release that writes v2.1, and
convert_dataset_v21_to_v30.py of 0.6.1.

Columns: those of v3.0 that hold numbers. The text column episode_uuid is left out, because GR00T turns every column into
float32; it is in meta/episodes.jsonl with the other provenance (extra keys, which v2.1 keeps and its conversion to v3.0
turns into columns of meta/episodes).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from blueprint_assets.contracts.encoded_episode import EncodedEpisode
from blueprint_assets.dataset.calibration import CALIBRATION_PATH, dataset_calibration
from blueprint_assets.dataset.episode import Episode
from blueprint_assets.dataset.layout import inside
from blueprint_assets.dataset.lerobot import EPISODES_PER_META_FILE, column_values
from blueprint_assets.dataset.parquet_files import RowFiles
from blueprint_assets.dataset.sidecar_tables import (
    PROVENANCE_PATH,
    plain_schema,
    plain_values,
    provenance_row,
    provenance_schema,
)
from blueprint_assets.dataset.sketch import VectorSketch, exact_quantiles
from blueprint_assets.dataset.stats import Statistics, vector_statistics
from blueprint_assets.dataset.tables import (
    PER_FRAME,
    VECTORS,
    Columns,
    Place,
    data_schema,
    data_table,
    feature_declarations,
    frame_columns,
)
from blueprint_assets.dataset.tables import statistics_json as lerobot_statistics
from blueprint_assets.dataset.video import concatenate
from io_managers.digest import copy_file

from . import modality
from .export import (
    ExportError,
    ExportSummary,
    Progress,
    colour_streams,
    demand_alike,
    folder_size,
    keep_card,
    new_folder,
)

if TYPE_CHECKING:
    import pyarrow as pa

CODEBASE_VERSION = "v2.1"
CHUNK_SIZE = 1000
"""Episodes in a chunk."""
DATA_PATH = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
VIDEO_PATH = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
KEPT = (*VECTORS, *(name for name, dtype in PER_FRAME.items() if dtype != "string"))
"""Columns of the tables."""
SKETCHED = (*VECTORS, "timestamp")
"""Features of meta/stats.json: GR00T N1.6 asks for every feature whose type is a float."""
SKETCHES_AT_ONCE = 64
VIDEO_INFO = (
    "video.height", "video.width", "video.codec", "video.pix_fmt", "video.is_depth_map", "video.fps", "video.channels",
    "has_audio",
)  # fmt: skip
"""What lerobot 0.3.3 says of a video, in its order."""


def export_v21(
    episodes: Sequence[Episode], out: Path, *, card: str | None = None, progress: Progress | None = None
) -> ExportSummary:
    """Writes the v2.1 dataset of these episodes, in this order, to `out`, which must not exist; it appears whole or not at
    all. The same episodes give the same bytes. One episode's rows are in memory at a time. `card`: the card of the dataset
    that the episodes come from, kept beside.

    Raises:
        ExportError: no episode, episodes that do not fit together, packets that are not those that were encoded, or
            `out` exists.
        VideoError: a video is damaged.
    """
    first = demand_alike(episodes)
    tasks: dict[str, int] = {}
    for episode in episodes:
        tasks.setdefault(episode.document.task, len(tasks))
    with new_folder(out) as root:
        (root / "meta").mkdir()
        keep_card(root, card)
        sketches = _write_episodes(episodes, tasks, root, progress)
        _write_lines(root / "meta" / "tasks.jsonl", ({"task_index": i, "task": task} for task, i in tasks.items()))
        streams = colour_streams(first)
        _write_json(root / "meta" / "info.json", _info(episodes, len(tasks), streams))
        _write_json(root / "meta" / "modality.json", modality.modality(first.joint_names, streams))
        _write_json(root / "meta" / "stats.json", modality.statistics_json(_totals(root, len(episodes), sketches)))
        cameras = dataset_calibration([episode.document for episode in episodes])
        if cameras is not None:
            cameras.write(root / CALIBRATION_PATH)
    left_out = []
    if len(streams) < len(first.streams):
        left_out.append("depth streams (v2.1 readers decode every video as 8-bit colour)")
    if any(episode.document.subtasks for episode in episodes):
        left_out.append("subtasks (v2.1 has no language columns; they are in meta/provenance)")
    return ExportSummary(
        path=out,
        episodes=len(episodes),
        frames=sum(episode.document.frames for episode in episodes),
        size_bytes=folder_size(out),
        left_out=tuple(left_out),
    )


def _write_episodes(
    episodes: Sequence[Episode], tasks: dict[str, int], root: Path, progress: Progress | None
) -> dict[str, VectorSketch]:
    """Everything that is per episode; returns the sketches of all rows, by feature."""
    import pyarrow.parquet as pq

    plain = plain_schema(episode.document for episode in episodes)
    schema = _schema(episodes[0].document)
    parts: dict[str, list[VectorSketch]] = {name: [] for name in schema.names if name in SKETCHED}
    first_index = 0
    with ExitStack() as files:
        lines, statistics_lines = (
            files.enter_context((root / "meta" / name).open("w", encoding="utf-8"))
            for name in ("episodes.jsonl", "episodes_stats.jsonl")
        )
        provenance = files.enter_context(RowFiles(root, PROVENANCE_PATH, provenance_schema(plain)))
        for index, episode in enumerate(episodes):
            document = episode.document
            columns = _columns(episode, index, first_index, tasks[document.task])
            pq.write_table(
                data_table(columns, schema, document), _new_file(root, DATA_PATH, index), compression="snappy"
            )
            _copy_videos(episode, index, root)
            _copy_sidecars(episode, root)

            statistics = {name: vector_statistics(values) for name, values in columns.items()}
            statistics |= {stream: episode.histogram(stream).statistics() for stream in colour_streams(document)}
            for name, sketches in parts.items():
                sketches.append(VectorSketch.of(columns[name]))
                if len(sketches) == SKETCHES_AT_ONCE:
                    parts[name] = [VectorSketch.merged(sketches)]
            line = {"episode_index": index, "tasks": [document.task], "length": document.frames}
            values = plain_values(document)
            _write_line(lines, line | {name: values.get(name) for name in plain.names if name not in line})
            _write_line(statistics_lines, {"episode_index": index, "stats": lerobot_statistics(statistics)})
            provenance.write(provenance_row(document), Place(0, index // EPISODES_PER_META_FILE))
            first_index += document.frames
            if progress:
                progress(index + 1, len(episodes))
    return {name: VectorSketch.merged(sketches) for name, sketches in parts.items()}


def _copy_videos(episode: Episode, index: int, root: Path) -> None:
    for stream in colour_streams(episode.document):
        path = _new_file(root, VIDEO_PATH, index, video_key=stream)
        found = concatenate([episode.segment(stream)], path, episode.document.fps)[0]
        expected = episode.document.streams[stream].packets_sha256
        if found != expected:
            raise ExportError(
                f"{episode.origin}: the packets of {stream} have sha256 {found[:12]}…, but {expected[:12]}… was encoded; "
                "the file was altered: import the episode again"
            )


def _copy_sidecars(episode: Episode, root: Path) -> None:
    for name, entry in episode.document.sidecars.items():
        target = inside(root, f"sidecars/{episode.document.episode_uuid}/{name}")
        target.parent.mkdir(parents=True, exist_ok=True)
        found = copy_file(episode.sidecar(name), target, durable=False)
        if found != entry.sha256:
            raise ExportError(
                f"{episode.origin}: sidecar {name} has sha256 {found[:12]}…, expected {entry.sha256[:12]}…; the file was "
                "altered: import the episode again"
            )


def _columns(episode: Episode, index: int, first_index: int, task_index: int) -> Columns:
    document = episode.document
    state, action = episode.arrays()
    if not len(state) == len(action) == document.frames:
        raise ExportError(
            f"{episode.origin}: {len(state)} rows of state, {len(action)} of action, {document.frames} frames"
        )
    columns = frame_columns(
        state, action, document=document, episode_index=index, first_index=first_index, task_index=task_index
    )
    return {name: values for name, values in columns.items() if name in KEPT}


def _totals(root: Path, episodes: int, sketches: dict[str, VectorSketch]) -> dict[str, Statistics]:
    """Exact statistics over all rows: a second pass over what was written finds the quantiles."""
    return {
        name: sketch.statistics(exact_quantiles(sketch, _batches(root, episodes, name)))
        for name, sketch in sketches.items()
    }


def _batches(root: Path, episodes: int, name: str) -> Iterable[NDArray[Any]]:
    import pyarrow.parquet as pq

    for index in range(episodes):
        path = root / DATA_PATH.format(episode_chunk=index // CHUNK_SIZE, episode_index=index)
        column = pq.read_table(path, columns=[name], use_threads=False)[name].combine_chunks()
        yield column_values(column)


def _info(episodes: Sequence[Episode], tasks: int, streams: Sequence[str]) -> dict[str, Any]:
    document = episodes[0].document
    return {
        "codebase_version": CODEBASE_VERSION,
        "robot_type": document.robot,
        "total_episodes": len(episodes),
        "total_frames": sum(episode.document.frames for episode in episodes),
        "total_tasks": tasks,
        "total_videos": len(episodes) * len(streams),
        "total_chunks": -(-len(episodes) // CHUNK_SIZE),
        "chunks_size": CHUNK_SIZE,
        "fps": document.fps,
        "splits": {"train": f"0:{len(episodes)}"},
        "data_path": DATA_PATH,
        "video_path": VIDEO_PATH,
        "features": _features(document, streams),
    }


def _features(document: EncodedEpisode, streams: Sequence[str]) -> dict[str, Any]:
    features = {}
    for name, feature in feature_declarations(document).items():
        if name in streams:
            info = feature["info"] | {"video.is_depth_map": False}
            features[name] = feature | {"info": {key: info[key] for key in VIDEO_INFO}}
        elif name in KEPT:
            features[name] = feature
    return features


def _schema(document: EncodedEpisode) -> pa.Schema:
    """The v3.0 schema without the columns that v2.1 leaves out, and without the metadata for the Hub: its `List` is unknown
    to the version of `datasets` (3) that v2.1 readers carry, while the Arrow types say the same to every version."""
    import pyarrow as pa

    return pa.schema([field for field in data_schema(document) if field.name in KEPT])


def _new_file(root: Path, pattern: str, index: int, **values: str) -> Path:
    """The path of an episode's file, its folder made."""
    path = inside(root, pattern.format(episode_chunk=index // CHUNK_SIZE, episode_index=index, **values))
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as lines:
        for row in rows:
            _write_line(lines, row)


def _write_line(lines: Any, row: dict[str, Any]) -> None:
    lines.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=4, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
