"""Whether a dataset's metadata agree with each other and with the files that are there. No row and no packet is read."""

from __future__ import annotations

import numpy as np

from ..calibration import CALIBRATION_PATH
from ..layout import EPISODES, INFO, STATS, TASKS
from ..reader import Dataset
from ..tables import PER_FRAME, VECTORS
from .finding import Findings, first_difference
from .table_schemas import episode_schema, frame_types, judge

FOLDERS = ("data", "videos", "meta", "sidecars")
"""Below these, every file must belong to the dataset; beside them anything may stand."""
KEYED = ("meta/provenance/", "meta/histograms/", "sidecars/")
"""Looked up by the episode's uuid, not by a file that an episode names."""


def review_structure(dataset: Dataset, findings: Findings) -> dict[str, list[int]]:
    """Notes what does not agree; returns the data files, each with its episodes in order.

    Raises:
        DatasetError: a table cannot be read.
    """
    review = _Structure(dataset, findings)
    review.totals()
    review.task_table()
    review.episode_table()
    review.list_files()
    review.headers()
    return review.files


class _Structure:
    def __init__(self, dataset: Dataset, findings: Findings) -> None:
        self.dataset, self.info, self.findings = dataset, dataset.info, findings
        self.count = len(dataset.table)
        self.lengths = dataset.table["length"].to_numpy()
        self.texts: list[list[str]] = dataset.table["tasks"].to_pylist()
        self.files: dict[str, list[int]] = {}

    def totals(self) -> None:
        info, demand = self.info, self.findings.demand
        frames = int(self.lengths.sum())
        demand(
            info.total_episodes == self.count,
            INFO,
            "total_episodes",
            info.total_episodes,
            f"{self.count} as in {EPISODES}",
        )
        demand(info.total_frames == frames, INFO, "total_frames", info.total_frames, f"{frames} as in {EPISODES}")
        demand(
            info.total_tasks == len(self.dataset.tasks),
            INFO,
            "total_tasks",
            info.total_tasks,
            f"{len(self.dataset.tasks)} as in {TASKS}",
        )
        demand(info.splits == {"train": f"0:{self.count}"}, INFO, "splits", info.splits, {"train": f"0:{self.count}"})
        indices = self.dataset.table["episode_index"].to_numpy()
        demand(
            np.array_equal(indices, np.arange(self.count)),
            EPISODES,
            "episode_index",
            first_difference(indices, np.arange(self.count)),
            "0, 1, 2, … without a gap",
        )
        ends = self.dataset.table["dataset_to_index"].to_numpy()
        expected = np.concatenate([[0], np.cumsum(self.lengths)])
        for name, values, right in (
            ("dataset_from_index", self.dataset.table["dataset_from_index"].to_numpy(), expected[:-1]),
            ("dataset_to_index", ends, expected[1:]),
        ):
            demand(
                np.array_equal(values, right),
                EPISODES,
                name,
                first_difference(values, right),
                "the sum of the lengths before",
            )

    def task_table(self) -> None:
        metadata = self.dataset.parquet(TASKS).schema_arrow.pandas_metadata or {}
        index = metadata.get("index_columns")
        self.findings.demand(
            index == ["task"],
            TASKS,
            "pandas metadata, index_columns",
            index,
            "['task'], or LeRobot reads numbers for texts",
        )
        used = {text for texts in self.texts for text in texts}
        self.findings.demand(
            used == set(self.dataset.tasks),
            TASKS,
            "task",
            sorted(set(self.dataset.tasks) ^ used),
            "the tasks of the episodes",
        )
        self.findings.demand(
            all(len(t) == 1 for t in self.texts), EPISODES, "tasks", "not one task", "one task an episode"
        )

    def episode_table(self) -> None:
        names = [name for name in self.dataset.table.column_names if name != "tasks"]
        judge(episode_schema(self.info), self.dataset.table.select(names).to_pandas(), EPISODES, 0, self.findings)

    def list_files(self) -> None:
        """Every file that is referred to is there, and no other."""
        wanted = {INFO, STATS, TASKS, CALIBRATION_PATH}
        places = zip(
            *(self.dataset.table[f"meta/episodes/{kind}_index"].to_pylist() for kind in ("chunk", "file")), strict=True
        )
        wanted |= {f"{EPISODES}/chunk-{chunk:03d}/file-{file:03d}.parquet" for chunk, file in places}
        for index in range(self.count):
            self.files.setdefault(self.dataset.data_file(index), []).append(index)
            wanted |= {self.dataset.video_file(index, stream) for stream in self.info.streams}
        wanted |= set(self.files)
        there = {
            path.relative_to(self.dataset.folder).as_posix()
            for name in FOLDERS
            for path in (self.dataset.folder / name).rglob("*")
            if not path.is_dir()
        }
        for file in sorted(wanted - there - {CALIBRATION_PATH}):
            self.findings.add(file, "is missing; copy it from where the dataset came from")
        beside = ("meta/provenance/", "meta/histograms/", "sidecars/")
        for file in sorted(name for name in there - wanted if not name.startswith(beside)):
            self.findings.add(file, "no episode refers to it; a writer that was stopped left it, or one is at work")

    def headers(self) -> None:
        """Footers of the data files: columns, types, number of rows."""
        lacking = [name for name in (*VECTORS, *PER_FRAME) if name not in self.info.features]
        self.findings.demand(
            not lacking, INFO, "features", f"no {', '.join(lacking)}", "those of a dataset assembled here"
        )
        types = frame_types(self.info)
        columns = {name for name in self.info.features if name not in self.info.streams}
        for file, members in self.files.items():
            if not (self.dataset.folder / file).is_file():
                continue
            source = self.dataset.parquet(file)
            schema = source.schema_arrow
            self.findings.demand(
                set(schema.names) == columns,
                file,
                "columns",
                sorted(set(schema.names) ^ columns),
                f"those that {INFO} declares",
            )
            for name, kind in types.items():
                if name in schema.names:
                    found = schema.field(name).type
                    self.findings.demand(found == kind, file, f"type of {name}", found, f"{kind} as {INFO} declares")
            rows, expected = source.metadata.num_rows, int(self.lengths[members].sum())
            self.findings.demand(rows == expected, file, "rows", rows, f"{expected} as {EPISODES} says of its episodes")
