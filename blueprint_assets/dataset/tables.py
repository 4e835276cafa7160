"""The tables of a LeRobot v3.0 dataset, as Arrow: schemas, feature declarations, statistics columns, task index.

Everything here is what LeRobot 0.6.1 itself writes; what it only tolerates is marked so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.encoded_episode import EncodedEpisode, VideoStream

from . import language
from .depth import video_info
from .stats import STATISTIC_NAMES, Statistics
from .video import EXTRA_OPTIONS, GROUP_OF_PICTURES

if TYPE_CHECKING:
    import pyarrow as pa

Columns = dict[str, NDArray[Any]]

VECTORS = ("observation.state", "action")
PER_FRAME = {
    "next.done": "bool",
    "next.success": "bool",
    "episode_key": "int64",
    "timestamp": "float32",
    "frame_index": "int64",
    "episode_index": "int64",
    "index": "int64",
    "task_index": "int64",
}
"""Scalar columns of every frame and their types. `next.*` is what follows the frame's action: done on the last frame,
and success there if the episode succeeded. `episode_key` leads back to meta/provenance in copies that LeRobot's delete and
split make: they drop every extra column of meta/episodes. A number, because judges of datasets take a text's letters for
a vector. The last five are LeRobot's own."""


@dataclass(frozen=True)
class Place:
    """Where an episode stands: file `file` of chunk `chunk`."""

    chunk: int
    file: int

    def after(self, files_per_chunk: int) -> Place:
        """The next file."""
        return Place(self.chunk, self.file + 1) if self.file + 1 < files_per_chunk else Place(self.chunk + 1, 0)


def episode_key(episode_uuid: str) -> int:
    """The leading 48 bits of the uuid's sha256: exact as a float, and with 100,000 episodes two agree by chance once in
    60,000 datasets."""
    return int(hashlib.sha256(episode_uuid.encode()).hexdigest()[:12], 16)


def image_feature(camera: str) -> str:
    """What a camera's feature is called."""
    return f"observation.images.{camera}"


def feature_declarations(document: EncodedEpisode, with_language: bool = False) -> dict[str, Any]:
    """`features` of info.json, in LeRobot's order: vectors, next.*, our own, videos, its own columns, language."""
    joints = list(document.joint_names)
    features: dict[str, Any] = {name: {"dtype": "float32", "shape": [len(joints)], "names": joints} for name in VECTORS}
    scalars = {name: {"dtype": dtype, "shape": [1], "names": None} for name, dtype in PER_FRAME.items()}
    features |= {name: value for name, value in scalars.items() if name.startswith("next.") or name == "episode_key"}
    features |= {name: _video_feature(video, document.fps) for name, video in document.streams.items()}
    features |= {name: value for name, value in scalars.items() if name not in features}
    return features | (language.feature_declarations() if with_language else {})


def _video_feature(video: VideoStream, fps: int) -> dict[str, Any]:
    channels = 3 if video.depth is None else 1
    return {
        "dtype": "video",
        "shape": [video.height, video.width, channels],
        "names": ["height", "width", "channels"],
        "info": {
            "video.height": video.height,
            "video.width": video.width,
            "video.codec": video.codec,
            "video.pix_fmt": video.pixel_format,
            "video.fps": fps,
            "video.channels": channels,
            "has_audio": False,
            "video.g": GROUP_OF_PICTURES,
            "video.crf": video.crf,
            "video.preset": int(video.preset) if video.preset.isdigit() else video.preset,
            "video.fast_decode": 0,
            "video.video_backend": "pyav",
            "video.extra_options": EXTRA_OPTIONS.get(video.codec, {}),
            "is_depth_map": False,
        }
        | ({} if video.depth is None else video_info(video.depth)),
    }


def frame_columns(
    state: NDArray[np.float32],
    action: NDArray[np.float32],
    *,
    document: EncodedEpisode,
    episode_index: int,
    first_index: int,
    task_index: int,
) -> Columns:
    """One episode's rows. `timestamp` is float32(frame_index / fps), starting at 0 in every episode."""
    count = len(state)
    frame_index = np.arange(count, dtype=np.int64)
    last = frame_index == count - 1
    return {
        "observation.state": state,
        "action": action,
        "next.done": last,
        "next.success": last & document.success,
        "episode_key": np.full(count, episode_key(document.episode_uuid), np.int64),
        "timestamp": (frame_index / document.fps).astype(np.float32),
        "frame_index": frame_index,
        "episode_index": np.full(count, episode_index, np.int64),
        "index": frame_index + first_index,
        "task_index": np.full(count, task_index, np.int64),
    }


def data_schema(document: EncodedEpisode, with_language: bool = False) -> pa.Schema:
    """Schema of data/*.parquet, with the Hugging Face metadata that the Hub's viewer reads."""
    import pyarrow as pa

    joints = len(document.joint_names)
    types = {"bool": pa.bool_(), "float32": pa.float32(), "int64": pa.int64()}
    fields = [pa.field(name, pa.list_(pa.field("element", pa.float32()), joints)) for name in VECTORS]
    fields += [pa.field(name, types[dtype]) for name, dtype in PER_FRAME.items()]
    declared: dict[str, Any] = {
        name: {"feature": {"dtype": "float32", "_type": "Value"}, "length": joints, "_type": "List"} for name in VECTORS
    }
    declared |= {name: {"dtype": dtype, "_type": "Value"} for name, dtype in PER_FRAME.items()}
    if with_language:
        fields += language.fields()
        declared |= language.huggingface_features()
    return pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": declared}})})


def data_table(columns: Columns, schema: pa.Schema, document: EncodedEpisode) -> pa.Table:
    """One episode's rows as Arrow; language, where the schema has it, from the document's subtasks."""
    import pyarrow as pa

    words = (
        dict(zip(language.COLUMNS, language.columns(document), strict=True)) if language.EVENTS in schema.names else {}
    )
    arrays = []
    for field in schema:
        if field.name in words:
            arrays.append(words[field.name])
            continue
        arrays.append(arrow_column(columns[field.name], field.type))
    return pa.Table.from_arrays(arrays, schema=schema)


def arrow_column(values: NDArray[Any], kind: pa.DataType) -> pa.Array:
    """Numbers of shape (rows,) or (rows, n) as an Arrow column, which shares their memory.

    Not `pa.array`: it imports pandas, where that is installed, which takes 0.4 s in every process that writes a unit.
    """
    import pyarrow as pa

    if values.ndim == 2:
        return pa.FixedSizeListArray.from_arrays(arrow_column(values.ravel(), kind.value_type), type=kind)
    packed = np.packbits(values, bitorder="little") if pa.types.is_boolean(kind) else np.ascontiguousarray(values)
    if not pa.types.is_boolean(kind) and packed.itemsize * 8 != kind.bit_width:
        raise TypeError(f"values of {values.dtype} cannot be a column of {kind}")
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(packed)])


def vector_rows(column: pa.ChunkedArray) -> NDArray[np.float32]:
    """A column of float32 lists of one length, without nulls, as (rows, n)."""
    width = column.type.list_size
    chunks = [
        np.frombuffer(chunk.buffers()[-1], np.float32, len(chunk) * width, 4 * chunk.offset * width)
        for chunk in column.chunks
        if len(chunk)
    ]
    return np.concatenate([np.empty(0, np.float32), *chunks]).reshape(-1, width)


def tasks_table(tasks: Sequence[str]) -> pa.Table:
    """meta/tasks.parquet. The task text is the pandas index, which LeRobot looks tasks up by; without the metadata it
    reads numbers instead of texts."""
    import pyarrow as pa

    def column(name: str, pandas_type: str, numpy_type: str) -> dict[str, Any]:
        return {
            "name": name,
            "field_name": name,
            "pandas_type": pandas_type,
            "numpy_type": numpy_type,
            "metadata": None,
        }

    unnamed = {"name": None, "field_name": None, "pandas_type": "unicode", "numpy_type": "object"}
    pandas = {
        "index_columns": ["task"],
        "column_indexes": [unnamed | {"metadata": {"encoding": "UTF-8"}}],
        "columns": [column("task_index", "int64", "int64"), column("task", "unicode", "object")],
        "attributes": {},
        "creator": {"library": "pyarrow", "version": pa.__version__},
        "pandas_version": "2.3.3",
    }
    schema = pa.schema([("task_index", pa.int64()), ("task", pa.string())], metadata={"pandas": json.dumps(pandas)})
    return pa.table({"task_index": list(range(len(tasks))), "task": list(tasks)}, schema=schema)


def episode_row(
    index: int, document: EncodedEpisode, first_index: int, data: Place, videos: Mapping[str, tuple[Place, int]]
) -> dict[str, Any]:
    """The columns of meta/episodes that say where an episode is. `videos`: stream -> (file, frames before it in there).

    Times are frames / fps, computed from whole frames each time: nothing accumulates.
    """
    length, fps = document.frames, document.fps
    row: dict[str, Any] = {
        "episode_index": index,
        "tasks": [document.task],
        "length": length,
        "data/chunk_index": data.chunk,
        "data/file_index": data.file,
        "dataset_from_index": first_index,
        "dataset_to_index": first_index + length,
    }
    for stream, (place, before) in videos.items():
        prefix = f"videos/{stream}"
        row[f"{prefix}/chunk_index"] = place.chunk
        row[f"{prefix}/file_index"] = place.file
        row[f"{prefix}/from_timestamp"] = before / fps
        row[f"{prefix}/to_timestamp"] = (before + length) / fps
    return row


def statistics_columns(statistics: Mapping[str, Statistics]) -> dict[str, Any]:
    """The stats/* columns of meta/episodes."""
    return {f"stats/{f}/{name}": values[name].tolist() for f, values in statistics.items() for name in STATISTIC_NAMES}


def statistics_json(statistics: Mapping[str, Statistics]) -> dict[str, Any]:
    """meta/stats.json."""
    return {f: {name: values[name].tolist() for name in STATISTIC_NAMES} for f, values in statistics.items()}


def episodes_schema(row: Mapping[str, Any], provenance: pa.Schema) -> pa.Schema:
    """Schema of meta/episodes: LeRobot's columns as in `row`, then the provenance, extra columns that its loader accepts."""
    import pyarrow as pa

    own = [pa.field(name, _episodes_type(name, row)) for name in row]
    return pa.schema([*own, *(field for field in provenance if field.name not in row)])


def _episodes_type(name: str, row: Mapping[str, Any]) -> pa.DataType:
    import pyarrow as pa

    if name == "tasks":
        return pa.list_(pa.field("element", pa.string()))
    if name.endswith("_timestamp"):
        return pa.float64()
    if not name.startswith("stats/"):
        return pa.int64()
    if name.endswith("/count"):
        return pa.list_(pa.field("element", pa.int64()))
    kind = pa.float64()
    is_video = f"videos/{name.split('/')[1]}/chunk_index" in row
    for _ in range(3 if is_video else 1):
        kind = pa.list_(pa.field("element", kind))
    return kind
