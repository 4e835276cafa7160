"""The store on an object store, through fsspec: an object appears whole or not at all, and nothing can be renamed.

A pointer is replaced by a write with a precondition, which fsspec has no common word for: it is known for memory:// alone
so far, and any other file system refuses the commit.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import datetime
from hashlib import sha256 as sha256_of
from pathlib import Path
from typing import Any

from typing_extensions import override

from .backend import LOCK_TIMEOUT, Backend, Entry, Versioned, Writer, blob_key
from .digest import CHUNK, Trace, copy_file
from .errors import CommitConflictError, ContainmentError, StoreBusyError, StoreError, explained

_YOUNG = 3600.0
"""Seconds for which a blob counts as just written: far below the sweep's age floor of a day."""

_VERSION_FIELDS = ("generation", "ETag", "etag", "md5Hash", "updated", "LastModified", "created")
_TIME_FIELDS = ("updated", "LastModified", "last_modified", "mtime", "timeCreated", "created")

_locks: dict[str, threading.Lock] = defaultdict(threading.Lock)
_swap_lock = threading.Lock()


class ObjectStore(Backend):
    """Objects below one prefix.

    Two processes that commit the same asset are kept apart by the pointer's precondition alone; the view of such a race
    is put right when the store is next opened. Threads of one process also have a lock.
    """

    guarded = False

    def __init__(self, root: str, cache: Path | None) -> None:
        import fsspec

        with explained("opening", root):
            self.files, self._prefix = fsspec.core.url_to_fs(root)
        self.url = root.rstrip("/")
        self.scratch = cache or Path(tempfile.gettempdir()) / f"blueprint-store-{os.getuid()}"
        with explained("making a local cache", self.scratch):
            self.scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Its name can be guessed, and everybody may make a folder where temporary files go.
            if self.scratch.is_symlink() or self.scratch.stat().st_uid != os.getuid():
                raise StoreError(f"{self.scratch}: belongs to another user; name another cache folder")
        protocol = self.files.protocol
        self._protocols = (protocol,) if isinstance(protocol, str) else tuple(protocol)

    def path(self, key: str) -> str:
        """The key as the file system names it."""
        return f"{self._prefix.rstrip('/')}/{key}"

    @override
    def read(self, key: str) -> Versioned | None:
        with explained("reading", f"{self.url}/{key}"):
            try:
                data: bytes = self.files.cat_file(self.path(key))
            except FileNotFoundError:
                return None
        return Versioned(data, sha256_of(data).hexdigest())

    @override
    def size(self, key: str) -> int | None:
        info = self._info(key)
        return int(info["size"]) if info else None

    @override
    def modified(self, key: str) -> float | None:
        info = self._info(key)
        return _modified(info) if info else None

    @override
    def signature(self, key: str) -> str | None:
        info = self._info(key)
        if info is None:
            return None
        return f"{info['size']}-" + next((str(info[name]) for name in _VERSION_FIELDS if info.get(name)), "")

    @override
    def hash(self, key: str) -> str | None:
        state = sha256_of()
        with explained("reading", f"{self.url}/{key}"):
            try:
                for chunk in self._chunks(key):
                    state.update(chunk)
            except FileNotFoundError:
                return None
        return state.hexdigest()

    @override
    def fetch(self, sha256: str, target: Path) -> str | None:
        """See Backend. Downloads go through a cache in `scratch`; a damaged cache entry is downloaded again."""
        cached = self.scratch / "cache" / sha256
        with explained("copying out of the cache", cached):
            if cached.is_file():
                if copy_file(cached, target, durable=False) == sha256:
                    return sha256
                target.unlink()
            cached.parent.mkdir(parents=True, exist_ok=True)
            temporary = cached.with_name(f"{sha256}.{uuid.uuid4().hex}")
            try:
                with explained("downloading", f"{self.url}/{blob_key(sha256)}"), temporary.open("wb") as out:
                    for chunk in self._chunks(blob_key(sha256)):
                        out.write(chunk)
                found = copy_file(temporary, target, durable=False)
                if found == sha256:
                    temporary.replace(cached)
                return found
            except StoreError as error:
                if isinstance(error.__cause__, FileNotFoundError) and self.size(blob_key(sha256)) is None:
                    return None
                raise
            finally:
                temporary.unlink(missing_ok=True)

    @override
    def folders(self, key: str) -> list[str]:
        return [name for name, info in self._listing(key) if info["type"] == "directory"]

    @override
    def names(self, key: str) -> list[str]:
        return [name for name, info in self._listing(key) if info["type"] == "file"]

    @override
    def entries(self, key: str) -> Iterator[Entry]:
        with explained("listing", f"{self.url}/{key}"):
            self.files.invalidate_cache()
            found = self.files.find(self.path(key), detail=True)
        start = len(self.path(""))
        for path, info in sorted(found.items()):
            yield Entry(path[start:], int(info["size"]), _modified(info))

    @override
    def writable(self) -> bool:
        return True

    @override
    @contextmanager
    def lock(self, scene_id: str, asset: str, timeout: float = LOCK_TIMEOUT) -> Iterator[None]:
        name = f"{self.url}/{scene_id}/{asset}"
        held = _locks[name]
        if not held.acquire(timeout=timeout):
            raise StoreBusyError(f"{name}: held by another thread for over {timeout:g} s; end it, then run again")
        try:
            yield
        finally:
            held.release()

    @override
    def guard(self, *, exclusive: bool, timeout: float = LOCK_TIMEOUT) -> AbstractContextManager[None]:
        # No lock spans machines here: a blob that is used again is made young instead, and the sweep spares the young.
        return nullcontext()

    @override
    def writer(self, scratch: Path, trace: Trace) -> Writer:
        return _ObjectWriter(self, trace)

    def swap(self, key: str, data: bytes, version: str | None) -> None:
        """Replaces an object under a precondition (see Writer.swap)."""
        if "memory" not in self._protocols:
            raise StoreError(
                f"{self.url}: no write with a precondition is known for {self._protocols[0]}://; use a local folder"
            )
        with _swap_lock:
            now = self.read(key)
            if (now.version if now else None) != version:
                raise CommitConflictError(f"{self.url}/{key}: replaced by somebody else; read it and try again")
            self.files.pipe_file(self.path(key), data)

    def _chunks(self, key: str) -> Iterator[bytes]:
        size = self.files.info(self.path(key))["size"]
        for start in range(0, size, 8 * CHUNK):
            yield self.files.cat_file(self.path(key), start=start, end=min(size, start + 8 * CHUNK))

    def _info(self, key: str) -> dict[str, Any] | None:
        with explained("looking at", f"{self.url}/{key}"):
            try:
                self.files.invalidate_cache(self.files._parent(self.path(key)))
                info: dict[str, Any] = self.files.info(self.path(key))
            except FileNotFoundError:
                return None
        return info if info["type"] == "file" else None

    def _listing(self, key: str) -> list[tuple[str, dict[str, Any]]]:
        with explained("listing", f"{self.url}/{key}"):
            try:
                self.files.invalidate_cache(self.path(key))
                found = self.files.ls(self.path(key), detail=True)
            except FileNotFoundError:
                return []
        return sorted(
            ((info["name"].rstrip("/").rsplit("/", 1)[-1], info) for info in found), key=lambda named: named[0]
        )


class _ObjectWriter(Writer):
    def __init__(self, store: ObjectStore, trace: Trace) -> None:
        self._store = store
        self._trace = trace
        self._prepared: dict[str, str] = {}

    @override
    def put_blob(self, source: Path, sha256: str, size: int, name: str) -> None:
        key = blob_key(sha256)
        if self._store.size(key) == size:
            self.freshen(sha256)
            return
        with explained("uploading", source):
            before = source.stat()
            self._store.files.put_file(str(source), self._store.path(key))
            after = source.stat()
        self._trace(f"blob:{name}:temp")
        stored = self._store.size(key)
        if stored != size or (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
            self.delete(key)
            raise ContainmentError(f"{name}: changed while it was being committed; close every writer first")

    @override
    def freshen(self, sha256: str) -> None:
        key = blob_key(sha256)
        modified = self._store.modified(key)
        if modified is not None and time.time() - modified > _YOUNG:
            with explained("touching", f"{self._store.url}/{key}"), suppress(FileNotFoundError):
                self._store.files.cp_file(self._store.path(key), self._store.path(key))

    @override
    def prepare(self, sha256: str, key: str) -> None:
        self._prepared[key] = blob_key(sha256)

    @override
    def publish(self, key: str) -> None:
        with explained("copying", f"{self._store.url}/{key}"):
            self._store.files.cp_file(self._store.path(self._prepared.pop(key)), self._store.path(key))

    @override
    def write(self, key: str, data: bytes) -> None:
        with explained("writing", f"{self._store.url}/{key}"):
            self._store.files.pipe_file(self._store.path(key), data)

    @override
    def swap(self, key: str, data: bytes, version: str | None) -> None:
        with explained("writing", f"{self._store.url}/{key}"):
            self._trace("pointer:temp")
            self._store.swap(key, data, version)

    @override
    def delete(self, key: str) -> None:
        with explained("removing", f"{self._store.url}/{key}"), suppress(FileNotFoundError):
            self._store.files.rm_file(self._store.path(key))

    @override
    def sync(self) -> None:
        """Every write was durable when it returned."""


def _modified(info: dict[str, Any]) -> float:
    for name in _TIME_FIELDS:
        value = info.get(name)
        if isinstance(value, datetime):
            return value.timestamp()
        if isinstance(value, int | float):
            return float(value)
        if isinstance(value, str):
            return datetime.fromisoformat(value).timestamp()
    raise StoreError(f"{info.get('name')}: the file system does not tell when it was written; nothing can be swept")
