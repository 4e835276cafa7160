"""The commit protocol: from staged files to a new current commit, by the replacement of one file.

1. every staged file is hashed; paths are checked
2. content that the store does not have yet becomes blobs, each by one rename of a flushed temporary file
3. under the asset's lock, the new view is written aside
4. the pointer is replaced: before this instant readers get the old commit, after it the new one
5. the view is refreshed by renames; its stamp says that it is whole

A process killed anywhere leaves the old or the new commit whole. What it leaves besides is temporary files in its
staging area, blobs that no pointer names, or a view that is behind its pointer: all three are put right by those who
come after.
"""

from __future__ import annotations

from pathlib import Path

from .backend import Backend, Writer, blob_key, pointer_key
from .containment import StagedFile, check_disjoint
from .digest import Trace, hash_file
from .errors import CommitConflictError, StoreError, StoreFullError, explained
from .garbage import discard
from .pointers import committed_assets, read_record
from .record import CommitRecord, CommittedFile
from .staging import area
from .view import View

_ATTEMPTS = 8
"""How often a pointer that somebody else replaces first is read again. Only an object store, which has no lock between
machines, ever needs a second one."""


def hash_staged(files: tuple[StagedFile, ...], trace: Trace) -> tuple[CommittedFile, ...]:
    """The files as a record lists them."""
    hashed = []
    for file in files:
        with explained("hashing", file.source):
            hashed.append(CommittedFile(path=file.path, sha256=hash_file(file.source), size=file.size))
            trace(f"hashed:{file.path}")
    return tuple(hashed)


class Commit:
    """One run of the protocol's steps 2 to 5."""

    def __init__(self, backend: Backend, record: CommitRecord, expected: str | None, trace: Trace) -> None:
        self._backend = backend
        self._record = record
        self._expected = expected
        self._trace = trace
        self._view = View(backend, record.scene_id, record.asset)
        self._pointer = pointer_key(record.scene_id, record.asset)
        self._written: list[str] = []
        self._swapped = False

    def run(self, sources: dict[str, Path]) -> CommitRecord:
        """Commits; `sources` maps path -> staged file. Returns what is current afterwards.

        Raises:
            CommitConflictError: the current commit is neither the expected one nor this one.
            ContainmentError: a path belongs to another asset, or a staged file changed meanwhile.
            StoreFullError, StoreError: the disk is full or cannot be written; what was current before still is, unless
                the message says that the commit was made.
        """
        try:
            with area(self._backend.scratch) as scratch, explained("committing", self._backend.url):
                with self._backend.guard(exclusive=False):
                    writer = self._backend.writer(scratch, self._trace)
                    self._store(writer, sources)
                    with self._backend.lock(self._record.scene_id, self._record.asset):
                        current = self._make_current(writer)
                self._trace("cleanup")
                return current
        except StoreError as error:
            if self._swapped:
                kind = StoreFullError if isinstance(error, StoreFullError) else StoreError
                raise kind(
                    f"{error} (commit {self._record.commit_id[:12]} of {self._record.asset} was made; its readable "
                    "view is behind, and is finished when the store is next opened)"
                ) from error
            raise
        finally:
            if not self._swapped:
                discard(self._backend, self._backend.scratch, self._written)

    def _store(self, writer: Writer, sources: dict[str, Path]) -> None:
        current, _ = read_record(self._backend, self._record.scene_id, self._record.asset)
        kept = {file.sha256 for file in current.files} if current else set()
        for file in self._record.files:
            if file.sha256 in kept and self._backend.size(blob_key(file.sha256)) == file.size:
                continue
            if self._backend.size(blob_key(file.sha256)) != file.size:
                self._written.append(file.sha256)
            writer.put_blob(sources[file.path], file.sha256, file.size, file.path)
            self._trace(f"blob:{file.path}:done")
        writer.sync()

    def _make_current(self, writer: Writer) -> CommitRecord:
        for attempt in range(1, _ATTEMPTS + 1):
            current, version = read_record(self._backend, self._record.scene_id, self._record.asset)
            if current and current.commit_id == self._record.commit_id:
                if not self._view.intact(current):
                    self._view.refresh(current, writer, self._view.prepare(current, writer, self._trace), self._trace)
                return current
            self._check(current)
            if current and not self._view.shows(current):
                self._view.adopt(current, writer)
            prepared = self._view.prepare(self._record, writer, self._trace)
            if current:
                self._grant_grace(current, writer)
            try:
                writer.swap(self._pointer, self._record.to_json().encode(), version)
            except CommitConflictError:
                if self._expected is not None or attempt == _ATTEMPTS:
                    raise
                continue
            self._swapped = True
            self._trace("pointer:swapped")
            self._view.refresh(self._record, writer, prepared, self._trace)
            return self._record
        raise AssertionError("the last attempt returns or raises")

    def _check(self, current: CommitRecord | None) -> None:
        record = self._record
        if self._expected is not None and (current is None or current.commit_id != self._expected):
            raise CommitConflictError(
                f"{record.asset} of scene {record.scene_id}: the current commit is "
                f"{current.commit_id if current else 'none'}, expected {self._expected}; read it and decide again"
            )
        others: dict[str, list[str]] = {}
        for asset in committed_assets(self._backend, record.scene_id):
            if asset != record.asset:
                other, _ = read_record(self._backend, record.scene_id, asset)
                others[asset] = [file.path for file in other.files] if other else []
        check_disjoint((file.path for file in record.files), record.asset, others)

    def _grant_grace(self, current: CommitRecord, writer: Writer) -> None:
        """Readers may still be copying what is about to lose its name: the sweep's age floor starts now."""
        kept = {file.sha256 for file in self._record.files}
        for file in current.files:
            if file.sha256 not in kept:
                writer.freshen(file.sha256)
