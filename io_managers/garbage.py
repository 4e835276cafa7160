"""Removing what no commit names: blobs of replaced commits, and of commits that were never finished."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .backend import BLOBS, Backend, blob_key
from .digest import untraced
from .errors import CorruptArtifactError, StoreBusyError, explained
from .pointers import named_blobs

AGE_FLOOR = 24 * 3600.0
"""Seconds. A reader that has read a pointer has this long to copy its blobs, should it be replaced meanwhile."""


@dataclass(frozen=True)
class SweepReport:
    """What a sweep removed."""

    areas: int
    blobs: int
    bytes: int


def sweep_blobs(backend: Backend, scratch: Path, age: float) -> tuple[int, int]:
    """Removes blobs that no pointer names and that are older than `age` seconds; returns (count, bytes).

    Raises:
        CorruptArtifactError: a pointer cannot be read; nothing is removed.
    """
    with backend.guard(exclusive=True):
        named = named_blobs(backend)
        oldest = time.time() - age
        unnamed = [
            entry
            for entry in backend.entries(BLOBS)
            if entry.key.rpartition("/")[2] not in named and entry.modified < oldest
        ]
        writer = backend.writer(scratch, untraced)
        count = freed = 0
        for entry in unnamed:
            # A writer that no guard keeps out may have made it young since it was listed.
            modified = backend.modified(entry.key)
            if modified is not None and modified < oldest:
                writer.delete(entry.key)
                count, freed = count + 1, freed + entry.size
        writer.sync()
    return count, freed


def sweep_cache(scratch: Path, age: float) -> int:
    """Removes downloaded copies older than `age` seconds; returns the bytes."""
    freed = 0
    oldest = time.time() - age
    with explained("sweeping the cache", scratch):
        for path in sorted((scratch / "cache").glob("*")):
            status = path.stat()
            if status.st_mtime < oldest:
                path.unlink(missing_ok=True)
                freed += status.st_size
    return freed


def discard(backend: Backend, scratch: Path, written: Iterable[str]) -> None:
    """Removes the blobs of a commit that failed, so that a full disk does not stay full.

    Does nothing where somebody else may be committing, who may have found them useful, or while some record cannot be
    read: the sweep removes them later.
    """
    candidates = sorted(set(written))
    if not candidates or not backend.guarded:
        return
    try:
        with backend.guard(exclusive=True, timeout=0):
            named = named_blobs(backend)
            writer = backend.writer(scratch, untraced)
            for sha256 in candidates:
                if sha256 not in named:
                    writer.delete(blob_key(sha256))
            writer.sync()
    except (StoreBusyError, CorruptArtifactError):
        return
