"""What every export has in common: episodes that fit together, a folder that appears whole, and a summary."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from blueprint_assets.contracts.encoded_episode import EncodedEpisode
from blueprint_assets.dataset.episode import Episode
from io_managers.durable import publish, staged

Progress = Callable[[int, int], None]
"""Called with (episodes done, episodes in all)."""


CARD = "SOURCE_README.md"


class ExportError(ValueError):
    """Episodes cannot be exported. The message says which and why."""


@dataclass(frozen=True)
class ExportSummary:
    """What was written. `left_out` says what the other format has no place for."""

    path: Path
    episodes: int
    frames: int
    size_bytes: int
    left_out: tuple[str, ...]


def colour_streams(document: EncodedEpisode) -> list[str]:
    """The streams that hold colour pictures, in the dataset's order."""
    return [name for name, video in document.streams.items() if video.depth is None]


def demand_alike(episodes: Sequence[Episode]) -> EncodedEpisode:
    """The first episode's document, after all others were found to have its robot, rate, joints and cameras.

    Raises:
        ExportError: no episode, one that is unlike the first, one without colour pictures, or the same one twice.
    """
    if not len(episodes):
        raise ExportError("no episode to export")
    first = episodes[0]
    seen: dict[str, str] = {}
    for episode in episodes:
        ours, theirs = _shape(episode.document), _shape(first.document)
        for what, value in ours.items():
            if value != theirs[what]:
                raise ExportError(f"{episode.origin}: {what} {value}; {first.origin} has {theirs[what]}")
        uuid = episode.document.episode_uuid
        if uuid in seen:
            raise ExportError(f"{episode.origin}: episode {uuid} was given already, as {seen[uuid]}")
        seen[uuid] = episode.origin
    if not colour_streams(first.document):
        raise ExportError(f"{first.origin}: no camera with colour pictures; there is nothing to show a policy")
    return first.document


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Yields a folder to write into; it becomes `out` when the block ends well, and vanishes when not. One process at a time
    makes `out`.

    Raises:
        ExportError: `out` exists.
        StoreError: another process is making it, the disk is full, or a folder cannot be made there.
    """
    if out.exists():
        raise ExportError(f"{out}: exists already; an export never overwrites, choose another folder")
    with staged(out) as area:
        made = area / out.name
        made.mkdir()
        yield made
        publish(made, out)


def keep_card(folder: Path, card: str | None) -> None:
    """Keeps the card of the source dataset, with its licence, under a name that says what it is."""
    if card is not None:
        (folder / CARD).write_text(card, encoding="utf-8")


def folder_size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _shape(document: EncodedEpisode) -> dict[str, object]:
    streams = {
        name: (video.width, video.height, video.codec, video.pixel_format, video.depth)
        for name, video in document.streams.items()
    }
    return {"robot": document.robot, "rate": document.fps, "joints": document.joint_names, "streams": streams}
