"""Whether a dataset's rows, their statistics and what is kept about every episode agree. An episode at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.base import ContractError
from blueprint_assets.contracts.dataset_calibration import DatasetCalibration
from blueprint_assets.contracts.encoded_episode import Calibration, EncodedEpisode
from io_managers.digest import hash_file
from resources.observability import Progress, ProgressSink

from .. import language
from ..calibration import CALIBRATION_PATH
from ..layout import EPISODES, INFO, STATS, DatasetFileError, inside, read_json, reading
from ..lerobot import column_values
from ..reader import KEY, Dataset
from ..sidecar_tables import plain_values
from ..sketch import VectorSketch, exact_quantiles
from ..stats import STATISTIC_NAMES, ImageHistogram, Statistics, table_statistics
from ..tables import VECTORS, episode_key, feature_declarations
from ..unit import rows_sha256
from .finding import Findings, first_difference
from .table_schemas import NUMBERS, frame_batch, frame_schema, judge

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_AT_ONCE = 20_000
"""Rows that are in memory at a time, or one episode's if it has more."""
RTOL, ATOL = 1e-9, 1e-12
"""float64 statistics, recomputed from the same values: only the order of a sum may differ."""


class RowsReview:
    """Reads every row once, and those columns that global quantiles need a second time."""

    def __init__(
        self, dataset: Dataset, files: dict[str, list[int]], findings: Findings, progress: ProgressSink
    ) -> None:
        """`files`: data file -> its episodes, in order."""
        self.dataset, self.info, self.folder = dataset, dataset.info, dataset.folder
        self.files, self.findings, self.progress = files, findings, progress
        self.count = len(dataset.table)
        self.starts: NDArray[np.int64] = dataset.table["dataset_from_index"].to_numpy()
        self.texts: list[list[str]] = dataset.table["tasks"].to_pylist()
        self.packets: dict[str, list[str | None]] = {stream: [None] * self.count for stream in self.info.streams}
        """Stream -> what meta/provenance says that each episode's packets hash to."""
        self._sketches: dict[str, VectorSketch | None] = {}
        """Column -> sketch over all rows, None once a value was not finite."""
        self._histograms: dict[str, ImageHistogram] = {}
        self._sidecars: set[str] = set()
        self._calibrations = _calibrations(dataset)

    def episodes(self) -> None:
        """Every episode: its rows, its statistics, its document."""
        import pyarrow as pa

        schema = frame_schema(self.info, len(self.dataset.tasks))
        stored = self._stored_statistics()
        batch: list[pa.Table] = []
        first_row = 0
        for index in range(self.count):
            file = self.dataset.data_file(index)
            table = self.dataset.rows(index)
            self._episode(index, file, table, next(stored))
            batch.append(table)
            more_rows = sum(len(part) for part in batch)
            ends = index + 1 == self.count or self.dataset.data_file(index + 1) != file
            if ends or more_rows >= ROWS_AT_ONCE:
                whole = pa.concat_tables(batch)
                judge(schema, frame_batch(whole, self.info), file, first_row, self.findings)
                self._sketch(whole)
                batch, first_row = [], 0 if ends else first_row + more_rows
                self.progress(Progress(index + 1, self.count, "episodes"))

        self._leftovers()

    def _leftovers(self) -> None:
        """What is there although no episode has it."""
        for name in sorted(self._calibrations.keys() - set(self.dataset.uuids)):
            self.findings.add(CALIBRATION_PATH, name, "cameras of an episode that is not here")
        for path in (self.folder / "sidecars").rglob("*"):
            where = path.relative_to(self.folder).as_posix()
            if not path.is_dir() and where not in self._sidecars:
                self.findings.add(where, "no episode refers to it")

    def _episode(self, index: int, file: str, table: pa.Table, stored: dict[str, Any]) -> None:
        self._indices(index, file, table)
        columns = {
            name: column_values(table[name].combine_chunks())
            for name, feature in self.info.features.items()
            if feature["dtype"] in NUMBERS
        }
        if not all(np.isfinite(values).all() for values in columns.values()):
            return  # the schema says where; nothing can be computed from it
        statistics = table_statistics(columns)
        try:
            document = self.dataset.document(index)
            if set(document.streams) != set(self.info.streams):
                self.findings.add(
                    INFO, "features", f"videos {self.info.streams}", f"{list(document.streams)} of episode {index}"
                )
                return
            for stream in self.info.streams:
                statistics[stream] = self._histogram(index, stream, document).statistics()
        except DatasetFileError as error:
            self.findings.add(error.file, error.problem)
            return
        self._statistics(index, stored, statistics)
        self._document(index, file, table, document)

    def _statistics(self, index: int, stored: dict[str, Any], expected: dict[str, Statistics]) -> None:
        pairs = {
            f"stats/{name}/{statistic}": values[statistic]
            for name, values in expected.items()
            for statistic in STATISTIC_NAMES
        }
        found = [stored.get(column) for column in pairs]
        if _close(found, np.concatenate([right.ravel() for right in pairs.values()])):
            return  # all at once, because it nearly always is so
        for (column, right), value in zip(pairs.items(), found, strict=True):
            if not _close(value, right):
                self.findings.add(EPISODES, column, f"{value} of episode {index}", right.ravel().tolist())

    def _indices(self, index: int, file: str, table: pa.Table) -> None:
        length = len(table)
        frame = np.arange(length)
        task = self.texts[index][0]
        expected: dict[str, NDArray[Any]] = {
            "frame_index": frame,
            "index": frame + self.starts[index],
            "episode_index": np.full(length, index),
            "task_index": np.full(length, self.dataset.tasks.index(task)),
            "timestamp": (frame / self.info.fps).astype(np.float32),
            "next.done": frame == length - 1,
        }
        for name, right in expected.items():
            if name in table.column_names:
                values = column_values(table[name].combine_chunks())
                self.findings.demand(
                    np.array_equal(values, right), file, name, f"{first_difference(values, right)} of episode {index}",
                    "as its place in the dataset and the frame rate say",
                )  # fmt: skip

    def _histogram(self, index: int, stream: str, document: EncodedEpisode) -> ImageHistogram:
        found = self.dataset.histogram(index, stream, document.streams[stream])
        video = document.streams[stream]
        pixels = document.frames * video.width * video.height
        self.findings.demand(
            found.frames == document.frames and int(found.counts[0].sum()) == pixels,
            "meta/histograms",
            "frames and counts",
            f"{found.frames} frames, {int(found.counts[0].sum())} pixels of {stream} of episode {index}",
            f"{document.frames} frames, {pixels} pixels",
        )
        if stream not in self._histograms:
            self._histograms[stream] = found
        else:
            self._histograms[stream].include(found)
        return found

    def _document(self, index: int, file: str, table: pa.Table, document: EncodedEpisode) -> None:
        """What the episode's document says is what every other place says."""
        add, demand = self.findings.add, self.findings.demand
        for stream, video in document.streams.items():
            self.packets[stream][index] = video.packets_sha256
        state, action = (column_values(table[name].combine_chunks()) for name in VECTORS)
        demand(
            rows_sha256(state, action) == document.rows_sha256,
            file,
            "rows_sha256 over observation.state and action",
            f"{rows_sha256(state, action)} of episode {index}",
            f"{document.rows_sha256} as in meta/provenance",
        )
        keys = set(table[KEY].to_pylist())
        demand(
            keys == {episode_key(document.episode_uuid)}, file, KEY, f"{sorted(keys)[:3]} in episode {index}",
            f"{episode_key(document.episode_uuid)} of {document.episode_uuid}",
        )  # fmt: skip
        success = table["next.success"].to_pylist()
        demand(
            success == [False] * (len(success) - 1) + [document.success], file, "next.success",
            f"not {document.success} on the last frame only, in episode {index}", "what meta/provenance says",
        )  # fmt: skip
        spoken = language.EVENTS in self.info.features
        for name, words in zip(language.COLUMNS, language.columns(document) if spoken else (), strict=False):
            demand(
                table[name].combine_chunks().equals(words), file, name, f"something else in episode {index}",
                "what its document's subtasks say",
            )  # fmt: skip
        demand(
            document.calibration == self._calibrations.get(document.episode_uuid, {}), CALIBRATION_PATH, document.episode_uuid,
            "other cameras", "those of its document",
        )  # fmt: skip
        declared = feature_declarations(document, spoken)
        for name in declared.keys() | self.info.features.keys():
            demand(
                declared.get(name) == self.info.features.get(name), INFO, f"features.{name}", self.info.features.get(name),
                f"{declared.get(name)}, which is what episode {index} holds",
            )  # fmt: skip
        for what, found, right in (
            ("fps", self.info.fps, document.fps),
            ("robot_type", self.info.robot_type, document.robot),
        ):
            demand(found == right, INFO, what, found, f"{right}, which is what episode {index} has")
        demand(self.texts[index] == [document.task], EPISODES, "tasks", self.texts[index], [document.task])
        provenance_file, beside = self.dataset.provenance_row(index)
        row = self.dataset.table.slice(index, 1).to_pylist()[0]
        values = plain_values(document)
        for where, cells in ((EPISODES, row), (provenance_file, beside)):
            lacking = sorted(values.keys() - cells.keys())
            demand(
                not lacking, where, "columns", f"lacks {', '.join(lacking)}", "those that an episode's document fills"
            )
            for name in values.keys() & cells.keys():
                if cells[name] != values[name]:
                    add(where, name, f"{cells[name]} of episode {index}", f"{values[name]} as in its document")
        for name, sidecar in document.sidecars.items():
            path = inside(self.folder, f"sidecars/{document.episode_uuid}/{name}")
            where = path.relative_to(self.folder).as_posix()
            self._sidecars.add(where)
            found = hash_file(path) if path.is_file() else "no file"
            demand(found == sidecar.sha256, where, "sha256", found, sidecar.sha256)

    def _sketch(self, rows: pa.Table) -> None:
        for name, feature in self.info.features.items():
            if feature["dtype"] not in NUMBERS or (name in self._sketches and self._sketches[name] is None):
                continue
            values = column_values(rows[name].combine_chunks())
            if not np.isfinite(values).all():
                self._sketches[name] = None
                continue
            more, before = VectorSketch.of(values), self._sketches.get(name)
            self._sketches[name] = more if before is None else VectorSketch.merged([before, more])

    def _stored_statistics(self) -> Iterator[dict[str, Any]]:
        """The stats/* columns of every episode, in order."""
        for path in sorted((self.folder / EPISODES).glob("chunk-*/file-*.parquet")):
            file = path.relative_to(self.folder).as_posix()
            source = self.dataset.parquet(file)
            names = [name for name in source.schema_arrow.names if name.startswith("stats/")]
            for group in range(source.num_row_groups):
                with reading(self.folder, file):
                    yield from source.read_row_group(group, columns=names, use_threads=False).to_pylist()

    def dataset_statistics(self) -> None:
        """meta/stats.json against all rows and all histograms."""
        stored = read_json(self.folder, STATS)
        expected: dict[str, Statistics] = {
            stream: histogram.statistics() for stream, histogram in self._histograms.items()
        }
        for name, sketch in self._sketches.items():
            if sketch is not None:
                expected[name] = sketch.statistics(exact_quantiles(sketch, self._column(name)))
        self.findings.demand(
            set(stored) == set(expected),
            STATS,
            "features",
            sorted(set(stored) ^ set(expected)),
            "every feature with numbers",
        )
        for name in stored.keys() & expected.keys():
            for statistic in STATISTIC_NAMES:
                found, right = stored[name].get(statistic), expected[name][statistic]
                self.findings.demand(_close(found, right), STATS, f"{name}.{statistic}", found, right.ravel().tolist())

    def _column(self, name: str) -> Iterator[NDArray[Any]]:
        for file in self.files:
            with reading(self.folder, file):
                for batch in self.dataset.parquet(file).iter_batches(ROWS_AT_ONCE, columns=[name], use_threads=False):
                    yield column_values(batch.column(0))


def _calibrations(dataset: Dataset) -> dict[str, dict[str, Calibration]]:
    """The cameras of meta/calibration.json by episode; none if there is no such file."""
    path = inside(dataset.folder, CALIBRATION_PATH)
    if not path.is_file():
        return {}
    try:
        sets = DatasetCalibration.read(path).sets
    except ContractError as error:
        raise DatasetFileError(dataset.folder, CALIBRATION_PATH, str(error).removeprefix(f"{path}: ")) from error
    return {uuid: found.cameras for found in sets for uuid in found.episodes}


def _close(found: Any, expected: NDArray[Any]) -> bool:
    """Whether a number, or numbers in lists however deep, are the expected ones in that order."""
    flat = list(_numbers(found))
    return (
        None not in flat
        and len(flat) == expected.size
        and bool(np.allclose(np.array(flat, float), expected.ravel(), rtol=RTOL, atol=ATOL))
    )


def _numbers(value: Any) -> Iterator[float | None]:
    """The numbers in a list of lists; None for what is none."""
    if isinstance(value, list):
        for item in value:
            yield from _numbers(item)
    else:
        yield value if isinstance(value, int | float) else None
