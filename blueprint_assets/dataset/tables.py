"""The tables of a LeRobot v3.0 dataset, as Arrow: schemas, feature declarations, statistics columns, task index.

Everything here is what LeRobot 0.6.1 itself writes; what it only tolerates is marked so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .stats import STATISTIC_NAMES, Statistics
from .unit import CameraVideo, Scalar
from .video import GROUP_OF_PICTURES, PIXEL_FORMAT

if TYPE_CHECKING:
    import pyarrow as pa

Columns = dict[str, NDArray[Any]]

VECTORS = ("observation.state", "action")
PER_FRAME = {
    "next.done": "bool",
    "next.success": "bool",
    "timestamp": "float32",
    "frame_index": "int64",
    "episode_index": "int64",
    "index": "int64",
    "task_index": "int64",
}
"""Scalar columns of every frame and their types. `next.*` is what follows the frame's action: done on the last frame,
and success there if the episode succeeded. The last five are LeRobot's own."""


@dataclass(frozen=True)
class Place:
    """Where an episode stands: file `file` of chunk `chunk`."""

    chunk: int
    file: int

    def after(self, files_per_chunk: int) -> Place:
        """The next file."""
        return Place(self.chunk, self.file + 1) if self.file + 1 < files_per_chunk else Place(self.chunk + 1, 0)


def image_feature(camera: str) -> str:
    """What a camera's feature is called."""
    return f"observation.images.{camera}"


def feature_declarations(joint_names: Sequence[str], cameras: Mapping[str, CameraVideo], fps: int) -> dict[str, Any]:
    """`features` of info.json, in LeRobot's order: vectors, next.*, videos, then its own columns."""
    features: dict[str, Any] = {
        name: {"dtype": "float32", "shape": [len(joint_names)], "names": list(joint_names)} for name in VECTORS
    }
    scalars = {name: {"dtype": dtype, "shape": [1], "names": None} for name, dtype in PER_FRAME.items()}
    features |= {name: value for name, value in scalars.items() if name.startswith("next.")}
    for camera, video in cameras.items():
        features[image_feature(camera)] = {
            "dtype": "video",
            "shape": [video.height, video.width, 3],
            "names": ["height", "width", "channels"],
            "info": {
                "video.height": video.height,
                "video.width": video.width,
                "video.codec": video.codec,
                "video.pix_fmt": PIXEL_FORMAT,
                "video.fps": fps,
                "video.channels": 3,
                "has_audio": False,
                "video.g": GROUP_OF_PICTURES,
                "video.crf": video.crf,
                "video.preset": int(video.preset) if video.preset.isdigit() else video.preset,
                "video.fast_decode": 0,
                "video.video_backend": "pyav",
                "video.extra_options": {},
                "is_depth_map": False,
            },
        }
    return features | {name: value for name, value in scalars.items() if name not in features}


def frame_columns(
    state: NDArray[np.float32],
    action: NDArray[np.float32],
    *,
    success: bool,
    fps: int,
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
        "next.success": last & success,
        "timestamp": (frame_index / fps).astype(np.float32),
        "frame_index": frame_index,
        "episode_index": np.full(count, episode_index, np.int64),
        "index": frame_index + first_index,
        "task_index": np.full(count, task_index, np.int64),
    }


def data_schema(joints: int) -> pa.Schema:
    """Schema of data/*.parquet, with the Hugging Face metadata that the Hub's viewer reads."""
    import pyarrow as pa

    types = {"bool": pa.bool_(), "float32": pa.float32(), "int64": pa.int64()}
    fields = [pa.field(name, pa.list_(pa.field("element", pa.float32()), joints)) for name in VECTORS]
    fields += [pa.field(name, types[dtype]) for name, dtype in PER_FRAME.items()]
    declared: dict[str, Any] = {
        name: {"feature": {"dtype": "float32", "_type": "Value"}, "length": joints, "_type": "List"} for name in VECTORS
    }
    declared |= {name: {"dtype": dtype, "_type": "Value"} for name, dtype in PER_FRAME.items()}
    return pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": declared}})})


def data_table(columns: Columns, schema: pa.Schema) -> pa.Table:
    """One episode's rows as Arrow."""
    import pyarrow as pa

    arrays = []
    for field in schema:
        values = columns[field.name]
        if values.ndim == 2:
            arrays.append(pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), type=field.type))
        else:
            arrays.append(pa.array(values, type=field.type))
    return pa.Table.from_arrays(arrays, schema=schema)


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
    index: int, task: str, first_index: int, length: int, data: Place, videos: Mapping[str, tuple[Place, int]], fps: int
) -> dict[str, Any]:
    """The columns of meta/episodes that say where an episode is. `videos`: camera -> (file, frames before it in there).

    Times are frames / fps, computed from whole frames each time: nothing accumulates.
    """
    row: dict[str, Any] = {
        "episode_index": index,
        "tasks": [task],
        "length": length,
        "data/chunk_index": data.chunk,
        "data/file_index": data.file,
        "dataset_from_index": first_index,
        "dataset_to_index": first_index + length,
    }
    for camera, (place, before) in videos.items():
        prefix = f"videos/{image_feature(camera)}"
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


def episodes_table(rows: Sequence[dict[str, Any]], provenance: Sequence[dict[str, Scalar | None]]) -> pa.Table:
    """meta/episodes: LeRobot's columns, then the provenance (extra columns, which its loader accepts)."""
    import pyarrow as pa

    columns: dict[str, pa.Array] = {}
    for name in rows[0]:
        columns[name] = pa.array([row[name] for row in rows], type=_episodes_type(name))
    return pa.table(columns | provenance_columns(provenance))


def provenance_columns(provenance: Sequence[dict[str, Scalar | None]]) -> dict[str, pa.Array]:
    """One Arrow column per key; a value that an episode does not have is null.

    Raises:
        ValueError: a key holds values of different types.
    """
    import pyarrow as pa

    types = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
    columns: dict[str, pa.Array] = {}
    for name in dict.fromkeys(key for entry in provenance for key in entry):
        values = [entry.get(name) for entry in provenance]
        kinds = {type(value) for value in values if value is not None}
        if len(kinds) != 1:
            found = sorted(kind.__name__ for kind in kinds)
            raise ValueError(f"provenance {name!r} holds values of the types {found}; give it one type in all episodes")
        columns[name] = pa.array(values, type=types[kinds.pop()])
    return columns


def _episodes_type(name: str) -> pa.DataType:
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
    for _ in range(3 if name.startswith(f"stats/{image_feature('')}") else 1):
        kind = pa.list_(pa.field("element", kind))
    return kind
