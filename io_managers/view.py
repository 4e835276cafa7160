"""The view: copies of an asset's committed files at their readable paths below `scenes/<scene_id>/`.

The view is for people and for other tools; the store itself reads blobs. A stamp says which commit the view shows and
what each file looked like when it was written, so that an unfinished or edited view is seen without reading it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from .backend import Backend, Writer, stamp_key, view_key
from .digest import Trace
from .pointers import missing_blobs, read_record
from .record import CommitRecord
from .staging import area


@dataclass(frozen=True)
class Stamp:
    """`files`: path -> (sha256 that was copied, the backend's signature of the copy)."""

    commit_id: str
    files: dict[str, tuple[str, str]]


class View:
    """One asset's files in one scene's view."""

    def __init__(self, backend: Backend, scene_id: str, asset: str) -> None:
        self._backend = backend
        self._scene_id = scene_id
        self._asset = asset

    def stamp(self) -> Stamp | None:
        """What the view was when it was last whole; None when it never was, or the stamp cannot be read."""
        stored = self._backend.read(stamp_key(self._scene_id, self._asset))
        if stored is None:
            return None
        try:
            value = json.loads(stored.data)
            return Stamp(
                str(value["commit_id"]),
                {str(path): (str(sha256), str(mark)) for path, (sha256, mark) in value["files"].items()},
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            return None

    def shows(self, record: CommitRecord) -> bool:
        """Whether the refresh for this commit was finished."""
        stamp = self.stamp()
        return stamp is not None and stamp.commit_id == record.commit_id

    def stale(self, record: CommitRecord) -> list[tuple[str, str]]:
        """(path, sha256) of each file that the view lacks, or has from elsewhere."""
        stamp = self.stamp()
        known = stamp.files if stamp else {}
        return [
            (file.path, file.sha256)
            for file in record.files
            if known.get(file.path) != (file.sha256, self._backend.signature(view_key(self._scene_id, file.path)))
        ]

    def intact(self, record: CommitRecord) -> bool:
        """Whether the view is whole, as far as can be told without reading the files."""
        return self.shows(record) and not self.stale(record)

    def prepare(self, record: CommitRecord, writer: Writer, trace: Trace) -> list[str]:
        """Does the slow part of a refresh ahead of the commit; returns the paths that `refresh` is to publish."""
        stale = self.stale(record)
        for path, sha256 in stale:
            writer.prepare(sha256, view_key(self._scene_id, path))
            trace(f"view:{path}:temp")
        return [path for path, _ in stale]

    def refresh(self, record: CommitRecord, writer: Writer, prepared: list[str], trace: Trace) -> None:
        """Makes the view show `record`: first what is gone goes, then what is new comes, then the stamp."""
        stamp = self.stamp()
        files = {file.path: file.sha256 for file in record.files}
        for path in sorted(set(stamp.files if stamp else ()) - files.keys()):
            writer.delete(view_key(self._scene_id, path))
            trace(f"view:{path}:removed")
        for path in prepared:
            writer.publish(view_key(self._scene_id, path))
            trace(f"view:{path}")
        marks = {
            path: (sha256, self._backend.signature(view_key(self._scene_id, path)) or "")
            for path, sha256 in files.items()
        }
        writer.sync()
        self._write(Stamp(record.commit_id, marks), writer)
        writer.sync()
        trace("view:done")

    def adopt(self, record: CommitRecord, writer: Writer) -> None:
        """Notes that the view may hold files of `record`, whose refresh was never finished, so that the next one, which
        is for another commit, knows what to remove."""
        stamp = self.stamp()
        marks = {file.path: ("", "") for file in record.files}
        self._write(Stamp("", (stamp.files if stamp else {}) | marks), writer)
        writer.sync()

    def _write(self, stamp: Stamp, writer: Writer) -> None:
        value = {"commit_id": stamp.commit_id, "files": stamp.files}
        text = json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        writer.write(stamp_key(self._scene_id, self._asset), text.encode())


def roll_forward(backend: Backend, scene_id: str, asset: str, trace: Trace, timeout: float, *, thorough: bool) -> bool:
    """Makes the view show the current commit; True when there was something to do, and it was done.

    `thorough` also looks at each file and puts back those that are missing or were edited.

    Raises:
        StoreBusyError: a writer is at work on this asset, and `timeout` seconds passed.
    """
    view = View(backend, scene_id, asset)
    if not _behind(view, read_record(backend, scene_id, asset)[0], thorough=thorough):
        return False
    with area(backend.scratch) as scratch, backend.lock(scene_id, asset, timeout):
        # What was read before the lock may be old by now.
        record, _ = read_record(backend, scene_id, asset)
        if record is None or not _behind(view, record, thorough=thorough) or missing_blobs(backend, record):
            return False
        writer = backend.writer(scratch, trace)
        view.refresh(record, writer, view.prepare(record, writer, trace), trace)
    return True


def _behind(view: View, record: CommitRecord | None, *, thorough: bool) -> bool:
    return record is not None and not (view.intact(record) if thorough else view.shows(record))
