"""Kept work: what a long step has finished outlives the process, so that one that is killed loses only what it had in hand.

    <scratch>/kept/<work>.lock             held while somebody is at it; the kernel lets go for the dead
    <scratch>/kept/<work>.<fingerprint>/   finished items; `.making/` holds the unfinished

`work` names what is made (a scene's asset), `fingerprint` what it is made from; the same two find the same folder again. It
is local: a step that goes on elsewhere begins anew.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .durable import publish
from .errors import explained
from .locks import try_lock

KEPT = "kept"
MAKING = ".making"
KEPT_AGE = 7 * 24 * 3600.0
"""Seconds. Interrupted work waits so long for somebody to go on with it: a weekend, and a few days of holiday."""

_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EXDEV, errno.EMLINK)


def nobody_waits() -> None:
    """Told that somebody else holds the lock, tells nobody."""


@contextmanager
def kept_work(scratch: Path, work: str, fingerprint: str, waiting: Callable[[], None] = nobody_waits) -> Iterator[Path]:
    """The folder of this work, held alone; gone when the block ends well, kept when it does not, whatever ends it.

    A second process waits until the first has ended; `waiting` hears of it once. The same work kept under another
    fingerprint is removed: what it depended on has changed.

    Raises:
        StoreFullError, StoreError: the folder cannot be made or removed.
    """
    base = scratch / KEPT
    with explained("making a folder for kept work", base):
        base.mkdir(parents=True, exist_ok=True)
    descriptor = _claim(base / f"{work}.lock", waiting)
    try:
        folder = base / f"{work}.{fingerprint}"
        with explained("making a folder for kept work", folder):
            for other in _folders(base, work):
                if other != folder:
                    _remove(other, scratch)
            folder.mkdir(exist_ok=True)
            _remove(folder / MAKING, scratch)
            os.utime(folder)
        yield folder
        with explained("removing kept work", folder):
            _remove(folder, scratch)
    finally:
        _leave(descriptor, base, work)


def sweep_kept(scratch: Path, age: float) -> int:
    """Removes work that nobody holds and that nothing was added to for `age` seconds; returns how many folders."""
    base = scratch / KEPT
    with explained("sweeping kept work", base):
        try:
            works = sorted({path.name.rpartition(".")[0] for path in base.iterdir()})
        except FileNotFoundError:
            return 0
        return sum(_sweep_one(base, work, age) for work in works)


@contextmanager
def workshop(kept: Path) -> Iterator[Path]:
    """A new, empty folder inside kept work, for one unfinished item. It is gone after the block."""
    folder = kept / MAKING / uuid.uuid4().hex
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def keep(made: Path, target: Path) -> None:
    """Gives a finished folder its place in the kept work, durably; returns when a power cut could not take it any more.

    When somebody else finished the same item first (a worker whose owner died goes on to the end of its task), that one
    stays and `made` is left to its workshop.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        publish(made, target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def discard(kept: Path, item: Path) -> None:
    """Removes an item of the kept work at once, so that it is never found half removed."""
    (kept / MAKING).mkdir(exist_ok=True)
    _remove(item, kept / MAKING)


def take(item: Path, into: Path) -> None:
    """Puts the files of a finished item into the folder `into` (made if missing) by hard links; by copies where there
    are none. Nobody may write to either afterwards.

    Raises:
        FileExistsError: `into` has a file of that name.
    """
    for source in sorted(item.rglob("*")):
        target = into / source.relative_to(item)
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, target, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            shutil.copyfile(source, target, follow_symlinks=False)


def _claim(lock: Path, waiting: Callable[[], None]) -> int:
    told = False
    while True:
        with explained("locking", lock):
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not try_lock(descriptor, lock, exclusive=True):
                if not told:
                    waiting()
                    told = True
                with explained("locking", lock):
                    fcntl.flock(descriptor, fcntl.LOCK_EX)
            # Whoever held it before may have tidied up, and the file with it.
            if os.fstat(descriptor).st_nlink:
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _leave(descriptor: int, base: Path, work: str) -> None:
    """Lets go of the lock; its file goes too when nothing is kept, and so does a folder in which nothing was finished."""
    try:
        with explained("tidying up kept work", base):
            for folder in _folders(base, work):
                with suppress(FileNotFoundError):
                    shutil.rmtree(folder / MAKING)
                with suppress(OSError):  # not empty: that is what is kept
                    folder.rmdir()
            if next(_folders(base, work), None) is None:
                (base / f"{work}.lock").unlink(missing_ok=True)
    finally:
        # A child forked meanwhile has the same lock: closing our end alone would leave it locked.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _sweep_one(base: Path, work: str, age: float) -> int:
    lock = base / f"{work}.lock"
    with explained("locking", lock):
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    # An unlinked one was its last holder's, and the next may hold another file of that name.
    if not try_lock(descriptor, lock, exclusive=True) or not os.fstat(descriptor).st_nlink:
        os.close(descriptor)
        return 0
    removed = 0
    try:
        for folder in list(_folders(base, work)):
            if time.time() - _last_added(folder) > age:
                _remove(folder, base.parent)
                removed += 1
    finally:
        _leave(descriptor, base, work)
    return removed


def _folders(base: Path, work: str) -> Iterator[Path]:
    return (path for path in sorted(base.glob(f"{work}.*")) if path.is_dir())


def _last_added(folder: Path) -> float:
    """When something was last put into the folder or one below it, seconds since the epoch."""
    last = 0.0
    for path in (folder, *folder.rglob("*")):
        with suppress(FileNotFoundError):  # an orphaned worker may be tidying up
            status = path.stat()
            last = max(last, status.st_mtime if stat.S_ISDIR(status.st_mode) else 0.0)
    return last


def _remove(folder: Path, graveyard: Path) -> None:
    """Removes a folder that an orphaned worker may still be writing into: first its name goes, which ends such writing.

    `graveyard` is on the same disk and swept by somebody (the staging areas' folder is): a kill may leave a part there.
    """
    grave = graveyard / uuid.uuid4().hex
    try:
        folder.rename(grave)
    except FileNotFoundError:
        return
    shutil.rmtree(grave, ignore_errors=True)
