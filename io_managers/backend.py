"""Where the store's bytes live. A backend is a module of this folder and a line of `backends.open_backend`.

Keys are paths relative to the store's root, with forward slashes:

    blobs/sha256/<ab>/<sha256>              immutable content, shared by all commits
    scenes/<scene_id>/.commits/<asset>.json the pointer: the current commit's record
    scenes/<scene_id>/.commits/<asset>.view the view's stamp
    scenes/<scene_id>/<path>                the view
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .containment import RESERVED
from .digest import Trace

BLOBS = "blobs/sha256"
SCENES = "scenes"
LOCK_TIMEOUT = 120.0
"""Seconds to wait for a lock. It is held while files are renamed, not while an asset is made."""


def blob_key(sha256: str) -> str:
    """Where the content with this hash is kept."""
    return f"{BLOBS}/{sha256[:2]}/{sha256}"


def view_key(scene_id: str, path: str) -> str:
    """Where a scene's file is to be seen."""
    return f"{SCENES}/{scene_id}/{path}"


def pointer_key(scene_id: str, asset: str) -> str:
    """The one file whose replacement is the commit."""
    return f"{SCENES}/{scene_id}/{RESERVED}/{asset}.json"


def stamp_key(scene_id: str, asset: str) -> str:
    """Which commit the view shows."""
    return f"{SCENES}/{scene_id}/{RESERVED}/{asset}.view"


@dataclass(frozen=True)
class Versioned:
    """Bytes and the version they had when they were read."""

    data: bytes
    version: str


@dataclass(frozen=True)
class Entry:
    """A stored file: size in bytes, `modified` in seconds since the epoch."""

    key: str
    size: int
    modified: float


class Writer(Protocol):
    """Writes of one commit. Nothing is ever visible half written; the unfinished goes with the scratch."""

    def put_blob(self, source: Path, sha256: str, size: int, name: str) -> None:
        """Stores a file's content under its hash; content that is there already is made young instead.

        Raises:
            ContainmentError: the file is no longer what was hashed.
        """
        ...

    def freshen(self, sha256: str) -> None:
        """Makes a blob young, so that it lives on for the sweep's age floor."""
        ...

    def prepare(self, sha256: str, key: str) -> None:
        """Does what can be done before `publish`, so that a full disk shows before the commit."""
        ...

    def publish(self, key: str) -> None:
        """Makes a prepared file visible, replacing what was there."""
        ...

    def write(self, key: str, data: bytes) -> None:
        """Replaces a small file."""
        ...

    def swap(self, key: str, data: bytes, version: str | None) -> None:
        """Replaces the pointer if it still has this version (None: if there still is none), durably.

        Raises:
            CommitConflictError: somebody else replaced it.
        """
        ...

    def delete(self, key: str) -> None:
        """Removes a file, if it is there."""
        ...

    def sync(self) -> None:
        """Returns when everything written so far is durable."""
        ...


class Backend(Protocol):
    """Reads and locks.

    `url` names the root to people; `scratch` is a local folder for unfinished things; `guarded` says whether `guard`
    keeps all other writers out, or only the age floor protects what they are about to use.
    """

    url: str
    scratch: Path
    guarded: bool

    def read(self, key: str) -> Versioned | None:
        """A small file, or None."""
        ...

    def size(self, key: str) -> int | None:
        """Bytes of a file, or None."""
        ...

    def modified(self, key: str) -> float | None:
        """When a file was last written or made young, seconds since the epoch, or None."""
        ...

    def signature(self, key: str) -> str | None:
        """Text that changes when the file is written again; None when it is missing."""
        ...

    def hash(self, key: str) -> str | None:
        """The sha256 of a file, read to its end; None when it is missing."""
        ...

    def fetch(self, sha256: str, target: Path) -> str | None:
        """Copies a blob into a new local file; the sha256 of what was copied, or None when the blob is missing."""
        ...

    def folders(self, key: str) -> list[str]:
        """Names of the folders directly below, sorted."""
        ...

    def names(self, key: str) -> list[str]:
        """Names of the files directly below, sorted."""
        ...

    def entries(self, key: str) -> Iterator[Entry]:
        """Every file below."""
        ...

    def writable(self) -> bool:
        """Whether a reader may finish what a killed writer left undone."""
        ...

    def lock(self, scene_id: str, asset: str, timeout: float = LOCK_TIMEOUT) -> AbstractContextManager[None]:
        """Held while one asset's pointer and view change.

        Raises:
            StoreBusyError: somebody else holds it for longer than `timeout` seconds.
        """
        ...

    def guard(self, *, exclusive: bool, timeout: float = LOCK_TIMEOUT) -> AbstractContextManager[None]:
        """Shared by commits, exclusive for whoever removes blobs.

        Raises:
            StoreBusyError: as for `lock`.
        """
        ...

    def writer(self, scratch: Path, trace: Trace) -> Writer:
        """A writer that keeps what is unfinished in `scratch`."""
        ...
