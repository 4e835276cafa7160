"""Filter, delete, merge, split, append: finished datasets into new ones, by packet copy. Nothing is ever encoded again.

Every operation verifies what it reads to the last byte, chooses episodes, assembles them beside the target and gives the
result its name at the end: there is a whole dataset, or none. What was read stays as it was, unless `out` is None: then
the result takes the place of the dataset that was read, in one step of the file system.
"""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from io_managers.durable import publish, staged

from .episode import Episode
from .layout import DatasetError
from .lerobot import DatasetSummary, assemble
from .reader import Dataset, open_dataset
from .review.verify import changed, demand_sound, snapshot
from .unit import read_unit

PART_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}"
AT_FDCWD, RENAME_EXCHANGE = -100, 2
"""Of Linux' fcntl.h and fs.h."""


def filter_dataset(
    folder: Path, out: Path | None, keep: Sequence[int], provenance: Path | None = None
) -> DatasetSummary:
    """The dataset of the episodes `keep`, in the dataset's order. `out` None: in its place. `provenance` as in
    `reader.open_dataset`.

    Raises:
        DatasetError: nothing is kept, an index that is not there, `out` exists, or the dataset is not sound.
    """
    with _edited([folder], out, provenance) as ([dataset], made):
        wanted = _indices(dataset, keep)
        if not wanted:
            raise DatasetError(f"{folder}: no episode is left; an empty dataset is not written")
        summary = assemble([dataset.episodes[index] for index in wanted], made, language=dataset.info.has_language)
    return replace(summary, path=str(out or folder))


def delete_episodes(
    folder: Path, out: Path | None, drop: Sequence[int], provenance: Path | None = None
) -> DatasetSummary:
    """The dataset without the episodes `drop`, which are not none: `filter_dataset` to the others.

    Raises:
        DatasetError: as `filter_dataset`.
    """
    dataset = open_dataset(folder, provenance)
    gone = set(_indices(dataset, drop))
    if not gone:
        raise DatasetError(f"{folder}: no episode was named, so there is nothing to delete")
    return filter_dataset(folder, out, [i for i in range(len(dataset.episodes)) if i not in gone], provenance)


def merge_datasets(folders: Sequence[Path], out: Path, *, skip_duplicates: bool = False) -> DatasetSummary:
    """All episodes of several datasets, one dataset after the other.

    The same episode in two of them is an error, or, with `skip_duplicates`, taken once.

    Raises:
        DatasetError: fewer than two datasets, datasets of different kinds, one uuid for two different episodes, or as
            `filter_dataset`.
    """
    if len(folders) < 2:
        raise DatasetError(f"{out}: {len(folders)} datasets were named; a merge takes two or more")
    with _edited(folders, out) as (datasets, made):
        for other in datasets[1:]:
            _demand_alike(datasets[0], other)
        episodes: list[Episode] = [episode for dataset in datasets for episode in dataset.episodes]
        summary = assemble(_unique(episodes, skip_duplicates), made, language=datasets[0].info.has_language)
    return replace(summary, path=str(out))


def split_dataset(
    folder: Path, out: Path, parts: Mapping[str, Sequence[int]], provenance: Path | None = None
) -> dict[str, DatasetSummary]:
    """One dataset for each part, in `out/<name>`; all of them appear together. Every episode goes into exactly one.

    Raises:
        DatasetError: a part's name is no plain word, a part is empty, an episode is in two parts or in none; or as
            `filter_dataset`.
    """
    with _edited([folder], out, provenance) as ([dataset], made):
        chosen = {name: _indices(dataset, rows) for name, rows in parts.items()}
        _demand_partition(dataset, chosen)
        made.mkdir()
        summaries = {
            name: assemble([dataset.episodes[index] for index in rows], made / name, language=dataset.info.has_language)
            for name, rows in chosen.items()
        }
    return {name: replace(summary, path=str(out / name)) for name, summary in summaries.items()}


def append_episodes(
    folder: Path, units: Sequence[Path], out: Path | None, *, skip_duplicates: bool = False
) -> DatasetSummary:
    """The dataset, and behind its own episodes those of `units` (folders of `unit.UnitWriter`). `out` None: in its place.

    Raises:
        DatasetError: no unit was named; an episode is there already, unless `skip_duplicates`; or as `filter_dataset`.
        UnitError: a unit is damaged.
    """
    if not units:
        raise DatasetError(f"{folder}: no unit was named, so there is nothing to append")
    with _edited([folder], out) as ([dataset], made):
        more: list[Episode] = [read_unit(unit) for unit in units]
        episodes = _unique([*dataset.episodes, *more], skip_duplicates)
        summary = assemble(episodes, made, language=dataset.info.has_language)
    return replace(summary, path=str(out or folder))


@contextmanager
def _edited(
    folders: Sequence[Path], out: Path | None, provenance: Path | None = None
) -> Iterator[tuple[list[Dataset], Path]]:
    """Verified datasets, and the path at which the block makes what `out`, or the only dataset, becomes at its end.

    One process at a time works on a target; `io_managers.durable.staged` sees to that.

    Raises:
        DatasetError: `out` is taken or inside of a dataset, a dataset is not sound, or it changed meanwhile.
    """
    target = folders[0].resolve() if out is None else out
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DatasetError(f"{out}: exists and is not an empty folder; choose another")
    for folder in folders:
        if out is not None and out.resolve().is_relative_to(folder.resolve()):
            raise DatasetError(f"{out}: is inside of the dataset {folder}; choose a place outside of it")
    before = {folder: snapshot(folder) for folder in folders}
    for folder in folders:
        demand_sound(folder, provenance=provenance)
    with staged(target) as area:
        made = area / "dataset"
        yield [open_dataset(folder, provenance) for folder in folders], made
        for folder, files in before.items():
            touched = changed(files, snapshot(folder))
            if touched:
                raise DatasetError(f"{folder / touched[0]}: changed while it was read; nothing was written, try again")
        if out is None:
            exchange(made, target)
        else:
            publish(made, target)


def exchange(one: Path, other: Path) -> None:
    """Lets two folders change names in one step, so that there is no moment without either.

    Raises:
        DatasetError: the system or the file system cannot do that (Linux can, on its own file systems).
    """
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        raise DatasetError(f"{other}: this system cannot exchange two folders in one step; write to --out") from None
    if rename(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE) != 0:
        said = os.strerror(ctypes.get_errno())
        raise DatasetError(f"{other}: cannot be exchanged in one step here ({said}); write to --out instead")
    for folder in (one.parent, other.parent):  # a power cut after this line finds the new names, too
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _indices(dataset: Dataset, indices: Sequence[int]) -> list[int]:
    """Each once, ascending."""
    count = len(dataset.episodes)
    for index in indices:
        if not 0 <= index < count:
            raise DatasetError(f"{dataset.folder}: there is no episode {index}; it has {count}")
    return sorted(set(indices))


def _demand_partition(dataset: Dataset, parts: Mapping[str, Sequence[int]]) -> None:
    taken: dict[int, str] = {}
    for name, rows in parts.items():
        if re.fullmatch(PART_NAME, name) is None:
            raise DatasetError(
                f"part {name!r}: a name is letters, digits, dot, dash and underscore, and becomes a folder"
            )
        if not rows:
            raise DatasetError(f"{dataset.folder}: part {name} holds no episode; an empty dataset is not written")
        for index in rows:
            if index in taken:
                raise DatasetError(f"{dataset.folder}: episode {index} is in part {taken[index]} and in part {name}")
            taken[index] = name
    left = [index for index in range(len(dataset.episodes)) if index not in taken]
    if left:
        raise DatasetError(
            f"{dataset.folder}: {len(left)} episodes are in no part, the first is {left[0]}; name a part for them "
            "(--part NAME=rest), or filter them out first"
        )


def _demand_alike(first: Dataset, other: Dataset) -> None:
    """Datasets that are to become one have the same rate, robot and features."""
    ours, theirs = first.info, other.info
    pairs: dict[str, tuple[object, object]] = {
        "fps": (ours.fps, theirs.fps),
        "robot_type": (ours.robot_type, theirs.robot_type),
    }
    names = [*ours.features, *(name for name in theirs.features if name not in ours.features)]
    for name in names:
        a, b = ours.features.get(name), theirs.features.get(name)
        if a is None or b is None:
            pairs[name] = ("there" if a else "not there", "there" if b else "not there")
            continue
        for key in [*a, *(key for key in b if key not in a)]:
            pairs[f"{name}.{key}"] = (a.get(key), b.get(key))
    different = [f"{name} is {a} and {b}" for name, (a, b) in pairs.items() if a != b]
    if different:
        raise DatasetError(
            f"{first.folder} and {other.folder} are of different kinds and stay two datasets: {'; '.join(different)}"
        )


def _unique(episodes: Sequence[Episode], skip_duplicates: bool) -> list[Episode]:
    seen: dict[str, Episode] = {}
    for episode in episodes:
        document = episode.document
        before = seen.setdefault(document.episode_uuid, episode)
        if before is episode:
            continue
        if before.document != document:
            why = (
                "the same recording, encoded or described in another way: take one of them"
                if before.document.rows_sha256 == document.rows_sha256
                else "one of them was made with a uuid that was taken"
            )
            raise DatasetError(
                f"{episode.origin} and {before.origin} are both called {document.episode_uuid} and are not the same; {why}"
            )
        if not skip_duplicates:
            raise DatasetError(
                f"{episode.origin} and {before.origin} are the same episode, {document.episode_uuid}; delete one, or skip "
                "the second (--skip-duplicates)"
            )
    return list(seen.values())
