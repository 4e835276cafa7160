"""`blueprint export`: a finished dataset in a format that other tools read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar

from blueprint_assets.commands.one_object import one_object

if TYPE_CHECKING:
    from blueprint_assets.dataset.episode import Episode
    from blueprint_assets.dataset.exports.export import ExportSummary, Progress

Splits = dict[str, "Sequence[Episode]"]
SPLITS = ("train", "val", "test")


@dataclass
class Export:
    """Write a finished dataset in another format: LeRobot v2.1 (GR00T, openpi) or RLDS (TensorFlow Datasets, Open
    X-Embodiment). Videos are copied for v2.1, packet by packet; RLDS holds single pictures."""

    dataset: tyro.conf.Positional[Path]
    """A LeRobot v3.0 dataset, or a folder with datasets train, val and test in it."""
    out: Path
    """The folder to make; it must not exist."""
    format: Literal["lerobot-v2.1", "rlds"]
    """lerobot-v2.1: with meta/modality.json for GR00T; each split is a dataset of its own. rlds: one folder with all
    splits, for tfds.builder_from_directory."""
    image_format: Literal["jpeg", "png"] = "jpeg"
    """RLDS only. png keeps every decoded pixel and takes two to three times the space."""
    name: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """RLDS only: what TensorFlow Datasets calls it; else from the name of --out."""
    version: str = "1.0.0"
    """RLDS only: its version, three numbers."""
    json: bool = False
    """Print one JSON object as the last line."""


def export(options: Export) -> int:
    """Writes the export; returns the exit code."""
    with one_object(options.json):
        summaries = _write(options)
    _tell(options, summaries)
    return 0


def _write(options: Export) -> list[ExportSummary]:
    from blueprint_assets.dataset.exports.export import ExportError, new_folder
    from blueprint_assets.dataset.exports.lerobot_v21 import export_v21
    from blueprint_assets.dataset.exports.rlds import export_rlds

    out = options.out.expanduser().absolute()
    if options.format == "lerobot-v2.1" and (options.image_format, options.name, options.version) != (
        "jpeg",
        None,
        "1.0.0",
    ):
        raise ExportError(
            "--image-format, --name and --version are for --format rlds; LeRobot v2.1 keeps the videos as they are"
        )
    source = options.dataset.expanduser().absolute()
    _demand_not_retracted(source)
    splits = _open(source)
    card = _card(source)
    total = sum(len(episodes) for episodes in splits.values())
    with _shown(total) as progress:
        if options.format == "rlds":
            name = options.name or re.sub(r"\W+", "_", out.name.lower()).strip("_")
            summaries = [
                export_rlds(
                    splits,
                    out,
                    name=name,
                    version=options.version,
                    image_format=options.image_format,
                    card=card,
                    progress=progress,
                )
            ]
        elif len(splits) == 1:
            summaries = [export_v21(next(iter(splits.values())), out, card=card, progress=progress)]
        else:
            with new_folder(out) as root:
                summaries = [
                    export_v21(episodes, root / split, card=card, progress=progress)
                    for split, episodes in splits.items()
                ]
            summaries = [replace(made, path=out / made.path.name) for made in summaries]
    return summaries


def _open(folder: Path) -> Splits:
    """The dataset's episodes by split.

    Raises:
        ValueError: neither a dataset nor a folder of datasets.
    """
    from blueprint_assets.dataset.reader import open_dataset

    if (folder / "meta").is_dir():
        return {"train": open_dataset(folder).episodes}
    found = [name for name in SPLITS if (folder / name / "meta").is_dir()]
    if not found:
        raise ValueError(
            f"{folder}: no dataset there; give the folder that holds meta/info.json, or one that holds the datasets "
            f"{', '.join(SPLITS)}"
        )
    return {name: open_dataset(folder / name).episodes for name in found}


def _demand_not_retracted(folder: Path) -> None:
    """An export of what was taken back would be in use for ever.

    Raises:
        RetractedError: the folder is a release, or a split of one, that holds a retracted scene.
    """
    from blueprint_assets.release.catalogue import DOCUMENT, open_release

    for place in (folder, folder.parent):
        if (place / DOCUMENT).is_file():
            open_release(place)


def _card(folder: Path) -> str | None:
    path = folder / "README.md"
    return path.read_text(encoding="utf-8") if path.is_file() else None


@contextmanager
def _shown(total: int) -> Iterator[Progress]:
    console = Console(stderr=True)
    columns = (TextColumn("exporting"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeRemainingColumn())
    with ProgressBar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)
        yield lambda done, of: bar.update(task, advance=1)


def _tell(options: Export, summaries: Sequence[ExportSummary]) -> None:
    left_out = list(dict.fromkeys(text for made in summaries for text in made.left_out))
    if options.json:
        made = [asdict(summary) | {"path": str(summary.path)} for summary in summaries]
        print(json.dumps({"format": options.format, "exports": made}))
        return
    console = Console(highlight=False, soft_wrap=True)
    for summary in summaries:
        console.print(
            f"{summary.path}: {summary.episodes} episodes, {summary.frames} frames, {summary.size_bytes / 1e6:.1f} MB",
            markup=False,
        )
    for text in left_out:
        console.print(f"left out: {text}", markup=False)
    if options.format == "rlds":
        console.print(f'read it: tfds.builder_from_directory("{summaries[0].path}").as_dataset()', markup=False)
