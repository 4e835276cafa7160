from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from io_managers.errors import CorruptArtifactError, StoreError
from io_managers.object_store import ObjectStore
from io_managers.store import SceneStore

V1 = {"stage1/a": b"one", "stage1/empty": b"", "stage1/big": bytes(9 << 20)}


def test_downloads_are_cached_and_a_damaged_cache_is_refilled(memory_bench: Any) -> None:
    bench = memory_bench
    record = bench.commit(V1)
    assert bench.checkout(record) == V1
    cached = bench.scratch / "cache" / "cache"
    for path in cached.iterdir():
        path.write_bytes(b"damaged")
    assert bench.checkout(record) == V1
    assert sorted(path.name for path in cached.iterdir()) == sorted(file.sha256 for file in record.files)
    for file in record.files:
        bench.drop(f"blobs/sha256/{file.sha256[:2]}/{file.sha256}")
    assert bench.checkout(record) == V1  # from the cache
    for path in cached.iterdir():
        path.unlink()
    with pytest.raises(CorruptArtifactError, match="no such file"):
        bench.checkout(record)
    assert list(cached.iterdir()) == []


def test_a_store_without_conditional_writes_is_refused_and_not_raced(tmp_path: Path, memory_bench: Any) -> None:
    """Only file systems whose precondition is known may hold pointers; the others say so before anything changes."""
    backend = ObjectStore(memory_bench.root, tmp_path / "cache")
    backend._protocols = ("ftp",)
    with pytest.raises(StoreError, match="no write with a precondition is known for ftp://"):
        backend.swap("scenes/kitchen/.commits/x.json", b"{}", None)
    assert memory_bench.stored() == {}


def test_an_unknown_protocol_and_a_missing_driver_are_errors(tmp_path: Path) -> None:
    with pytest.raises((StoreError, ValueError), match="nosuch"):
        SceneStore("nosuch://bucket", cache=tmp_path)


def test_a_cache_of_somebody_else_is_refused(tmp_path: Path, memory_bench: Any) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(StoreError, match="belongs to another user"):
        SceneStore(memory_bench.root, cache=tmp_path / "link")
    if os.getuid() == 0:
        os.chown(tmp_path / "real", 12345, 12345)
        with pytest.raises(StoreError, match="belongs to another user"):
            SceneStore(memory_bench.root, cache=tmp_path / "real")
