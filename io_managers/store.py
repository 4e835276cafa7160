"""The scene store: committed artifacts, each a directory that changes all at once or not at all.

store = SceneStore("runs")
with store.staging() as folder:
    (folder / "stage1").mkdir()
    (folder / "stage1" / "camera.json").write_text("{}")
    record = store.commit("kitchen", "reconstruction", folder, owns=("stage1/",),
                          provenance=Provenance(code_version="1", backend="embedded"), started_at="…", seconds=0.1)
store.checkout("kitchen", [record], Path("somewhere"))
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import sha256 as sha256_of
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from .backend import LOCK_TIMEOUT, blob_key, view_key
from .backends import open_backend
from .commit import Commit, hash_staged
from .containment import check_disjoint, scan
from .digest import Trace, untraced
from .errors import CorruptArtifactError, NotCommittedError, StoreBusyError, StoreError, explained
from .garbage import AGE_FLOOR, SweepReport, sweep_blobs, sweep_cache
from .keep import KEPT_AGE, kept_work, nobody_waits, sweep_kept
from .pointers import committed_assets, committed_scenes, missing_blobs, read_record
from .record import ArtifactRef, CommitRecord, CommittedFile, Provenance, check_names, commit_id_of
from .staging import area, sweep
from .view import View, roll_forward


@dataclass(frozen=True)
class Problem:
    """Something in the store that is not as it was committed."""

    asset: str
    path: str
    kind: Literal["pointer unreadable", "blob missing", "blob changed", "view missing", "view changed"]
    detail: str


class SceneStore:
    """Reads and writes committed artifacts below one root: a local folder or an fsspec URL.

    Opening is cheap and makes nothing below the root. It removes what dead processes left in the staging areas.
    `trace` is told every step of the commit protocol, for tests. `cache` is a local folder for the downloads and staging
    areas of a remote root; without it, one below the system's folder for temporary files.
    """

    def __init__(
        self,
        root: str | Path,
        *,
        cache: Path | None = None,
        trace: Trace | None = None,
    ) -> None:
        self._backend = open_backend(str(root), cache)
        self._trace = trace or untraced
        if self._backend.writable():
            sweep(self._backend.scratch, AGE_FLOOR)
            sweep_kept(self._backend.scratch, KEPT_AGE)

    @property
    def root(self) -> str:
        """The root as an absolute path or as the URL."""
        return self._backend.url

    def url(self, scene_id: str, path: str = "") -> str:
        """Where the view shows a scene, or one of its files: for people, and for tools that are told a path."""
        check_names(scene_id)
        return f"{self._backend.url}/{view_key(scene_id, path)}".rstrip("/")

    def staging(self) -> AbstractContextManager[Path]:
        """An empty local folder to write an artifact into; it is gone after the block, or after a crash.

        Raises:
            StoreFullError: the disk got full inside the block.
        """
        return area(self._backend.scratch)

    def kept(
        self, scene_id: str, asset: str, fingerprint: str, waiting: Callable[[], None] = nobody_waits
    ) -> AbstractContextManager[Path]:
        """A local folder for the finished parts of an artifact in the making (see `keep`): held by one process at a time,
        found again by the next with the same fingerprint when this one is killed or fails, gone when the block ends well.

        Raises:
            StoreError: the folder cannot be made.
        """
        return kept_work(self._backend.scratch, self._work(scene_id, asset), fingerprint, waiting)

    def commit(
        self,
        scene_id: str,
        asset: str,
        folder: Path,
        *,
        owns: Sequence[str],
        provenance: Provenance,
        started_at: str,
        seconds: float,
        peak_memory_bytes: int | None = None,
        metadata: Mapping[str, Any] | None = None,
        expected: str | None = None,
    ) -> CommitRecord:
        """Makes the files in `folder`, laid out like the scene's root, the asset's current commit.

        The folder is left as it is. When the current commit has the same files and provenance, it stays, nothing is
        written, and its record is returned.

        Args:
            scene_id: the scene.
            asset: the asset.
            folder: a local folder, usually from `staging()`; no part of it may still be written to.
            owns: the places the asset may write, relative to the scene (see `containment`).
            provenance: what the content depends on.
            started_at: ISO 8601, UTC.
            seconds: how long the making took.
            peak_memory_bytes: as measured, or None.
            metadata: small JSON for people, up to 64 kB.
            expected: commit only if this commit id is the current one; None: whatever is current.

        Raises:
            ContainmentError: a file is outside `owns`, in another asset's place, or no ordinary file; or there is none.
            CommitConflictError: `expected` is not current.
            StoreFullError, StoreError: the disk is full or not writable; the commit before is still current.
        """
        check_names(scene_id, asset)
        files = scan(folder, asset, owns)
        with explained("staging", folder):
            self._trace("staged")
        listed = hash_staged(files, self._trace)
        fingerprint = provenance.digest()
        try:
            record = CommitRecord(
                **{name: getattr(provenance, name) for name in Provenance.model_fields},
                scene_id=scene_id,
                asset=asset,
                commit_id=commit_id_of(listed, fingerprint),
                fingerprint=fingerprint,
                files=listed,
                started_at=started_at,
                seconds=seconds,
                peak_memory_bytes=peak_memory_bytes,
                metadata=dict(metadata or {}),
            )
        except ValidationError as error:
            raise StoreError(f"{asset} of scene {scene_id}: the commit record is not valid: {error}") from None
        for other in committed_assets(self._backend, scene_id):
            self._settle(scene_id, other)
        current, _ = read_record(self._backend, scene_id, asset)
        if (
            current is not None
            and current.commit_id == record.commit_id
            and not missing_blobs(self._backend, current)
            and View(self._backend, scene_id, asset).intact(current)
        ):
            return current
        return Commit(self._backend, record, expected, self._trace).run({file.path: file.source for file in files})

    def current(self, scene_id: str, asset: str) -> CommitRecord | None:
        """The current commit, or None.

        Raises:
            CorruptArtifactError: the record cannot be read.
        """
        check_names(scene_id, asset)
        self._settle(scene_id, asset)
        return read_record(self._backend, scene_id, asset)[0]

    def find(self, scene_id: str, asset: str, fingerprint: str) -> CommitRecord | None:
        """The current commit if it was made from this provenance (`Provenance.digest`) and all its content is there."""
        record = self.current(scene_id, asset)
        if record is None or record.fingerprint != fingerprint or missing_blobs(self._backend, record):
            return None
        return record

    def ref(self, record: CommitRecord) -> ArtifactRef:
        """A reference to a commit of this store."""
        return ArtifactRef(self.root, record.scene_id, record.asset, record.commit_id)

    def resolve(self, ref: ArtifactRef) -> CommitRecord:
        """The record that a reference names.

        Raises:
            NotCommittedError: it is not, or no longer, the current commit.
        """
        record = self.current(ref.scene_id, ref.asset)
        if record is None or record.commit_id != ref.commit_id:
            raise NotCommittedError(
                f"{ref.asset} of scene {ref.scene_id} in {self.root}: commit {ref.commit_id[:12]} is not current "
                f"({record.commit_id[:12] if record else 'nothing'} is); materialize what depends on it again"
            )
        return record

    def checkout(
        self,
        scene_id: str,
        records: Iterable[CommitRecord],
        into: Path,
        *,
        verify: bool = True,
        below: Collection[str] | None = None,
    ) -> Path:
        """Copies the files of these commits, and nothing else, into an empty folder laid out like the scene's root.

        The copies are the caller's own: writing to them does not touch the store. `below` names folders, without a
        slash at the end: only what is directly in one of them is copied.

        Raises:
            CorruptArtifactError: content is missing or, with `verify`, is not what was committed.
            ContainmentError: two of the commits have the same path.
            StoreError: `into` is not empty, or a record is of another scene.
        """
        with explained("checking out", into):
            into.mkdir(parents=True, exist_ok=True)
            if any(into.iterdir()):
                raise StoreError(f"{into}: not empty; give checkout a folder of its own")
        taken: dict[str, list[str]] = {}
        for record in records:
            if record.scene_id != scene_id:
                raise StoreError(f"{record.asset}: a commit of scene {record.scene_id}, not of {scene_id}")
            paths = [file.path for file in record.files]
            check_disjoint(paths, record.asset, taken)
            taken[record.asset] = taken.get(record.asset, []) + paths
            for file in record.files:
                if below is not None and file.path.rpartition("/")[0] not in below:
                    continue
                target = into / file.path
                with explained("checking out", target):
                    target.parent.mkdir(parents=True, exist_ok=True)
                found = self._backend.fetch(file.sha256, target)
                if found is None or (verify and found != file.sha256):
                    raise self._corrupt(record, file.path, file.sha256, found)
        return into

    def read(self, record: CommitRecord, path: str) -> bytes:
        """The verified bytes of one small file.

        Raises:
            CorruptArtifactError: the content is missing or is not what was committed.
        """
        file = record.file(path)
        stored = self._backend.read(blob_key(file.sha256))
        found = sha256_of(stored.data).hexdigest() if stored else None
        if stored is None or found != file.sha256:
            raise self._corrupt(record, path, file.sha256, found)
        return stored.data

    def scenes(self) -> list[str]:
        """The scenes in which something was committed, sorted."""
        return committed_scenes(self._backend)

    def assets(self, scene_id: str) -> list[str]:
        """The assets of a scene that have a commit, sorted."""
        check_names(scene_id)
        return committed_assets(self._backend, scene_id)

    def verify(self, scene_id: str) -> list[Problem]:
        """Reads every blob and every view file of a scene's current commits; returns what is wrong."""
        problems: list[Problem] = []
        for asset in self.assets(scene_id):
            try:
                record, _ = read_record(self._backend, scene_id, asset)
            except CorruptArtifactError as error:
                problems.append(Problem(asset, error.path, "pointer unreadable", error.found))
                continue
            if record is not None:
                problems += [problem for file in record.files for problem in self.problems(record, file)]
        return problems

    def problems(self, record: CommitRecord, file: CommittedFile) -> list[Problem]:
        """Reads one file of a current commit, its blob and its copy in the view; returns what is wrong with them."""
        problems: list[Problem] = []
        for part, key in (("blob", blob_key(file.sha256)), ("view", view_key(record.scene_id, file.path))):
            found = self._backend.hash(key)
            if found is None:
                kind: Any = f"{part} missing"
                problems.append(Problem(record.asset, file.path, kind, f"{self.root}/{key}: no such file"))
            elif found != file.sha256:
                kind = f"{part} changed"
                detail = f"{self.root}/{key}: expected sha256 {file.sha256}, found {found}"
                problems.append(Problem(record.asset, file.path, kind, detail))
        return problems

    def repair(self, scene_id: str) -> list[str]:
        """Makes the scene's view show its current commits: unfinished refreshes, edited and removed files.

        Returns the assets whose view was put right. A file edited without a change of size and time is not noticed:
        `verify` reads them all.
        """
        return [
            asset
            for asset in self.assets(scene_id)
            if roll_forward(self._backend, scene_id, asset, self._trace, LOCK_TIMEOUT, thorough=True)
        ]

    def sweep(self, age: float = AGE_FLOOR, kept_age: float = KEPT_AGE) -> SweepReport:
        """Removes staging areas of dead processes, blobs older than `age` seconds that no commit names, and interrupted
        work that nobody went on with for `kept_age` seconds.

        Raises:
            CorruptArtifactError: a commit record cannot be read, so nobody can know which blobs it needs.
        """
        areas = sweep(self._backend.scratch, age) + sweep_kept(self._backend.scratch, kept_age)
        freed = sweep_cache(self._backend.scratch, age)
        count, size = sweep_blobs(self._backend, self._backend.scratch, age)
        return SweepReport(areas, count, size + freed)

    def _work(self, scene_id: str, asset: str) -> str:
        """What work on an asset is kept as."""
        check_names(scene_id, asset)
        if Path(self.root) in self._backend.scratch.parents:
            return f"{scene_id}.{asset}"
        # All remote roots of a user share one scratch folder.
        return f"{sha256_of(self.root.encode()).hexdigest()[:12]}.{scene_id}.{asset}"

    def _settle(self, scene_id: str, asset: str) -> None:
        """Finishes a view refresh whose process was killed; leaves a live writer and a read-only root alone."""
        if not self._backend.writable():
            return
        try:
            roll_forward(self._backend, scene_id, asset, self._trace, timeout=0, thorough=False)
        except StoreBusyError:
            return

    def _corrupt(self, record: CommitRecord, path: str, expected: str, found: str | None) -> CorruptArtifactError:
        key = blob_key(expected)
        return CorruptArtifactError(
            f"{path} of {record.asset} of scene {record.scene_id} ({self.root}/{key})",
            f"sha256 {expected}",
            f"sha256 {found}" if found else "no such file",
            f"remove that file, then materialize {record.asset} again",
        )
