"""What can go wrong in the scene store. Every message names the path, what was found and the remedy."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager


class StoreError(RuntimeError):
    """The store could not do what it was asked to do; what was committed before is untouched."""


class StoreFullError(StoreError):
    """The disk (or the quota) is full."""


class StoreBusyError(StoreError):
    """Somebody else held a lock for longer than we wait."""


class ContainmentError(StoreError):
    """A staged file is not where its asset may write, or is not an ordinary file."""


class CommitConflictError(StoreError):
    """The current commit is not the one that the caller expected to replace."""


class NotCommittedError(StoreError):
    """There is no such commit to read."""


class CorruptArtifactError(StoreError):
    """Stored bytes are not the bytes that were committed."""

    def __init__(self, path: str, expected: str, found: str, remedy: str) -> None:
        super().__init__(f"{path}: expected {expected}, found {found}; {remedy}")
        self.path = path
        self.expected = expected
        self.found = found


_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)


def is_full(error: OSError) -> bool:
    """Whether the operating system said that the disk or the quota is full."""
    return error.errno in _FULL


@contextmanager
def explained(action: str, path: str | os.PathLike[str]) -> Iterator[None]:
    """Turns an operating system's error inside the block into a StoreError that names the path and the remedy.

    Raises:
        StoreFullError: no space left, or the quota is used up.
        StoreError: any other OSError.
    """
    try:
        yield
    except OSError as error:
        where = os.fspath(error.filename or path)
        reason = error.strerror or str(error) or type(error).__name__
        if is_full(error):
            raise StoreFullError(
                f"{where}: no space left while {action}; free space or choose another root, then run again"
            ) from error
        if error.errno in _FORBIDDEN:
            raise StoreError(
                f"{where}: {reason} while {action}; make the root writable for this user, or choose another"
            ) from error
        raise StoreError(
            f"{where}: {reason} while {action}; see that this place exists and can be written to, then run again"
        ) from error
