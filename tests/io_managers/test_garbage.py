from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from io_managers.backend import blob_key
from io_managers.errors import StoreBusyError
from io_managers.store import SceneStore

V1 = {"stage1/a": b"one", "stage1/both": b"both"}
V2 = {"stage1/a": b"twotwo", "stage1/both": b"both"}


def age_blobs(bench: Any, days: float) -> None:
    then = time.time() - days * 86400
    if bench.local:
        for path in Path(bench.root).glob("blobs/**/*"):
            if path.is_file():
                os.utime(path, (then, then))
    else:
        import datetime

        import fsspec

        files, prefix = fsspec.core.url_to_fs(bench.root)
        for path in files.find(f"{prefix}/blobs"):
            files.store[path].created = datetime.datetime.fromtimestamp(then, datetime.UTC)


def test_only_what_is_unnamed_and_old_goes(bench: Any) -> None:
    first = bench.commit(V1)
    second = bench.commit(V2)
    assert bench.open().sweep().blobs == 0
    assert len(bench.stored("blobs/")) == 3
    age_blobs(bench, 2)
    report = bench.open().sweep()
    assert (report.blobs, report.bytes) == (1, 3)
    assert blob_key(first.file("stage1/a").sha256) not in bench.stored("blobs/")
    assert bench.checkout(second) == V2
    assert bench.open().sweep().blobs == 0


def test_a_replaced_commit_can_be_read_for_another_day(bench: Any) -> None:
    """A reader that has the old record may still be copying: the day starts when the commit is replaced."""
    first = bench.commit(V1)
    age_blobs(bench, 30)
    bench.commit(V2)
    assert bench.open().sweep().blobs == 0
    assert bench.checkout(first) == V1


def test_old_content_that_is_used_again_is_kept(bench: Any) -> None:
    bench.commit(V1)
    bench.commit(V2)
    age_blobs(bench, 30)
    steps: list[str] = []
    seen: list[int] = []
    sweeper = SceneStore(bench.root, cache=bench.scratch / "sweeper")

    def trace(step: str) -> None:
        steps.append(step)
        if step == "blob:stage1/a:done":  # V1's content is there, no pointer names it yet
            try:
                with sweeper._backend.guard(exclusive=True, timeout=0.05):
                    seen.append(sweeper.sweep().blobs)
            except StoreBusyError:
                seen.append(0)

    back = bench.commit(V1, trace=trace)
    assert seen == [0]
    assert not any(step.endswith(":temp") and step.startswith("blob") for step in steps)
    assert bench.checkout(back) == V1


def test_a_sweep_waits_for_a_commit(local_bench: Any) -> None:
    bench = local_bench
    bench.commit(V1)
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:

        def trace(step: str) -> None:
            if step == "blob:stage1/a:done":
                os.write(ready[1], b"x")
                os.read(go[0], 1)

        bench.commit(V2, trace=trace)
        os._exit(0)
    os.read(ready[0], 1)
    try:
        with (
            pytest.raises(StoreBusyError, match=r"\.lock"),
            SceneStore(bench.root)._backend.guard(exclusive=True, timeout=0.1),
        ):
            raise AssertionError("a sweep beside a commit")
    finally:
        os.write(go[1], b"x")
        os.waitpid(child, 0)
    bench.open().sweep(age=-1)
    assert bench.view() == V2
    assert bench.open().verify("kitchen") == []


def test_what_a_killed_commit_stored_is_swept(local_bench: Any) -> None:
    bench = local_bench
    bench.commit(V1)
    child = os.fork()
    if child == 0:

        def trace(step: str) -> None:
            if step == "pointer:temp":
                os.kill(os.getpid(), signal.SIGKILL)

        bench.commit(V2, trace=trace)
    os.waitpid(child, 0)
    assert len(bench.stored("blobs/")) == 3
    report = bench.open().sweep(age=-1)
    assert report.blobs == 1
    assert bench.checkout(bench.open().current("kitchen", "reconstruction")) == V1


def test_old_downloads_are_swept(memory_bench: Any) -> None:
    bench = memory_bench
    record = bench.commit(V1)
    bench.checkout(record)
    assert len(list((bench.scratch / "cache" / "cache").iterdir())) == 2
    assert bench.open().sweep().bytes == 0
    assert bench.open().sweep(age=-1).bytes == 7
    assert bench.checkout(record) == V1
