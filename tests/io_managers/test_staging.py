from __future__ import annotations

import errno
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from io_managers.errors import StoreFullError
from io_managers.staging import area, sweep


def test_an_area_is_gone_after_its_block(tmp_path: Path) -> None:
    with area(tmp_path / "base") as folder:
        (folder / "a/b").mkdir(parents=True)
        (folder / "a/b/c").write_text("x")
        assert sweep(tmp_path / "base", age=0) == 0
        assert (folder / "a/b/c").exists()
    assert list((tmp_path / "base").iterdir()) == []


def test_an_area_of_a_failed_block_is_gone_too(tmp_path: Path) -> None:
    def fail() -> None:
        with area(tmp_path) as folder:
            (folder / "x").write_text("x")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_inside_the_block_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreFullError, match=r"/some/mesh\.glb: no space left while staging"), area(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device", "/some/mesh.glb")
    with pytest.raises(FileNotFoundError), area(tmp_path):
        (tmp_path / "missing").read_text()


def test_what_a_killed_process_left_is_swept_and_the_living_are_spared(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            with area(tmp_path) as folder:
                (folder / "half").write_text("x")
                os.write(writing, b"x")
                signal.pause()
        children.append(child)
        os.read(reading, 1)
    assert sweep(tmp_path, age=0) == 0
    os.kill(children[0], signal.SIGKILL)
    os.waitpid(children[0], 0)
    assert sweep(tmp_path, age=1e9) == 1  # no age needed: the kernel knows that it is dead
    assert len(list(tmp_path.glob("*/half"))) == 1
    os.kill(children[1], signal.SIGKILL)
    os.waitpid(children[1], 0)
    assert sweep(tmp_path, age=1e9) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_nobody_is_swept_when_it_is_old(tmp_path: Path) -> None:
    folder = tmp_path / ("0" * 32)
    folder.mkdir()
    (tmp_path / "cache").mkdir()
    assert sweep(tmp_path, age=3600) == 0
    old = time.time() - 7200
    os.utime(folder, (old, old))
    os.utime(tmp_path / "cache", (old, old))
    assert sweep(tmp_path, age=3600) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
    assert sweep(tmp_path / "missing", age=0) == 0


def test_a_killed_run_is_cleaned_up_when_the_store_is_next_opened(local_bench: Any) -> None:
    bench = local_bench
    bench.commit({"stage1/a": b"1"})
    child = os.fork()
    if child == 0:
        with bench.open().staging() as folder:
            (folder / "half").write_text("x")
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert len(bench.areas()) == 2
    bench.open()
    assert bench.areas() == []
