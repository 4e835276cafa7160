from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from io_managers.record import CommitRecord, Provenance
from io_managers.store import SceneStore

Files = dict[str, bytes]


def write_tree(folder: Path, files: Files, trace: Callable[[str], None] = lambda step: None) -> None:
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        trace(f"written:{path}")


def read_tree(folder: Path) -> Files:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".commits" not in path.relative_to(folder).parts[:1]
    }


class Bench:
    """A root to test against, and short words for what the tests do with it."""

    def __init__(self, root: str, scratch: Path) -> None:
        self.root = root
        self.scratch = scratch
        self.local = "://" not in root

    def open(self, trace: Callable[[str], None] | None = None) -> SceneStore:
        return SceneStore(self.root, cache=self.scratch / "cache", trace=trace)

    def commit(
        self,
        files: Files,
        *,
        store: SceneStore | None = None,
        scene_id: str = "kitchen",
        asset: str = "reconstruction",
        owns: tuple[str, ...] = ("stage1/",),
        code_version: str = "1",
        trace: Callable[[str], None] = lambda step: None,
        **rest: Any,
    ) -> CommitRecord:
        store = store or self.open(trace)
        with store.staging() as folder:
            trace("staging:made")
            write_tree(folder, files, trace)
            return store.commit(
                scene_id,
                asset,
                folder,
                owns=owns,
                provenance=Provenance(code_version=code_version, backend="embedded"),
                started_at="2026-01-01T00:00:00+00:00",
                seconds=rest.pop("seconds", 1.0),
                **rest,
            )

    def checkout(self, record: CommitRecord) -> Files:
        into = self.scratch / uuid.uuid4().hex
        return read_tree(self.open().checkout(record.scene_id, [record], into))

    def stored(self, below: str = "") -> Files:
        """Every file below the root, by key; the staging areas are left out."""
        if self.local:
            found = read_tree_all(Path(self.root))
        else:
            import fsspec

            files, prefix = fsspec.core.url_to_fs(self.root)
            found = {path[len(prefix) + 1 :]: files.cat_file(path) for path in files.find(prefix)}
        return {key: data for key, data in found.items() if key.startswith(below) and not key.startswith(".staging/")}

    def view(self, scene_id: str = "kitchen") -> Files:
        start = f"scenes/{scene_id}/"
        found = {key[len(start) :]: data for key, data in self.stored(start).items()}
        return {path: data for path, data in found.items() if not path.startswith(".commits/")}

    def put(self, key: str, data: bytes) -> None:
        """Writes a stored file as somebody would who knows nothing of the store."""
        if self.local:
            target = Path(self.root) / key
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            target.write_bytes(data)
        else:
            import fsspec

            files, prefix = fsspec.core.url_to_fs(self.root)
            files.pipe_file(f"{prefix}/{key}", data)

    def drop(self, key: str) -> None:
        if self.local:
            (Path(self.root) / key).unlink()
        else:
            import fsspec

            files, prefix = fsspec.core.url_to_fs(self.root)
            files.rm_file(f"{prefix}/{key}")

    def remove(self) -> None:
        shutil.rmtree(self.root)
        shutil.rmtree(self.scratch)

    def areas(self) -> list[str]:
        base = Path(self.root) / ".staging" if self.local else self.scratch / "cache"
        return sorted(path.name for path in (base.iterdir() if base.exists() else ()) if path.name != "cache")


def read_tree_all(folder: Path) -> Files:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """In memory where there is room: the store flushes every file, which on a busy disk takes most of the tests' time.

    A killed process is seen the same way on both; what a power cut would do is not tested here.
    """
    memory = Path("/dev/shm")
    if not memory.is_dir() or not os.access(memory, os.W_OK) or shutil.disk_usage(memory).free < 256 << 20:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory, prefix="scene-store-") as folder:
        yield Path(folder)


@pytest.fixture
def local_bench(tmp_path: Path) -> Bench:
    return Bench(str(tmp_path / "root"), tmp_path / "scratch")


@pytest.fixture
def memory_bench(tmp_path: Path) -> Iterator[Bench]:
    import fsspec

    root = f"memory://{uuid.uuid4().hex}/root"
    yield Bench(root, tmp_path / "scratch")
    files, prefix = fsspec.core.url_to_fs(root)
    for path in files.find(prefix):
        files.rm_file(path)


@pytest.fixture(params=["local_bench", "memory_bench"])
def bench(request: pytest.FixtureRequest) -> Bench:
    found: Bench = request.getfixturevalue(request.param)
    return found
