"""Staging areas: local folders for what is not committed yet.

Each area `<base>/<uuid>/` has a lock file `<base>/<uuid>.lock` beside it, held by flock while its process lives. The
kernel lets go of it when the process dies, however it dies: an area whose lock is free is a leftover.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import StoreFullError, explained, is_full
from .locks import try_lock


@contextmanager
def area(base: Path) -> Iterator[Path]:
    """An empty folder below `base` that vanishes at the end, or, if this process is killed, at the next `sweep`.

    Raises:
        StoreFullError: the block (or this function) found the disk full below the folder.
        StoreError: the folder cannot be made.
    """
    with explained("making a staging area", base):
        base.mkdir(parents=True, exist_ok=True)
        folder, descriptor = _claim(base)
    try:
        yield folder
    except OSError as error:
        if is_full(error):
            where = os.fspath(error.filename or folder)
            raise StoreFullError(
                f"{where}: no space left while staging; free space or choose another root, then run again"
            ) from error
        raise
    finally:
        with explained("removing a staging area", folder):
            _remove(folder)
            with suppress(FileNotFoundError):
                _lock_of(folder).unlink()
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)


def _claim(base: Path) -> tuple[Path, int]:
    while True:
        folder = base / uuid.uuid4().hex
        descriptor = os.open(_lock_of(folder), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # A sweep may have taken the file between the two calls, while it was not locked yet.
        if os.fstat(descriptor).st_nlink:
            folder.mkdir()
            return folder, descriptor
        os.close(descriptor)


def sweep(base: Path, age: float) -> int:
    """Removes the areas of dead processes, and strange folders older than `age` seconds; returns how many."""
    removed = 0
    with explained("sweeping", base):
        try:
            names = sorted(path.name for path in base.iterdir())
        except FileNotFoundError:
            return 0
        for name in names:
            path = base / name
            if name.endswith(".lock"):
                removed += _sweep_area(path.with_suffix(""))
            elif f"{name}.lock" not in names and _is_area(name) and _age(path) > age:
                _remove(path)
                removed += 1
    return removed


def _sweep_area(folder: Path) -> int:
    try:
        descriptor = os.open(_lock_of(folder), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    try:
        if not try_lock(descriptor, _lock_of(folder), exclusive=True):
            return 0
        _remove(folder)
        with suppress(FileNotFoundError):
            _lock_of(folder).unlink()
        return 1
    finally:
        os.close(descriptor)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(folder.name + ".lock")


def _is_area(name: str) -> bool:
    return len(name) == 32 and all(letter in "0123456789abcdef" for letter in name)


def _age(path: Path) -> float:
    try:
        return time.time() - path.lstat().st_mtime
    except FileNotFoundError:
        return 0.0


def _remove(folder: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
