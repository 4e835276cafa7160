"""`blueprint dataset`: look into finished LeRobot datasets, verify them, and make others out of them without encoding."""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress as Bar

from blueprint_assets.commands.display import own_console, table
from blueprint_assets.commands.one_object import one_object
from resources.observability import Progress

if TYPE_CHECKING:
    from blueprint_assets.dataset.reader import Dataset

REST = "rest"
"""As a part's choice: the episodes that no other part has."""

Folder = Annotated[Path, tyro.conf.Positional]
Repeated = Annotated[list[str], tyro.conf.UseAppendAction]


@dataclass
class Info:
    """Say what a dataset holds: episodes, frames, tasks, cameras, scenes, size."""

    folder: Folder
    """The dataset: the folder that holds meta/info.json."""
    json: bool = False
    """Print one JSON object."""


@dataclass
class Verify:
    """Read a whole dataset and list everything that is wrong with it.

    Every row and every video packet is hashed and compared with what was recorded, every statistic computed again; with a
    SHA256SUMS file in the folder, every byte of every file. Exit code 0 if the dataset is sound, 1 if not.
    """

    folder: Folder
    """The dataset."""
    quick: bool = False
    """Only the metadata and the list of files: no row and no packet is read."""
    provenance: Path | None = None
    """For a copy that lacks meta/provenance, as LeRobot's delete and split leave it: the dataset that it was made from."""
    json: bool = False
    """Print one JSON object: {"sound": …, "findings": […]}."""


@dataclass
class Page:
    """Draw what a dataset holds as one picture: first and last frames, episode lengths, what the joints did, tasks."""

    folder: Folder
    """The dataset."""
    out: Path
    """The PNG to write; one that is there is replaced."""


@dataclass
class _Choice:
    where: Repeated = field(default_factory=list)
    """A condition on a column of meta/episodes; give several to narrow down. Columns: `blueprint dataset info FOLDER`.
    Examples: "success==true", "quality_score>=0.8", "task_type==pick_place", "task==Pick up the cup."."""
    episodes: str | None = None
    """Indices and ranges, as in Python: 0:10,12,-1."""


@dataclass
class _Target:
    out: Path | None = None
    """The folder of the new dataset; it must not exist. The old one stays as it is."""
    in_place: bool = False
    """Put the new dataset in the place of the old one, in one step. The old one is gone then."""
    json: bool = False
    """Print one JSON object about what was made."""


@dataclass
class Filter(_Target, _Choice):
    """Make a dataset of the chosen episodes."""

    folder: Folder = field(kw_only=True)
    """The dataset to choose from."""


@dataclass
class Delete(_Target, _Choice):
    """Make a dataset without the chosen episodes."""

    folder: Folder = field(kw_only=True)
    """The dataset to take them out of."""


@dataclass
class Merge:
    """Make one dataset of several, one after the other. They must have the same robot, cameras, codecs and frame rate."""

    folders: Annotated[list[Path], tyro.conf.Positional]
    """The datasets, in this order."""
    out: Path = field(kw_only=True)
    """The folder of the new dataset; it must not exist."""
    skip_duplicates: bool = False
    """Take an episode that is in several of them once, instead of refusing."""
    json: bool = False
    """Print one JSON object about what was made."""


@dataclass
class Split:
    """Make several datasets of one. Every episode goes into exactly one part; all parts appear together."""

    folder: Folder
    """The dataset."""
    out: Path = field(kw_only=True)
    """The folder of the parts; it must not exist. Each part is a dataset in a folder of its name."""
    part: Repeated = field(kw_only=True)
    """NAME=CHOICE, once for each part. CHOICE is a list of episodes (near=0:80), a condition (good=quality_score>=0.8),
    or the word rest."""
    json: bool = False
    """Print one JSON object about what was made."""


@dataclass
class Append(_Target):
    """Make a dataset that goes on with more episodes: units, as they lie in a scene's episodes/*/units."""

    folder: Folder = field(kw_only=True)
    """The dataset to go on with."""
    units: Annotated[list[Path], tyro.conf.Positional] = field(kw_only=True)
    """Units, or folders of units, in this order."""
    skip_duplicates: bool = False
    """Leave out units whose episode the dataset has already, instead of refusing."""


Action = (
    Annotated[Info, tyro.conf.subcommand("info")]
    | Annotated[Verify, tyro.conf.subcommand("verify")]
    | Annotated[Page, tyro.conf.subcommand("page")]
    | Annotated[Filter, tyro.conf.subcommand("filter")]
    | Annotated[Delete, tyro.conf.subcommand("delete")]
    | Annotated[Merge, tyro.conf.subcommand("merge")]
    | Annotated[Split, tyro.conf.subcommand("split")]
    | Annotated[Append, tyro.conf.subcommand("append")]
)


@dataclass
class DatasetTools:
    """Look into finished LeRobot v3.0 datasets, verify, filter, merge, split and extend them; no video is encoded again."""

    action: tyro.conf.OmitArgPrefixes[tyro.conf.OmitSubcommandPrefixes[Action]]


def dataset_tools(options: DatasetTools) -> int:
    """Runs the action; returns the exit code."""
    action = options.action
    if isinstance(action, Info):
        return _info(action)
    if isinstance(action, Verify):
        return _verify(action)
    if isinstance(action, Page):
        return _page(action)
    with one_object(action.json):
        made = _edit(action)
    if action.json:
        print(json.dumps(made))
    else:
        shown = made.values() if isinstance(action, Split) else [made]
        rows = [
            (escape(str(m["path"])), *(str(m[k]) for k in ("episodes", "frames", "tasks")), _megabytes(m))
            for m in shown
        ]
        Console().print(table("written", ("dataset", "episodes", "frames", "tasks", "MB"), rows), soft_wrap=True)
    return 0


def _edit(action: Filter | Delete | Merge | Split | Append) -> dict[str, Any]:
    from blueprint_assets.dataset.edit import (
        append_episodes,
        delete_episodes,
        filter_dataset,
        merge_datasets,
        split_dataset,
    )
    from blueprint_assets.dataset.reader import open_dataset

    if isinstance(action, Merge):
        folders = [_absolute(folder) for folder in action.folders]
        return asdict(merge_datasets(folders, _absolute(action.out), skip_duplicates=action.skip_duplicates))
    folder = _absolute(action.folder)
    if isinstance(action, Split):
        parts = _parts(open_dataset(folder), action.part)
        return {name: asdict(made) for name, made in split_dataset(folder, _absolute(action.out), parts).items()}
    out = _out(action, folder)
    if isinstance(action, Append):
        summary = append_episodes(folder, _units(action.units), out, skip_duplicates=action.skip_duplicates)
        return asdict(summary)
    rows = _chosen(open_dataset(folder), action)
    edit = filter_dataset if isinstance(action, Filter) else delete_episodes
    return asdict(edit(folder, out, rows))


def _info(action: Info) -> int:
    with one_object(action.json):
        from blueprint_assets.dataset.reader import open_dataset

        dataset = open_dataset(_absolute(action.folder))
        figures = _figures(dataset)
    if action.json:
        print(json.dumps(figures))
        return 0
    console = Console()
    rows = [
        ("episodes", str(figures["episodes"])),
        ("frames", f"{figures['frames']} ({figures['seconds']:.0f} s at {figures['fps']} Hz)"),
        ("robot", str(figures["robot"])),
        *(
            (name, f"{c['width']}x{c['height']}, {c['codec']}" + (f", crf {c['crf']}" if c["crf"] is not None else ""))
            for name, c in figures["cameras"].items()
        ),
        ("scenes", ", ".join(f"{name} ({count})" for name, count in figures["scenes"].items()) or "not recorded"),
        ("size", f"{figures['bytes'] / 1e6:.1f} MB"),
        ("columns", ", ".join(figures["columns"])),
    ]
    console.print(table(escape(str(dataset.folder)), ("", ""), rows), highlight=False)
    tasks = [(escape(task), str(count)) for task, count in figures["tasks"].items()]
    console.print(table("", ("task", "episodes"), tasks), highlight=False)
    return 0


def _page(action: Page) -> int:
    from blueprint_assets.dataset.picture_page import write_picture_page
    from blueprint_assets.dataset.reader import open_dataset

    dataset, out = open_dataset(_absolute(action.folder)), _absolute(action.out)
    if out.is_dir() or not out.parent.is_dir() or not os.access(out.parent, os.W_OK):
        raise ValueError(f"--out {out}: name a PNG file in a folder that is there and can be written")
    page = write_picture_page(dataset.episodes, out, title=dataset.folder.name)
    own_console(sys.stdout).print(str(page), highlight=False, markup=False, soft_wrap=True)
    return 0


def _figures(dataset: Dataset) -> dict[str, Any]:
    """What `info` shows. `columns`: what --where can ask for, but for the places in files."""
    from blueprint_assets.dataset.layout import location_columns

    info, rows = dataset.info, dataset.table
    places = {*location_columns(info), "meta/episodes/chunk_index", "meta/episodes/file_index"}
    cameras = {}
    for stream in info.streams:
        height, width = info.features[stream]["shape"][:2]
        more = info.features[stream].get("info", {})
        cameras[stream] = {
            "width": width,
            "height": height,
            "codec": more.get("video.codec"),
            "crf": more.get("video.crf"),
        }
    scenes = Counter(rows["scene_id"].to_pylist()) if "scene_id" in rows.column_names else Counter()
    tasks = Counter(text for texts in rows["tasks"].to_pylist() for text in texts)
    frames = sum(rows["length"].to_pylist())
    return {
        "path": str(dataset.folder),
        "episodes": len(rows),
        "frames": frames,
        "seconds": frames / info.fps,
        "fps": info.fps,
        "robot": info.robot_type,
        "tasks": dict(sorted(tasks.items())),
        "scenes": {str(name): count for name, count in sorted(scenes.items(), key=str)},
        "cameras": cameras,
        "bytes": dataset.size_bytes,
        "columns": ["task", "length", *(name for name in rows.column_names if name not in places)],
    }


def _verify(action: Verify) -> int:
    folder = _absolute(action.folder)
    console = own_console(sys.stderr)
    with (
        one_object(action.json),
        Bar(console=console, transient=True, disable=action.json or not console.is_terminal) as bar,
    ):
        from blueprint_assets.dataset.review.verify import verify

        task = bar.add_task("", total=None)

        def show(step: Progress) -> None:
            bar.update(task, completed=step.done, total=step.total, description=step.message)

        provenance = _absolute(action.provenance) if action.provenance else None
        findings = verify(folder, deep=not action.quick, progress=show, provenance=provenance)
    if action.json:
        print(json.dumps({"path": str(folder), "sound": not findings, "findings": [asdict(f) for f in findings]}))
    elif findings:
        for finding in findings:
            print(finding)
        print(f"{folder}: {len(findings)} findings")
    else:
        what = "metadata and files agree; rows and videos were not read" if action.quick else "sound"
        print(f"{folder}: {what}")
    return 1 if findings else 0


def _out(action: Filter | Delete | Append, folder: Path) -> Path | None:
    """The target, None for in place."""
    if (action.out is None) != action.in_place:
        raise ValueError("give either --out FOLDER or --in-place: where the new dataset goes")
    if action.out is not None:
        return _absolute(action.out)
    for parent in folder.resolve().parents:
        if (parent / ".commits").is_dir() or (parent / "release.json").is_file():
            raise ValueError(
                f"{folder}: belongs to {parent}, which keeps what it committed as it is; write to --out instead"
            )
    return None


def _chosen(dataset: Dataset, action: Filter | Delete) -> list[int]:
    from blueprint_assets.dataset.selection import choose

    if not action.where and action.episodes is None:
        raise ValueError("give --where CONDITION or --episodes LIST: which episodes are meant")
    return choose(dataset.table, action.where, action.episodes)


def _parts(dataset: Dataset, texts: list[str]) -> dict[str, list[int]]:
    from blueprint_assets.dataset.selection import choose

    parts: dict[str, list[int]] = {}
    rest = ""
    for text in texts:
        name, separator, choice = text.partition("=")
        if not separator or not choice or name in parts:
            raise ValueError(f"--part {text}: expected a new NAME=CHOICE, for example near=0:80")
        if choice == REST:
            if rest:
                raise ValueError(f"--part {text}: part {rest} has the rest already")
            rest = name
            parts[name] = []
        elif re.search(r"[=<>]", choice):
            parts[name] = choose(dataset.table, [choice])
        else:
            parts[name] = choose(dataset.table, (), choice)
    if rest:
        taken = {index for rows in parts.values() for index in rows}
        parts[rest] = [index for index in range(len(dataset.episodes)) if index not in taken]
    return parts


def _units(paths: list[Path]) -> list[Path]:
    from blueprint_assets.dataset.unit import DOCUMENT

    found: list[Path] = []
    for path in map(_absolute, paths):
        below = [path] if (path / DOCUMENT).is_file() else [unit.parent for unit in sorted(path.glob(f"*/{DOCUMENT}"))]
        if not below:
            raise ValueError(
                f"{path}: no unit, and no folder of units: there is no {DOCUMENT} in it or one level below"
            )
        found += below
    return found


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _megabytes(made: dict[str, Any]) -> str:
    return f"{made['size_bytes'] / 1e6:.1f}"
