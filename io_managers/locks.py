"""Locks between processes on one machine: flock, which the kernel releases when its holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import StoreBusyError, explained

_POLL = 0.02


@contextmanager
def file_lock(path: Path, *, exclusive: bool, timeout: float) -> Iterator[None]:
    """Holds a lock on `path`, whose folder exists; the file is made and stays.

    Raises:
        StoreBusyError: somebody else holds it for longer than `timeout` seconds.
    """
    with explained("locking", path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    held = False
    try:
        deadline = time.monotonic() + timeout
        while not (held := try_lock(descriptor, path, exclusive=exclusive)):
            if time.monotonic() >= deadline:
                raise StoreBusyError(
                    f"{path}: held by another process for over {timeout:g} s; end that process, then run again"
                )
            time.sleep(_POLL)
        yield
    finally:
        if held:
            # A child forked meanwhile has the same lock: closing our end alone would leave it locked.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def try_lock(descriptor: int, path: Path, *, exclusive: bool) -> bool:
    """Takes the lock if it is free; False when it is not."""
    with explained("locking", path):
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
