"""Kept work: found again after a kill, held by one process at a time, gone when nobody needs it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from io_managers.errors import StoreError
from io_managers.keep import discard, keep, kept_work, sweep_kept, take, workshop


class StopError(Exception):
    pass


def kept_names(scratch: Path) -> list[str]:
    base = scratch / "kept"
    return sorted(path.name for path in base.iterdir()) if base.exists() else []


def make(kept: Path, item: str, text: str = "x") -> None:
    with workshop(kept) as place:
        (place / "made").mkdir()
        (place / "made/file").write_text(text)
        keep(place / "made", kept / item)


def interrupted(scratch: Path, fingerprint: str = "f1", *items: str, asset: str = "episodes") -> None:
    with suppress(StopError), kept_work(scratch, f"kitchen.{asset}", fingerprint) as kept:
        for item in items:
            make(kept, item, item)
        raise StopError


def fork(work: Callable[[], object]) -> int:
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(1)
    return child


def test_finished_items_are_found_again_and_gone_after_the_end(tmp_path: Path) -> None:
    interrupted(tmp_path, "f1", "units/a", "units/b")
    with kept_work(tmp_path, "kitchen.episodes", "f1") as kept:
        assert sorted(p.name for p in (kept / "units").iterdir()) == ["a", "b"]
        assert (kept / "units/a/file").read_text() == "units/a"
        make(kept, "units/c")
    assert kept_names(tmp_path) == []
    assert [p.name for p in tmp_path.iterdir()] == ["kept"]


def test_nothing_finished_leaves_nothing(tmp_path: Path) -> None:
    with suppress(StopError), kept_work(tmp_path, "kitchen.episodes", "f") as kept, workshop(kept) as place:
        (place / "half").write_text("h")
        raise StopError
    assert kept_names(tmp_path) == []


def test_other_inputs_find_nothing_and_other_assets_are_left_alone(tmp_path: Path) -> None:
    interrupted(tmp_path, "f1", "units/a")
    interrupted(tmp_path, "f1", "attempts/0", asset="geniesim_job")
    with suppress(StopError), kept_work(tmp_path, "kitchen.episodes", "f2") as kept:
        assert not (kept / "units").exists()
        raise StopError
    assert kept_names(tmp_path) == ["kitchen.geniesim_job.f1", "kitchen.geniesim_job.lock"]


def test_a_killed_process_leaves_what_it_had_finished(tmp_path: Path) -> None:
    def victim() -> None:
        with kept_work(tmp_path, "kitchen.episodes", "f1") as kept:
            make(kept, "units/a")
            with workshop(kept) as place:
                (place / "half").write_text("h")
                os.kill(os.getpid(), signal.SIGKILL)

    os.waitpid(fork(victim), 0)
    with suppress(StopError), kept_work(tmp_path, "kitchen.episodes", "f1") as kept:
        assert [p.relative_to(kept).as_posix() for p in sorted(kept.rglob("*"))] == ["units", "units/a", "units/a/file"]
        raise StopError


def test_a_second_process_waits_and_is_told(tmp_path: Path) -> None:
    ready, go = os.pipe(), os.pipe()

    def holder() -> None:
        with suppress(StopError), kept_work(tmp_path, "kitchen.episodes", "f1") as kept:
            make(kept, "units/a")
            os.write(ready[1], b"x")
            os.read(go[0], 1)
            raise StopError
        os._exit(0)

    child = fork(holder)
    os.read(ready[0], 1)
    told: list[str] = []

    def waiting() -> None:
        told.append("waiting")
        assert sweep_kept(tmp_path, age=-1) == 0  # the living are spared
        os.write(go[1], b"x")

    with kept_work(tmp_path, "kitchen.episodes", "f1", waiting) as kept:
        assert (kept / "units/a/file").exists()
    assert told == ["waiting"]
    assert os.waitpid(child, 0)[1] == 0
    with kept_work(tmp_path, "kitchen.episodes", "f1", waiting):
        pass
    assert told == ["waiting"]


def test_many_at_once_are_one_after_the_other(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work(who: int) -> None:
        for _ in range(10):
            with kept_work(tmp_path, "kitchen.episodes", f"f{who % 2}") as kept:
                inside.append(who)
                most.append(len(inside))
                make(kept, "units/a")
                inside.remove(who)

    threads = [threading.Thread(target=work, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(most) == 40
    assert max(most) == 1
    assert kept_names(tmp_path) == []


def test_the_old_are_swept(tmp_path: Path) -> None:
    interrupted(tmp_path, "f1", "units/a")
    assert sweep_kept(tmp_path, age=3600) == 0
    then = time.time() - 7200
    for path in [tmp_path / "kept/kitchen.episodes.f1", *(tmp_path / "kept/kitchen.episodes.f1").rglob("*")]:
        os.utime(path, (then, then))
    interrupted(tmp_path, "f1", "units/b")  # somebody went on: it counts from then
    assert sweep_kept(tmp_path, age=3600) == 0
    for path in [tmp_path / "kept/kitchen.episodes.f1", *(tmp_path / "kept/kitchen.episodes.f1").rglob("*")]:
        os.utime(path, (then, then))
    assert sweep_kept(tmp_path, age=3600) == 1
    assert kept_names(tmp_path) == []

    assert sweep_kept(tmp_path / "nothing", age=0) == 0


def test_the_first_to_finish_an_item_wins(tmp_path: Path) -> None:
    """A worker whose owner was killed ends its task beside the next run's worker."""
    make(tmp_path, "units/a", "first")
    make(tmp_path, "units/a", "second")
    assert (tmp_path / "units/a/file").read_text() == "first"
    assert list((tmp_path / ".making").iterdir()) == []
    discard(tmp_path, tmp_path / "units/a")
    make(tmp_path, "units/a", "third")
    assert (tmp_path / "units/a/file").read_text() == "third"


def test_an_orphan_whose_folder_is_gone_writes_nowhere(tmp_path: Path) -> None:
    with kept_work(tmp_path, "kitchen.episodes", "f1") as kept:
        orphan = workshop(kept)
        place = orphan.__enter__()
        (place / "half").write_text("h")
    with pytest.raises(FileNotFoundError):
        (place / "more").write_text("m")
    assert kept_names(tmp_path) == []


@pytest.mark.parametrize("links", [True, False])
def test_taking_links_or_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    make(tmp_path, "units/a", "content")
    (tmp_path / "units/a/below").mkdir()
    (tmp_path / "units/a/below/more").write_text("more")
    if not links:

        def refuse(*arguments: Any, **options: Any) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", refuse)
    take(tmp_path / "units/a", tmp_path / "out/a")
    assert (tmp_path / "out/a/below/more").read_text() == "more"
    same = (tmp_path / "out/a/file").stat().st_ino == (tmp_path / "units/a/file").stat().st_ino
    assert same is links
    if links:
        with pytest.raises(FileExistsError):
            take(tmp_path / "units/a", tmp_path / "out/a")


@settings(deadline=None, max_examples=25)
@given(st.lists(st.sampled_from(["make a", "make b", "stop", "kill", "end", "other"]), max_size=8))
def test_what_is_kept_is_what_was_finished_since_the_last_end(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    scratch = tmp_path_factory.mktemp("kept")
    expected: set[str] = set()
    for step in steps:
        fingerprint = "f2" if step == "other" else "f1"
        if step == "kill":

            def victim() -> None:
                with kept_work(scratch, "kitchen.episodes", "f1") as kept:
                    make(kept, "units/k")
                    os.kill(os.getpid(), signal.SIGKILL)

            os.waitpid(fork(victim), 0)
            expected.add("k")
            continue
        try:
            with kept_work(scratch, "kitchen.episodes", fingerprint) as kept:
                found = {p.name for p in (kept / "units").glob("*")}
                assert found == (set() if step == "other" else expected)
                if step.startswith("make"):
                    make(kept, f"units/{step[-1]}")
                    expected.add(step[-1])
                if step != "end":
                    raise StopError
                expected = set()
        except StopError:
            pass
        if step == "other":
            expected = set()


def test_a_store_keeps_its_own(bench: Any) -> None:
    with suppress(StopError), bench.open().kept("kitchen", "episodes", "f") as kept:
        make(kept, "units/a")
        raise StopError
    other = type(bench)(f"{bench.root}-other", bench.scratch)
    with other.open().kept("kitchen", "episodes", "f2") as kept:
        assert not (kept / "units").exists()
    with suppress(StopError), bench.open().kept("kitchen", "episodes", "f") as kept:
        assert (kept / "units/a/file").exists()
        raise StopError
    assert bench.open().sweep().areas == 0
    assert bench.open().sweep(kept_age=-1).areas == 1
    with pytest.raises(StoreError, match="scene id"):
        bench.open().kept("../kitchen", "episodes", "f")
