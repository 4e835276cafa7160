"""Opens a finished LeRobot v3.0 dataset, so that its episodes can be assembled into another one without encoding.

Nothing is read before it is asked for: an episode's rows are one row group, its pictures a run of packets of a shared
mp4, its document one row of meta/provenance. Every path that the dataset names must stay inside of its folder.

    dataset = open_dataset(folder)
    for episode in dataset.episodes:
        state, action = episode.arrays()
        print(episode.document.task, episode.segment("observation.images.scene").frames, len(state))
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.base import ContractError
from blueprint_assets.contracts.encoded_episode import EncodedEpisode, VideoStream

from .depth import histogram_of
from .episode import Float32
from .layout import (
    EPISODES,
    INFO,
    TASKS,
    DatasetError,
    DatasetFileError,
    DatasetInfo,
    fill,
    inside,
    open_parquet,
    read_episodes,
    read_info,
    reading,
)
from .sidecar_tables import DOCUMENT_COLUMN, HISTOGRAMS_PATH, PROVENANCE_PATH
from .stats import ImageHistogram
from .tables import VECTORS, episode_key
from .video import Segment

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

UUID, KEY = "episode_uuid", "episode_key"
"""Column of meta/episodes, and of the rows: LeRobot's delete and split leave the first one out."""
OPEN_FILES = 4
"""Parquet files whose footer is kept; episodes are read in order, so the next one is mostly in the same file."""


def open_dataset(folder: Path, provenance: Path | None = None) -> Dataset:
    """Opens a v3.0 dataset. Only meta/info.json and meta/episodes are read.

    LeRobot's own delete and split drop meta/provenance and meta/histograms: `provenance` names the dataset that still
    has them, and episodes are found there by their uuid.

    Raises:
        DatasetError: there is none, or its metadata is of another version, damaged, or leads out of the folder.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such folder; give the folder that holds meta/info.json")
    info = read_info(folder)
    return Dataset(folder, info, read_episodes(folder, info), provenance or folder)


class Dataset:
    """A dataset on disk. `table`: meta/episodes in Arrow, without the statistics, one row per episode; its columns are
    LeRobot's and the plain provenance values that episodes can be chosen by."""

    def __init__(self, folder: Path, info: DatasetInfo, table: pa.Table, provenance: Path) -> None:
        self.folder = folder
        self.info = info
        self.table = table
        self.episodes: Sequence[DatasetEpisode] = [DatasetEpisode(self, index) for index in range(len(table))]
        self._places = {
            name: table[name].to_numpy() for name in table.column_names if name.endswith(("_index", "_timestamp"))
        }
        self._lengths = table["length"].to_numpy()
        self._documents = _KeyedRows(provenance, PROVENANCE_PATH, (UUID,), DOCUMENT_COLUMN)
        self._histograms = _KeyedRows(provenance, HISTOGRAMS_PATH, (UUID, "stream"), "counts")
        self._group: tuple[tuple[str, int, tuple[str, ...] | None], pa.Table] | None = None
        """The row group that was read last: LeRobot's delete puts a whole file into one."""
        self._names: dict[tuple[int | str, ...], str] = {}
        self._files: dict[str, tuple[pq.ParquetFile, NDArray[np.int64]]] = {}

    @cached_property
    def uuids(self) -> list[str]:
        """Every episode's uuid: from meta/episodes, or, in a copy without that column, by the key that its rows hold.

        Raises:
            DatasetError: the dataset has neither, as one that something else wrote, or meta/provenance knows it not.
        """
        if UUID in self.table.column_names:
            found = self.table[UUID].to_pylist()
            if None in found:
                raise DatasetFileError(self.folder, EPISODES, f"episode {found.index(None)} has no {UUID}")
            return [str(uuid) for uuid in found]
        if KEY not in self.info.features:
            raise DatasetFileError(
                self.folder,
                INFO,
                f"no feature {KEY}, and no column {UUID} in {EPISODES}: this dataset was not assembled here",
            )
        by_key = {episode_key(uuid): uuid for (uuid,) in self._documents.known()}
        keys = [int(self.rows(index, [KEY])[KEY][0].as_py()) for index in range(len(self.table))]
        for index, key in enumerate(keys):
            if key not in by_key:
                raise self._documents.unknown(f"episode {index}, {KEY} {key}")
        return [by_key[key] for key in keys]

    @cached_property
    def tasks(self) -> list[str]:
        """The tasks by their index.

        Raises:
            DatasetError: meta/tasks.parquet is missing or is not what LeRobot reads.
        """
        file = TASKS
        table = self.parquet(file).read(use_threads=False)
        if not {"task_index", "task"} <= set(table.column_names):
            raise DatasetFileError(self.folder, file, f"columns {table.column_names}; expected task_index and task")
        rows = sorted(table.select(["task_index", "task"]).to_pylist(), key=lambda row: row["task_index"])
        if [row["task_index"] for row in rows] != list(range(len(rows))):
            raise DatasetFileError(self.folder, file, "task_index does not count 0, 1, 2, …")
        return [str(row["task"]) for row in rows]

    @property
    def size_bytes(self) -> int:
        """All its files together."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def data_file(self, index: int) -> str:
        """The data file that holds an episode, relative to the dataset."""
        return self._name(
            self.info.data_path,
            chunk_index=int(self._places["data/chunk_index"][index]),
            file_index=int(self._places["data/file_index"][index]),
        )

    def video_file(self, index: int, stream: str) -> str:
        """The mp4 that holds an episode's stream, relative to the dataset."""
        return self._name(
            self.info.video_path or "",
            video_key=stream,
            chunk_index=int(self._places[f"videos/{stream}/chunk_index"][index]),
            file_index=int(self._places[f"videos/{stream}/file_index"][index]),
        )

    def segment(self, index: int, stream: str) -> Segment:
        """An episode's packets of a stream.

        Raises:
            DatasetError: its times do not stand on the 1/fps grid, or do not span its length.
        """
        if stream not in self.info.streams or self.info.video_path is None:
            raise DatasetFileError(
                self.folder, INFO, f"no video {stream}; there are {', '.join(self.info.streams) or 'none'}"
            )
        begin, end = (float(self._places[f"videos/{stream}/{side}_timestamp"][index]) for side in ("from", "to"))
        length = int(self._lengths[index])
        first = round(begin * self.info.fps)
        # LeRobot seeks with a tolerance of 1e-4 s; a video that is off by more is not found there either.
        if first < 0 or max(abs(first - begin * self.info.fps), abs(first + length - end * self.info.fps)) > (
            1e-4 * self.info.fps
        ):
            raise DatasetFileError(
                self.folder,
                EPISODES,
                f"episode {index}: {stream} is said to be at {begin}..{end} s, which is not {length} frames on a grid of "
                f"1/{self.info.fps} s",
            )
        return Segment(inside(self.folder, self.video_file(index, stream)), first, length)

    def rows(self, index: int, columns: Sequence[str] | None = None) -> pa.Table:
        """An episode's rows.

        Raises:
            DatasetError: the file does not hold them.
        """
        file = self.data_file(index)
        source, starts = self._open(file)
        first = int(self._places["dataset_from_index"][index]) - self._first_row(index)
        length = int(self._lengths[index])
        group = int(np.searchsorted(starts, first, side="right")) - 1
        if length < 1 or group >= len(starts) - 1 or first + length > starts[group + 1]:
            raise DatasetFileError(
                self.folder, file, f"no row group holds rows {first} to {first + length}, which are episode {index}'s"
            )
        key = (file, group, None if columns is None else tuple(columns))
        if self._group is None or self._group[0] != key:
            with reading(self.folder, file):
                self._group = (key, source.read_row_group(group, columns=columns, use_threads=False))
        return self._group[1].slice(first - int(starts[group]), length)

    def provenance_row(self, index: int) -> tuple[str, dict[str, Any]]:
        """The file of meta/provenance that an episode is in, and its row.

        Raises:
            DatasetError: there is none.
        """
        return self._documents.find((self.uuids[index],))

    def document(self, index: int) -> EncodedEpisode:
        """What meta/provenance keeps of an episode.

        Raises:
            DatasetError: nothing, or something that is not about this episode.
        """
        uuid = self.uuids[index]
        file, row = self.provenance_row(index)
        try:
            found = EncodedEpisode.parse(json.loads(row[DOCUMENT_COLUMN] or ""), f"{DOCUMENT_COLUMN} of {uuid}")
        except (ContractError, json.JSONDecodeError) as error:
            raise DatasetFileError(
                self._documents.folder,
                file,
                f"{DOCUMENT_COLUMN} of {uuid} cannot be read: {error}; copy the file again",
            ) from error
        if found.episode_uuid != uuid or found.frames != int(self._lengths[index]):
            raise DatasetFileError(
                self._documents.folder,
                file,
                f"{DOCUMENT_COLUMN} of {uuid} is about {found.episode_uuid} with {found.frames} frames; {EPISODES} says "
                f"{int(self._lengths[index])} frames",
            )
        return found

    def histogram(self, index: int, stream: str, video: VideoStream) -> ImageHistogram:
        """Pixel counts of an episode's stream, taken before encoding.

        Raises:
            DatasetError: meta/histograms has none, or counts that no pictures have.
        """
        file, row = self._histograms.find((self.uuids[index], stream))
        try:
            return histogram_of(video, np.array(row["counts"], np.int64), int(row["frames"]))
        except (ValueError, TypeError) as error:
            raise DatasetFileError(
                self._histograms.folder, file, f"{stream} of {self.uuids[index]}: {error}; copy the file again"
            ) from error

    def parquet(self, file: str) -> pq.ParquetFile:
        """An open parquet file of the dataset.

        Raises:
            DatasetError: it is missing or has no footer.
        """
        return self._open(file)[0]

    def _open(self, file: str) -> tuple[pq.ParquetFile, NDArray[np.int64]]:
        """The file, and the first row of each of its row groups, with the number of rows at the end."""
        if file not in self._files:
            while len(self._files) >= OPEN_FILES:
                self._files.pop(next(iter(self._files)))[0].close()
            source = open_parquet(self.folder, file)
            counts = [source.metadata.row_group(group).num_rows for group in range(source.num_row_groups)]
            self._files[file] = (source, np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]))
        return self._files[file]

    def _name(self, template: str, **values: int | str) -> str:
        """A filled template; each is checked once."""
        key = (template, *values.values())
        if key not in self._names:
            self._names[key] = fill(self.folder, template, **values)
        return self._names[key]

    def _first_row(self, index: int) -> int:
        """The dataset's index of the first row in the data file of an episode."""
        chunks, files = self._places["data/chunk_index"], self._places["data/file_index"]
        same = (chunks == chunks[index]) & (files == files[index])
        return int(self._places["dataset_from_index"][same].min())


@dataclass(frozen=True)
class DatasetEpisode:
    """An episode of a finished dataset; an `episode.Episode`."""

    dataset: Dataset
    index: int

    @property
    def origin(self) -> str:
        """The dataset and the episode's index in it."""
        return f"{self.dataset.folder}, episode {self.index}"

    @cached_property
    def document(self) -> EncodedEpisode:
        """What it is and where it came from."""
        return self.dataset.document(self.index)

    def arrays(self) -> tuple[Float32, Float32]:
        """(observation.state, action), shape (frames, joints) each."""
        table = self.dataset.rows(self.index, list(VECTORS))
        state, action = (table[name].combine_chunks().flatten().to_numpy().reshape(len(table), -1) for name in VECTORS)
        return state, action

    def segment(self, stream: str) -> Segment:
        """The stream's packets, in the dataset's mp4."""
        return self.dataset.segment(self.index, stream)

    def histogram(self, stream: str) -> ImageHistogram:
        """Pixel counts over every frame of the stream, taken before encoding."""
        return self.dataset.histogram(self.index, stream, self.document.streams[stream])

    def sidecar(self, name: str) -> Path:
        """One of `document.sidecars`."""
        return inside(self.dataset.folder, f"sidecars/{self.document.episode_uuid}/{name}")


class _KeyedRows:
    """Rows of a sidecar's parquet files, found by key. One row group is in memory at a time."""

    def __init__(self, folder: Path, pattern: str, keys: tuple[str, ...], needed: str) -> None:
        self.folder = folder
        self._place, self._pattern = pattern.split("file-")[0], pattern.split("{")[0]
        self._keys, self._needed = keys, needed
        self._held: tuple[str, int] | None = None
        self._rows: pa.Table | None = None

    def find(self, key: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
        """The file of a key, and its row.

        Raises:
            DatasetError: there is none, or more than one.
        """
        place = self._places.get(key)
        if place is None:
            raise self.unknown(" ".join(key))
        file, group, row = place
        if self._rows is None or self._held != (file, group):
            with reading(self.folder, file):
                self._rows = open_parquet(self.folder, file).read_row_group(group, use_threads=False)
            self._held = (file, group)
        return file, self._rows.slice(row, 1).to_pylist()[0]

    def known(self) -> Iterable[tuple[str, ...]]:
        """Every key that there is.

        Raises:
            DatasetError: a file cannot be read.
        """
        return self._places

    def unknown(self, what: str) -> DatasetFileError:
        """The error that there is no row about something."""
        return DatasetFileError(
            self.folder,
            self._place,
            f"nothing about {what}; LeRobot's own delete and split leave this folder out: name the dataset that they were "
            "given (--provenance)",
        )

    @cached_property
    def _places(self) -> dict[tuple[str, ...], tuple[str, int, int]]:
        found: dict[tuple[str, ...], tuple[str, int, int]] = {}
        for path in sorted(self.folder.glob(f"{self._pattern}*.parquet")):
            file = path.relative_to(self.folder).as_posix()
            source = open_parquet(self.folder, file)
            missing = {*self._keys, self._needed} - set(source.schema_arrow.names)
            if missing:
                raise DatasetFileError(self.folder, file, f"lacks the columns {', '.join(sorted(missing))}")
            for group in range(source.num_row_groups):
                with reading(self.folder, file):
                    table = source.read_row_group(group, columns=list(self._keys), use_threads=False)
                for row, key in enumerate(zip(*(table[name].to_pylist() for name in self._keys), strict=True)):
                    if key in found:
                        raise DatasetFileError(self.folder, file, f"{' '.join(map(str, key))} stands there twice")
                    found[key] = (file, group, row)
        return found
