"""Making a folder appear whole: everything in it is on the disk before it gets its name."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import StoreBusyError, StoreFullError, explained, is_full
from .locks import try_lock


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """An empty folder beside `target`, to be filled and published in the block, by one process at a time.

    What is not published is gone after the block; what a killed process left is removed by the next one for this target.

    Raises:
        StoreBusyError: another process is making `target`.
        StoreFullError: the block found the disk full.
        StoreError: the folder cannot be made.
    """
    staging = target.with_name(f".{target.name}.partial")
    with explained("making a folder for", target):
        target.parent.mkdir(parents=True, exist_ok=True)
    lock = target.with_name(f".{target.name}.lock")
    descriptor = _claim(lock, target)
    try:
        with explained("making a folder for", target):
            if staging.exists():
                shutil.rmtree(staging)
            staging.mkdir()
        yield staging
    except OSError as error:
        if is_full(error):
            where = os.fspath(error.filename or target)
            raise StoreFullError(
                f"{where}: no space left while writing {target}; free space or choose another place, then run again"
            ) from error
        raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        lock.unlink(missing_ok=True)
        # A child forked meanwhile has the same lock: closing our end alone would leave it locked.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _claim(lock: Path, target: Path) -> int:
    while True:
        with explained("locking", lock):
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not try_lock(descriptor, lock, exclusive=True):
            os.close(descriptor)
            raise StoreBusyError(f"{target}: another process is making it; wait until it has ended, or choose another")
        # Whoever held it before may have removed the file between our two calls.
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)


def publish(staging: Path, target: Path) -> None:
    """Renames `staging`, a folder beside `target`, after its content is on the disk; returns when the name is, too.

    Raises:
        OSError: `target` exists and is not an empty folder, or the disk refuses; `staging` is as it was.
    """
    for path in sorted(staging.rglob("*")):
        _sync(path)
    _sync(staging)
    staging.rename(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
