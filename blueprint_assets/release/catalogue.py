"""The releases of a store: where they are, which ones there are, and which of them hold something that was retracted.

<root>/releases/<version>/               a release, immutable
<root>/releases/<version>.RETRACTED.md   for people: it holds a retracted scene (the documents below are what counts)
<root>/releases/retractions/*.json       one document per retraction
<root>/releases/.making-*                unfinished; of a dead process when the lock is free
<root>/releases/.lock                    held by whoever writes here
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from blueprint_assets.contracts.release import VERSION_PATTERN, Release, Retraction
from io_managers.errors import StoreBusyError, StoreError
from io_managers.local_disk import sync_folder
from io_managers.locks import file_lock

from .identity import PHOTO, PIXELS, SCENE, keys_of
from .plan import ReleaseError

RELEASES, RETRACTIONS, DOCUMENT = "releases", "retractions", "release.json"
MAKING = ".making-"
NOTICE = ".RETRACTED.md"


class ReleaseBusyError(StoreError):
    """Somebody else writes a release or a retraction in this store."""


class RetractedError(ReleaseError):
    """The release holds a scene that was retracted."""


@dataclass(frozen=True)
class Published:
    """A release on disk. `retracted`: the retractions that concern it."""

    folder: Path
    document: Release
    retracted: tuple[Retraction, ...]


def folder_of(root: str | Path) -> Path:
    """Where a store keeps its releases.

    Raises:
        ReleaseError: the store is not on a local disk.
    """
    if "://" in str(root):
        raise ReleaseError(f"{root}: releases are written to a local disk; mount the store and name the folder")
    return Path(root) / RELEASES


def published(root: str | Path) -> list[Published]:
    """Every release of a store, the latest last.

    Raises:
        ContractError: a release's document is damaged.
    """
    folder = folder_of(root)
    known = retractions(root)
    found = []
    for path in sorted(folder.glob(f"*/{DOCUMENT}")):
        if re.fullmatch(VERSION_PATTERN, path.parent.name):
            document = Release.read(path)
            found.append(Published(path.parent, document, concerning(document, known)))
    return sorted(found, key=lambda item: item.document.number)


def open_release(folder: Path, *, retracted_too: bool = False) -> Release:
    """The document of a release, for whoever wants to use its datasets.

    Raises:
        RetractedError: it holds a retracted scene, and `retracted_too` is not set.
        ReleaseError: there is no release in the folder.
        ContractError: its document is damaged.
    """
    if not (folder / DOCUMENT).is_file():
        raise ReleaseError(f"{folder}: no {DOCUMENT}, so no release; `blueprint release --list` names those of a store")
    document = Release.read(folder / DOCUMENT)
    store = folder.resolve().parent.parent
    concerns = concerning(document, retractions(store))
    if (concerns or folder.with_name(folder.name + NOTICE).exists()) and not retracted_too:
        scenes = ", ".join(sorted({item.scene_id for item in concerns})) or f"see {folder.name}{NOTICE}"
        raise RetractedError(
            f"{folder}: holds what was retracted ({scenes}); use a later release, or make one: `blueprint release --root {store}`"
        )
    return document


def retractions(root: str | Path) -> list[Retraction]:
    """Every retraction of a store, in the order in which they were made.

    Raises:
        ContractError: a document is damaged.
    """
    return [Retraction.read(path) for path in sorted((folder_of(root) / RETRACTIONS).glob("*.json"))]


def barred_keys(retraction: Retraction) -> frozenset[str]:
    """The content keys that no release may hold: the photograph's, by file and by pixels, and the scene file's."""
    named = ((PHOTO, retraction.photo_sha256), (PIXELS, retraction.pixels_sha256), (SCENE, retraction.scene_sha256))
    return frozenset(f"{kind}:{sha256}" for kind, hashes in named for sha256 in hashes)


def concerning(document: Release, known: list[Retraction]) -> tuple[Retraction, ...]:
    """The retractions whose content a release holds."""
    held = frozenset(key for scene in document.scenes for key in keys_of(scene))
    return tuple(retraction for retraction in known if barred_keys(retraction) & held)


@contextmanager
def writing(root: str | Path) -> Iterator[Path]:
    """The releases folder, held alone; what dead writers left unfinished in it is gone.

    Raises:
        ReleaseBusyError: somebody else writes there.
        StoreError: the folder cannot be made.
    """
    folder = folder_of(root)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReleaseError(f"{folder}: {error.strerror or error}; choose a root that can be written") from error
    with ExitStack() as held:
        try:
            held.enter_context(file_lock(folder / ".lock", exclusive=True, timeout=0.0))
        except StoreBusyError as error:
            raise ReleaseBusyError(
                f"{folder}: another process is writing a release or a retraction there; run this again when it has ended"
            ) from error
        for leftover in folder.glob(f"{MAKING}*"):
            if leftover.is_dir():
                shutil.rmtree(leftover)
            else:
                leftover.unlink()
        put_notices(root)
        yield folder


def put_notices(root: str | Path) -> None:
    """Puts a notice beside every release that holds something retracted; a killed process may not have come to it."""
    for item in published(root):
        notice = item.folder.with_name(item.folder.name + NOTICE)
        if not item.retracted:
            continue
        text = "\n".join(
            [
                f"# Release {item.document.version} is retracted",
                "",
                *(f"- scene {r.scene_id}, {r.retracted_at}: {r.reason}" for r in item.retracted),
                "",
                "Do not use it. The release itself is as it was; `blueprint release` makes one without the scene.",
                "",
            ]
        )
        if not notice.is_file() or notice.read_text(encoding="utf-8") != text:
            write_whole(notice, text)


def write_whole(path: Path, text: str) -> None:
    """Writes a small file whole or not at all, durably."""
    temporary = path.with_name(f"{MAKING}{path.name}")
    with temporary.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def check_version(version: str, folder: Path) -> str:
    """Returns the name of a release that is to be made.

    Raises:
        ReleaseError: it cannot name a folder, or is taken.
    """
    if not re.fullmatch(VERSION_PATTERN, version) or version == RETRACTIONS or version.endswith(NOTICE):
        raise ReleaseError(
            f"--version {version!r}: use letters, digits, '.', '_' and '-', at most 63, letter or digit first"
        )
    if (folder / version).exists():
        raise ReleaseError(
            f"--version {version}: {folder / version} exists, and a release is never changed; choose another"
        )
    return version


def next_version(number: int, folder: Path) -> str:
    """`v<number>`, or the next such name that is free."""
    while (folder / f"v{number}").exists():
        number += 1
    return f"v{number}"
