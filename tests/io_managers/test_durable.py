from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from io_managers.durable import publish, staged
from io_managers.errors import StoreBusyError, StoreError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    target = tmp_path / "made/here"
    with staged(target) as staging:
        (staging / "a").mkdir()
        (staging / "a/b").write_text("b")
        assert not target.exists()
        publish(staging, target)
        assert (target / "a/b").read_text() == "b"
    assert names(target.parent) == ["here"]


def test_what_is_not_published_is_gone(tmp_path: Path) -> None:
    with suppress(KeyError), staged(tmp_path / "x") as staging:
        (staging / "half").write_text("h")
        raise KeyError
    assert names(tmp_path) == []


def test_publishing_replaces_nothing(tmp_path: Path) -> None:
    target = tmp_path / "x"
    target.mkdir()
    (target / "old").write_text("old")
    with staged(target) as staging:
        (staging / "new").write_text("new")
        with pytest.raises(OSError, match="not empty"):
            publish(staging, target)
    assert names(target) == ["old"]
    assert names(tmp_path) == ["x"]


def test_a_second_process_is_refused_and_a_dead_one_is_cleaned_up_after(tmp_path: Path) -> None:
    target = tmp_path / "x"
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with staged(target) as staging:
            (staging / "half").write_text("h")
            os.write(writing, b"x")
            signal.pause()
    os.read(reading, 1)
    try:
        with (
            pytest.raises(StoreBusyError, match=r"/x: another process is making it; wait .* or choose"),
            staged(target),
        ):
            raise AssertionError("two at once")
        assert (tmp_path / ".x.partial/half").exists()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    with staged(target) as staging:
        assert names(staging) == []
        publish(staging, target)
    assert names(tmp_path) == ["x"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StoreError, match=r"file.*(see that this place|make the root writable)"),
        staged(tmp_path / "file/x"),
    ):
        raise AssertionError
