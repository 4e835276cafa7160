from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from io_managers.errors import ContainmentError, StoreError
from io_managers.store import SceneStore

V1 = {"stage1/a": b"one"}


def test_a_linked_folder_in_the_view_leads_nowhere(local_bench: Any, tmp_path: Path) -> None:
    bench = local_bench
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a").write_bytes(b"not ours")
    scene = Path(bench.root) / "scenes" / "kitchen"
    scene.mkdir(parents=True)
    (scene / "stage1").symlink_to(outside)
    with pytest.raises(StoreError, match="symbolic link"):
        bench.commit(V1 | {"stage1/new/b": b"2"})
    assert sorted(path.name for path in outside.iterdir()) == ["a"]
    assert (outside / "a").read_bytes() == b"not ours"
    (scene / "stage1").unlink()
    record = bench.open().current("kitchen", "reconstruction")
    assert bench.open().verify("kitchen") == []
    assert bench.view() == bench.checkout(record)


def test_the_root_itself_may_be_a_link_and_be_written_in_several_ways(tmp_path: Path, local_bench: Any) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    bench = type(local_bench)(str(tmp_path / "link"), tmp_path / "s")
    record = bench.commit(V1)
    for root in (str(tmp_path / "link"), tmp_path / "real", f"file://{tmp_path}/real"):
        store = SceneStore(root)
        assert store.root == str(tmp_path / "real")
        assert store.current("kitchen", "reconstruction") == record
    assert SceneStore(tmp_path / "link").url("kitchen", "stage1/a") == f"{tmp_path}/real/scenes/kitchen/stage1/a"


def test_blobs_are_read_only_and_views_are_not(local_bench: Any) -> None:
    bench = local_bench
    bench.commit(V1)
    (blob,) = (path for path in Path(bench.root).glob("blobs/**/*") if path.is_file())
    view = Path(bench.root) / "scenes/kitchen/stage1/a"
    assert stat.S_IMODE(blob.stat().st_mode) == 0o444
    assert stat.S_IMODE(view.stat().st_mode) & 0o200
    assert blob.stat().st_ino != view.stat().st_ino


def test_a_file_that_changes_while_it_is_committed_is_refused(local_bench: Any, tmp_path: Path) -> None:
    bench = local_bench
    folder: list[Path] = []
    store = bench.open(lambda step: folder[0].write_bytes(b"two") if step == "hashed:stage1/a" else None)
    with store.staging() as staged:
        (staged / "stage1").mkdir()
        folder.append(staged / "stage1/a")
        folder[0].write_bytes(b"one")
        from io_managers.record import Provenance

        with pytest.raises(ContainmentError, match="stage1/a: changed while it was being committed"):
            store.commit(
                "kitchen",
                "reconstruction",
                staged,
                owns=("stage1/",),
                provenance=Provenance(code_version="1", backend="x"),
                started_at="",
                seconds=0,
            )
    assert bench.stored("blobs/") == {}
    assert bench.open().scenes() == []


def test_a_root_that_is_a_file_is_named(tmp_path: Path, local_bench: Any) -> None:
    (tmp_path / "root").write_text("a file")
    with pytest.raises(StoreError, match="root"):
        local_bench.commit(V1)
    assert (tmp_path / "root").read_text() == "a file"
