"""What stands in the folder of a LeRobot v3.0 dataset: its metadata, and the paths that it names.

A dataset may come from anywhere, so its names are not trusted: a path template may hold plain fields only, and no path,
nor a link at it, may lead out of the folder.
"""

from __future__ import annotations

import json
import re
import string
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pydantic import Field

from blueprint_assets.contracts.base import ContractError, Document

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

CODEBASE_VERSION = "v3.0"
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
EPISODES_PATH = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
INFO = "meta/info.json"
TASKS = "meta/tasks.parquet"
STATS = "meta/stats.json"
EPISODES = "meta/episodes"


class DatasetError(ValueError):
    """Episodes do not make a dataset, or a folder does not hold a sound one. The message says which and why."""


class DatasetFileError(DatasetError):
    """A dataset's file is missing, unreadable or says what cannot be. `file` is relative to the dataset."""

    def __init__(self, folder: Path, file: str, problem: str) -> None:
        super().__init__(f"{folder / file}: {problem}")
        self.file = file
        self.problem = problem


class DatasetInfo(Document):
    """What is used of meta/info.json."""

    codebase_version: str
    fps: int = Field(ge=1)
    features: dict[str, dict[str, Any]]
    total_episodes: int = Field(ge=0)
    total_frames: int = Field(ge=0)
    total_tasks: int = Field(ge=0)
    data_path: str
    video_path: str | None = None
    robot_type: str | None = None
    splits: dict[str, str] = {}

    @property
    def streams(self) -> tuple[str, ...]:
        """The video features, in order."""
        return tuple(name for name, feature in self.features.items() if feature.get("dtype") == "video")

    @property
    def has_language(self) -> bool:
        """Whether the rows have LeRobot's language columns."""
        return any(feature.get("dtype") == "language" for feature in self.features.values())


def inside(folder: Path, relative: str) -> Path:
    """The path of a file of the dataset.

    Raises:
        DatasetError: the name, or a link at it, leads out of the folder.
    """
    pure = PurePosixPath(relative)
    path = folder / pure
    if (
        pure.is_absolute()
        or ".." in pure.parts
        or "\\" in relative
        or "\0" in relative
        or not path.resolve().is_relative_to(folder.resolve())
    ):
        raise DatasetFileError(folder, relative, "leads out of the dataset; nothing outside of it is read")
    return path


def open_parquet(folder: Path, file: str) -> pq.ParquetFile:
    """Opens a parquet file of a dataset.

    Raises:
        DatasetError: it is missing, or has no footer.
    """
    import pyarrow.parquet as pq

    path = inside(folder, file)
    with reading(folder, file):
        return pq.ParquetFile(path, page_checksum_verification=True)


@contextmanager
def reading(folder: Path, file: str) -> Iterator[None]:
    """Turns what Arrow raises about a file into a DatasetFileError that names it."""
    import pyarrow as pa

    try:
        yield
    except FileNotFoundError:
        raise DatasetFileError(folder, file, "no such file; copy it from where the dataset came from") from None
    except (pa.ArrowException, OSError, UnicodeDecodeError, KeyError) as error:
        said = " ".join(str(error).split())
        hint = (
            "it has no footer: its writer was stopped before it was finished; write the dataset again"
            if "footer" in said.lower() or "0 bytes" in said
            else "it is damaged; copy it again"
        )
        raise DatasetFileError(folder, file, f"not a readable parquet file ({said:.200}): {hint}") from error


def read_json(folder: Path, file: str) -> Any:
    """A JSON file of the dataset; its numbers are finite.

    Raises:
        DatasetError: it is missing or is not JSON.
    """
    try:
        return json.loads(inside(folder, file).read_text(encoding="utf-8"), parse_constant=_refuse)
    except FileNotFoundError:
        raise DatasetFileError(folder, file, "no such file; copy it from where the dataset came from") from None
    except (ValueError, RecursionError) as error:
        raise DatasetFileError(folder, file, f"not JSON: {error}; copy it again") from error


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def read_info(folder: Path) -> DatasetInfo:
    """Reads meta/info.json.

    Raises:
        DatasetError: it is missing, of another version than v3.0, lacks something, or names paths outside.
    """
    file = INFO
    path = inside(folder, file)
    if not path.exists():
        below = sorted(found.parent.parent.name for found in folder.glob(f"*/{INFO}"))
        hint = f"; the datasets {', '.join(below)} are in this folder: name one of them" if below else ""
        raise DatasetFileError(folder, file, f"no such file{hint or '; give the folder of a LeRobot dataset'}")
    try:
        version, _ = _Version.read_foreign(path)
        if version.codebase_version != CODEBASE_VERSION:
            raise DatasetFileError(
                folder,
                file,
                f"codebase_version is {version.codebase_version!r}, this reads {CODEBASE_VERSION}; convert it with "
                "`python -m lerobot.scripts.convert_dataset_v21_to_v30`",
            )
        info, _ = DatasetInfo.read_foreign(path)
    except ContractError as error:
        raise DatasetFileError(folder, file, str(error).removeprefix(f"{path}: ")) from error
    for name, feature in info.features.items():
        if not isinstance(feature.get("dtype"), str) or not isinstance(feature.get("shape"), list):
            raise DatasetFileError(folder, file, f"feature {name} has no dtype and shape")
    fill(folder, info.data_path, chunk_index=0, file_index=0)
    if info.video_path is not None:
        for stream in info.streams:
            fill(folder, info.video_path, video_key=stream, chunk_index=0, file_index=0)
    elif info.streams:
        raise DatasetFileError(folder, file, f"video_path is null, but there are videos: {', '.join(info.streams)}")
    return info


class _Version(Document):
    codebase_version: str


def read_episodes(folder: Path, info: DatasetInfo) -> pa.Table:
    """Reads all of meta/episodes but the statistics.

    Raises:
        DatasetError: a file is missing or damaged, or lacks what says where an episode is.
    """
    import pyarrow as pa

    tables = []
    for path in sorted((folder / "meta" / "episodes").glob("chunk-*/file-*.parquet")):
        file = path.relative_to(folder).as_posix()
        source = open_parquet(folder, file)
        names = [name for name in source.schema_arrow.names if not name.startswith("stats/")]
        missing = sorted(set(location_columns(info)) - set(names))
        if missing:
            raise DatasetFileError(folder, file, f"lacks the columns {', '.join(missing)}")
        with reading(folder, file):
            table = source.read(columns=names, use_threads=False)
        for name in location_columns(info):
            if table[name].null_count:
                raise DatasetFileError(folder, file, f"column {name} has empty cells")
        tables.append(table)
    if not tables:
        raise DatasetFileError(folder, EPISODES, "no chunk-*/file-*.parquet; the dataset was not finished")
    with reading(folder, EPISODES):
        return pa.concat_tables(tables, promote_options="default").replace_schema_metadata(None)


def location_columns(info: DatasetInfo) -> list[str]:
    """The columns of meta/episodes that say where an episode is."""
    columns = ["episode_index", "tasks", "length", "data/chunk_index", "data/file_index"]
    columns += ["dataset_from_index", "dataset_to_index"]
    for stream in info.streams:
        columns += [f"videos/{stream}/{end}" for end in ("chunk_index", "file_index", "from_timestamp", "to_timestamp")]
    return columns


def fill(folder: Path, template: str, **values: int | str) -> str:
    """A path from a template of info.json. Only plain fields: Python's format would also look into attributes.

    Raises:
        DatasetError: another field, or a path that leads out of the dataset.
    """
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise DatasetFileError(folder, INFO, f"path template {template!r}: {error}") from error
    filled = ""
    for text, field, layout, conversion in parts:
        filled += text
        if field is None:
            continue
        if field not in values or conversion or not re.fullmatch(r"(0\dd)?", layout or ""):
            raise DatasetFileError(
                folder,
                INFO,
                f"path template {template!r} has the field {{{field}}}; known are {', '.join(values)}",
            )
        filled += format(values[field], layout or "")
    inside(folder, filled)
    return filled
