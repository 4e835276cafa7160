"""Pandera schemas of the frame table and of the episode table, and batches of both as pandas frames.

They say what every single value may be; what rows must be to each other, and to other files, `verify` looks at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..layout import DatasetInfo, location_columns
from .finding import Findings

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pandera
    import pyarrow as pa

NUMBERS = {"float32", "float64", "int64", "int32", "bool"}
"""Types of features that become columns of a frame; text is one more. Other types have no schema."""


def frame_schema(info: DatasetInfo, tasks: int) -> pandera.DataFrameSchema:
    """Schema of `frame_batch`'s frames: types, finite numbers, indices that exist."""
    import pandera.pandas as pandera

    check = pandera.Check
    limits: dict[str, Any] = {
        "timestamp": check.ge(0),
        "frame_index": check.ge(0),
        "episode_index": check.in_range(0, info.total_episodes - 1),
        "index": check.in_range(0, info.total_frames - 1),
        "task_index": check.in_range(0, tasks - 1),
    }
    columns: dict[str, pandera.Column] = {}
    for name, feature in info.features.items():
        kind, shape = feature["dtype"], feature["shape"]
        checks = [limits[name]] if name in limits else []
        if kind in NUMBERS:
            if kind.startswith("float"):
                checks.append(check(np.isfinite, name="finite"))
            for column in _columns(name, shape):
                columns[column] = pandera.Column(kind, checks)
        elif kind == "string":
            columns[name] = pandera.Column(object, check.str_length(min_value=1))
    return pandera.DataFrameSchema(columns, strict=True)


def frame_batch(table: pa.Table, info: DatasetInfo) -> pd.DataFrame:
    """Rows of a data file as a frame; a feature of shape (n,) becomes the columns name[0] … name[n - 1]."""
    import pandas as pd

    columns: dict[str, Any] = {}
    for name, feature in info.features.items():
        if feature["dtype"] == "string" or (feature["dtype"] in NUMBERS and feature["shape"] == [1]):
            columns[name] = table[name].to_pandas()
        elif feature["dtype"] in NUMBERS:
            values = table[name].combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(len(table), -1)
            columns |= dict(zip(_columns(name, feature["shape"]), values.T, strict=True))
    return pd.DataFrame(columns)


def frame_types(info: DatasetInfo) -> dict[str, pa.DataType]:
    """The Arrow type of every column that has a schema; LeRobot's for the declared dtype and shape."""
    import pyarrow as pa

    types = {"float32": pa.float32(), "float64": pa.float64(), "int64": pa.int64(), "int32": pa.int32()}
    types |= {"bool": pa.bool_(), "string": pa.string()}
    found = {}
    for name, feature in info.features.items():
        if feature["dtype"] in types and len(feature["shape"]) == 1:
            kind, length = types[feature["dtype"]], feature["shape"][0]
            found[name] = kind if length == 1 else pa.list_(pa.field("element", kind), length)
    return found


def episode_schema(info: DatasetInfo) -> pandera.DataFrameSchema:
    """Schema of meta/episodes as a frame, without its lists: indices, places, times; and provenance where it is there."""
    import pandera.pandas as pandera

    check = pandera.Check
    columns: dict[str, pandera.Column] = {}
    for name in location_columns(info):
        if name.endswith("_timestamp"):
            columns[name] = pandera.Column("float64", [check.ge(0), check(np.isfinite, name="finite")])
        elif name != "tasks":
            columns[name] = pandera.Column("int64", check.ge(1 if name in ("length", "dataset_to_index") else 0))
    columns["episode_index"] = pandera.Column("int64", check.in_range(0, info.total_episodes - 1), unique=True)
    columns["episode_uuid"] = pandera.Column(object, check.str_length(min_value=1), unique=True, required=False)
    columns["success"] = pandera.Column(bool, required=False)
    columns["quality_score"] = pandera.Column("float64", check.in_range(0, 1), nullable=True, required=False)
    return pandera.DataFrameSchema(columns, strict=False)


def judge(schema: pandera.DataFrameSchema, frame: pd.DataFrame, file: str, first_row: int, findings: Findings) -> None:
    """Notes every value of `frame` that the schema does not allow; its row 0 is row `first_row` of the file."""
    import pandera.pandas as pandera

    try:
        schema.validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        for (column, rule), cases in error.failure_cases.groupby(["column", "check"], sort=False, dropna=False):
            first = cases.iloc[0]
            row = "" if first["index"] is None else f" in row {first_row + int(first['index'])}"
            findings.add(file, str(column), f"{first['failure_case']}{row}", str(rule), times=len(cases))


def _columns(name: str, shape: list[int]) -> list[str]:
    return [name] if shape == [1] else [f"{name}[{i}]" for i in range(int(np.prod(shape)))]
