"""The store on a local (or mounted) POSIX file system: rename is the commit, flock is the lock."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from hashlib import sha256 as sha256_of
from pathlib import Path

from typing_extensions import override

from .backend import LOCK_TIMEOUT, Backend, Entry, Versioned, Writer, blob_key
from .containment import RESERVED
from .digest import Trace, copy_file, hash_file, write_all
from .errors import CommitConflictError, ContainmentError, explained
from .locks import file_lock


class LocalDisk(Backend):
    """Files below one root. Temporary files are made in `<root>/.staging`, so that a rename never leaves the disk."""

    guarded = True

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self.url = str(self.root)
        self.scratch = self.root / ".staging"

    @override
    def read(self, key: str) -> Versioned | None:
        with explained("reading", self.root / key):
            try:
                data = (self.root / key).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None
        return Versioned(data, sha256_of(data).hexdigest())

    @override
    def size(self, key: str) -> int | None:
        status = self._status(key)
        return status.st_size if status else None

    @override
    def modified(self, key: str) -> float | None:
        status = self._status(key)
        return status.st_mtime if status else None

    @override
    def signature(self, key: str) -> str | None:
        status = self._status(key)
        return f"{status.st_size}-{status.st_mtime_ns}" if status else None

    @override
    def hash(self, key: str) -> str | None:
        with explained("reading", self.root / key):
            try:
                return hash_file(self.root / key)
            except (FileNotFoundError, NotADirectoryError):
                return None

    @override
    def fetch(self, sha256: str, target: Path) -> str | None:
        with explained("copying out of the store", target):
            try:
                return copy_file(self.root / blob_key(sha256), target, durable=False)
            except FileNotFoundError:
                if self.size(blob_key(sha256)) is None:
                    return None
                raise

    @override
    def folders(self, key: str) -> list[str]:
        return sorted(entry.name for entry in self._scan(key) if entry.is_dir(follow_symlinks=False))

    @override
    def names(self, key: str) -> list[str]:
        return sorted(entry.name for entry in self._scan(key) if entry.is_file(follow_symlinks=False))

    @override
    def entries(self, key: str) -> Iterator[Entry]:
        for entry in self._scan(key):
            below = f"{key}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                yield from self.entries(below)
            elif status := self._status(below):
                yield Entry(below, status.st_size, status.st_mtime)

    @override
    def writable(self) -> bool:
        return os.access(self.root, os.W_OK)

    @override
    def lock(self, scene_id: str, asset: str, timeout: float = LOCK_TIMEOUT) -> AbstractContextManager[None]:
        return self._flock(f"scenes/{scene_id}/{RESERVED}/{asset}.lock", exclusive=True, timeout=timeout)

    @override
    def guard(self, *, exclusive: bool, timeout: float = LOCK_TIMEOUT) -> AbstractContextManager[None]:
        return self._flock(".lock", exclusive=exclusive, timeout=timeout)

    @override
    def writer(self, scratch: Path, trace: Trace) -> Writer:
        return _LocalWriter(self, scratch, trace)

    def _flock(self, key: str, *, exclusive: bool, timeout: float) -> AbstractContextManager[None]:
        with explained("making a lock file", self.root / key):
            make_parents(self.root, self.root / key)
        return file_lock(self.root / key, exclusive=exclusive, timeout=timeout)

    def _status(self, key: str) -> os.stat_result | None:
        with explained("looking at", self.root / key):
            try:
                status = (self.root / key).lstat()
            except (FileNotFoundError, NotADirectoryError):
                return None
        return status if stat.S_ISREG(status.st_mode) else None

    def _scan(self, key: str) -> list[os.DirEntry[str]]:
        with explained("listing", self.root / key):
            try:
                with os.scandir(self.root / key) as entries:
                    return sorted(entries, key=lambda entry: entry.name)
            except FileNotFoundError:
                return []


class _LocalWriter(Writer):
    def __init__(self, disk: LocalDisk, scratch: Path, trace: Trace) -> None:
        self._disk = disk
        self._scratch = scratch
        self._trace = trace
        self._prepared: dict[str, Path] = {}
        self._changed: set[Path] = set()
        self._count = 0

    @override
    def put_blob(self, source: Path, sha256: str, size: int, name: str) -> None:
        key = blob_key(sha256)
        with explained("storing", source):
            if self._disk.size(key) == size:
                self.freshen(sha256)
                return
            temporary = self._temporary()
            # Hashed again while it is copied: a file that is still being written must not get a false name.
            found = copy_file(source, temporary, durable=True, mode=0o444, trace=self._trace, name=f"blob:{name}")
            if found != sha256:
                raise ContainmentError(f"{name}: changed while it was being committed; close every writer first")
            self._trace(f"blob:{name}:temp")
            self._move(temporary, key)

    @override
    def freshen(self, sha256: str) -> None:
        with explained("touching", self._disk.root / blob_key(sha256)), suppress(FileNotFoundError):
            os.utime(self._disk.root / blob_key(sha256))

    @override
    def prepare(self, sha256: str, key: str) -> None:
        with explained("writing", self._disk.root / key):
            temporary = self._temporary()
            copy_file(self._disk.root / blob_key(sha256), temporary, durable=True)
            self._prepared[key] = temporary

    @override
    def publish(self, key: str) -> None:
        with explained("replacing", self._disk.root / key):
            self._move(self._prepared.pop(key), key)

    @override
    def write(self, key: str, data: bytes) -> None:
        with explained("writing", self._disk.root / key):
            self._move(self._write_temporary(data), key)

    @override
    def swap(self, key: str, data: bytes, version: str | None) -> None:
        with explained("writing", self._disk.root / key):
            temporary = self._write_temporary(data)
            self._trace("pointer:temp")
            now = self._disk.read(key)
            if (now.version if now else None) != version:
                raise CommitConflictError(f"{self._disk.root / key}: replaced by somebody else; read it and try again")
            self._move(temporary, key)
            self.sync()

    @override
    def delete(self, key: str) -> None:
        target = self._disk.root / key
        with explained("removing", target):
            check_real(target.parent)
            # A folder, or below a file: an earlier attempt at the same refresh has already put the new thing there.
            with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
                target.unlink()
                self._changed.add(target.parent)
            scene = self._disk.root.joinpath(*Path(key).parts[:2])
            for folder in target.parents:
                if folder == scene:
                    break
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    continue
                except OSError:  # not empty, or no folder: it is somebody else's
                    break
                self._changed.discard(folder)
                self._changed.add(folder.parent)

    @override
    def sync(self) -> None:
        for folder in sorted(self._changed):
            with explained("flushing", folder), suppress(FileNotFoundError):
                sync_folder(folder)
        self._changed.clear()

    def _temporary(self) -> Path:
        self._count += 1
        return self._scratch / f"{self._count:06d}"

    def _write_temporary(self, data: bytes) -> Path:
        temporary = self._temporary()
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return temporary

    def _move(self, temporary: Path, key: str) -> None:
        target = self._disk.root / key
        for attempt in range(3):
            make_parents(self._disk.root, target)
            try:
                temporary.replace(target)
                break
            except FileNotFoundError:
                # Another asset's writer removed the folder, empty at that moment, between the two calls.
                if attempt == 2:
                    raise
        self._changed.add(target.parent)


def make_parents(root: Path, target: Path) -> None:
    """Makes the folders that lead to `target`, durably.

    Raises:
        ContainmentError: a folder on the way is a symbolic link.
    """
    missing = []
    folder = target.parent
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    check_real(folder)
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        if folder != root:
            sync_folder(folder.parent)


def check_real(folder: Path) -> None:
    """Raises ContainmentError when a symbolic link would lead a write out of the store."""
    real = os.path.realpath(folder)
    if real != str(folder):
        raise ContainmentError(f"{folder}: leads through a symbolic link to {real}; remove the link")


def sync_folder(folder: Path) -> None:
    """Returns when the folder's list of names is on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
