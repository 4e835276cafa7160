"""The commit protocol under SIGKILL, full disks and rivals: always the old or the new artifact, whole."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from io_managers import object_store
from io_managers.errors import CommitConflictError, StoreBusyError, StoreError, StoreFullError
from io_managers.store import SceneStore

BIG = bytes(range(256)) * 5_000  # 1.28 MB: two chunks, so that a kill can fall into the middle of a file
V1 = {
    "stage1/scene_info.json": b"one",
    "stage1/camera.json": b"the same in both",
    "stage1/objects/cup/mesh.glb": BIG,
    "stage1/objects/cup/pose.json": b"p1",
    "stage1/objects/old/mesh.glb": b"gone in v2",
    "stage1/turns": b"a file that becomes a folder",
}
V2 = {
    "stage1/scene_info.json": b"two",
    "stage1/camera.json": b"the same in both",
    "stage1/objects/cup/mesh.glb": BIG[::-1],
    "stage1/objects/cup/pose.json": b"p2",
    "stage1/objects/new/mesh.glb": b"new",
    "stage1/objects/new/bounds.json": b"b2",
    "stage1/turns/into/a folder": b"t",
    "stage1/.hidden": b"h",
}
V3 = {"stage1/scene_info.json": b"three", "stage1/objects/third/mesh.glb": b"3", "stage1/turns": b"back"}
FOREIGN = {"layout/a.json": b"another asset's", "stage1/notes of mine": b"a person's"}
LEAVE = 77


def prepare(bench: Any) -> None:
    bench.commit({"layout/a.json": FOREIGN["layout/a.json"]}, asset="scene_layout", owns=("layout/",))
    bench.commit(V1, code_version="1")
    bench.put("scenes/kitchen/stage1/notes of mine", FOREIGN["stage1/notes of mine"])


def fork(work: Callable[[], object]) -> int:
    """Runs `work` in a copy of this process, so that killing it costs no interpreter start."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except StoreError:
            status = LEAVE
        finally:
            os._exit(status)
    return child


def suicide(at: int) -> Callable[[str], None]:
    seen = 0

    def trace(step: str) -> None:
        nonlocal seen
        seen += 1
        if seen == at:
            os.kill(os.getpid(), signal.SIGKILL)

    return trace


def killed(child: int) -> bool:
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def steps_of(bench: Any, work: Callable[[Callable[[str], None]], object]) -> list[str]:
    steps: list[str] = []
    work(steps.append)
    return steps


def assert_whole(bench: Any, *versions: dict[str, bytes]) -> int:
    """What is current is one of `versions`, in the blobs, and, once the store was opened, in the view; which one."""
    store = bench.open()
    record = store.current("kitchen", "reconstruction")
    assert record is not None
    content = bench.checkout(record)
    assert content in versions
    assert bench.view() == content | FOREIGN
    assert store.verify("kitchen") == []
    assert store.repair("kitchen") == []
    assert bench.areas() == []
    return versions.index(content)


def test_sigkill_at_every_step_leaves_the_old_or_the_new_whole(tmp_path: Path, local_bench: Any) -> None:
    Bench = type(local_bench)
    reference = Bench(str(tmp_path / "reference"), tmp_path / "s")
    prepare(reference)
    steps = steps_of(reference, lambda trace: reference.commit(V2, code_version="2", trace=trace))
    phases = {step.split(":")[0] for step in steps}
    assert {"staging", "written", "staged", "hashed", "blob", "view", "pointer", "cleanup"} <= phases
    assert any(step.endswith(":part") for step in steps)
    assert any(step.endswith(":removed") for step in steps)
    assert len(steps) >= 40
    swap = steps.index("pointer:swapped") + 1
    for at in range(1, len(steps) + 1):
        bench = Bench(str(tmp_path / f"root{at}"), tmp_path / f"scratch{at}")
        prepare(bench)
        trace = suicide(at)
        assert killed(fork(lambda bench=bench, trace=trace: bench.commit(V2, code_version="2", trace=trace)))
        assert assert_whole(bench, V1, V2) == (0 if at < swap else 1), steps[at - 1]
        bench.commit(V2, code_version="2")
        assert assert_whole(bench, V1, V2) == 1
        bench.open().sweep(age=-1)
        kept = {key.rpartition("/")[2] for key in bench.stored("blobs/")}
        named = {
            file.sha256
            for asset in ("reconstruction", "scene_layout")
            for file in bench.open().current("kitchen", asset).files
        }
        assert kept == named
        assert assert_whole(bench, V2) == 0
        bench.remove()


def test_sigkill_at_any_instant(tmp_path: Path, local_bench: Any) -> None:
    Bench = type(local_bench)
    bench = Bench(str(tmp_path / "timed"), tmp_path / "s")
    prepare(bench)
    started = time.perf_counter()
    bench.commit(V2, code_version="2")
    duration = time.perf_counter() - started
    versions = (V2, V3)
    for shot in range(16):
        target = versions[(shot + 1) % 2]
        child = fork(lambda target=target: bench.commit(target, code_version="k"))
        time.sleep(duration * 1.2 * shot / 15)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert_whole(bench, V1, V2, V3)
        bench.commit(versions[shot % 2], code_version="k")
        assert_whole(bench, versions[shot % 2])


def test_sigkill_while_a_killed_refresh_is_finished(tmp_path: Path, local_bench: Any) -> None:
    Bench = type(local_bench)
    reference = Bench(str(tmp_path / "reference"), tmp_path / "s")

    def unfinished(bench: Any, after: str) -> None:
        prepare(bench)
        steps = steps_of(bench, lambda trace: bench.commit(V1, code_version="1", trace=trace))
        assert not any(step.startswith("blob") for step in steps)

        def trace(step: str) -> None:
            if step == after:
                os.kill(os.getpid(), signal.SIGKILL)

        assert killed(fork(lambda: bench.commit(V2, code_version="2", trace=trace)))

    for after in ("pointer:swapped", "view:stage1/objects/cup/mesh.glb"):
        root = Bench(f"{reference.root}-{after.rpartition('/')[2]}", tmp_path / "s")
        unfinished(root, after)
        steps = steps_of(root, lambda trace, root=root: root.open(trace).current("kitchen", "reconstruction"))
        assert steps[-1] == "view:done"
        assert_whole(root, V2)
        for at in range(1, len(steps) + 1):
            bench = Bench(f"{root.root}-{at}", tmp_path / f"{at}")
            unfinished(bench, after)
            assert killed(fork(lambda bench=bench, at=at: bench.open(suicide(at)).current("kitchen", "reconstruction")))
            # A commit of something else, killed on top of it; then the readers come.
            killed(fork(lambda bench=bench, at=at: bench.commit(V3, code_version="3", trace=suicide(3 * at))))
            assert_whole(bench, V2, V3)
            bench.commit(V3, code_version="3")
            assert_whole(bench, V3)
            bench.remove()


def test_a_view_that_cannot_be_finished_does_not_stop_the_next_commit(bench: Any) -> None:
    prepare(bench)
    record = bench.open().current("kitchen", "reconstruction")
    bench.drop("scenes/kitchen/.commits/reconstruction.view")
    bench.drop(f"blobs/sha256/{record.files[0].sha256[:2]}/{record.files[0].sha256}")
    bench.commit(V3, code_version="3")
    assert_whole(bench, V3)


class _Killed(BaseException):
    pass


def test_a_writer_that_stops_for_good_on_an_object_store(
    tmp_path: Path, memory_bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No other process can see memory://, so the victim is a thread that never comes back from a step."""
    Bench = type(memory_bench)
    reference = Bench(f"{memory_bench.root}/reference", tmp_path / "s")
    prepare(reference)
    steps = steps_of(reference, lambda trace: reference.commit(V2, code_version="2", trace=trace))
    swap = steps.index("pointer:swapped") + 1
    assert len(steps) >= 30
    for at in range(1, len(steps) + 1):
        bench = Bench(f"{memory_bench.root}/{at}", tmp_path / f"s{at}")
        prepare(bench)
        stopped, end = threading.Event(), threading.Event()
        seen: list[str] = []

        def trace(step: str, at: int = at, seen: Any = seen, stopped: Any = stopped, end: Any = end) -> None:
            seen.append(step)
            if len(seen) == at:
                stopped.set()
                end.wait()
                raise _Killed

        def victim(bench: Any = bench, trace: Any = trace) -> None:
            with pytest.raises(_Killed):
                bench.commit(V2, code_version="2", trace=trace)

        thread = threading.Thread(target=victim, daemon=True)
        thread.start()
        assert stopped.wait(30)
        monkeypatch.setattr(object_store, "_locks", defaultdict(threading.Lock))  # another process has its own
        other = Bench(bench.root, tmp_path / f"other{at}")
        assert assert_whole(other, V1, V2) == (0 if at < swap else 1), steps[at - 1]
        other.commit(V2, code_version="2")
        assert assert_whole(other, V2) == 0
        end.set()
        thread.join(30)
        assert not thread.is_alive()


@pytest.mark.parametrize(("number", "kind"), [(errno.ENOSPC, StoreFullError), (errno.EROFS, StoreError)])
def test_an_error_at_every_step_is_named_and_changes_nothing(
    tmp_path: Path, bench: Any, number: int, kind: type[StoreError]
) -> None:
    Bench = type(bench)
    reference = Bench(f"{bench.root}/reference", tmp_path / "s")
    prepare(reference)
    # The first steps are the test's own writing of the staged files.
    own = steps_of(reference, lambda trace: reference.commit(V2, code_version="2", trace=trace))
    first = own.index("staged") + 1
    swap = own.index("pointer:swapped") + 1
    for at in range(first, len(own) + 1, 1 if number == errno.ENOSPC else 5):
        case = Bench(f"{bench.root}/{at}", tmp_path / f"s{at}")
        prepare(case)
        before = case.stored("blobs/")
        seen: list[str] = []

        def trace(step: str, at: int = at, seen: Any = seen) -> None:
            seen.append(step)
            if len(seen) == at:
                raise OSError(number, os.strerror(number), "/the/path")

        with pytest.raises(kind, match=r"/the/path: .*(free space|writable)") as caught:
            case.commit(V2, code_version="2", trace=trace)
        assert ("was made" in str(caught.value)) == (at >= swap), own[at - 1]
        if at < swap and case.local:  # elsewhere nobody can know that no other machine found them useful
            assert case.stored("blobs/") == before
        assert assert_whole(case, V1, V2) == (0 if at < swap else 1)


def test_a_disk_that_is_really_full_or_read_only(tmp_path: Path, local_bench: Any) -> None:
    """On a file system of 4 MB of its own, in a mount namespace of its own."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    newns, newuser, read_only, remount, private = 0x20000, 0x10000000, 1, 32, 0x40000 | 0x4000
    base = tmp_path / "small"
    base.mkdir()
    bench = type(local_bench)(str(base / "root"), tmp_path / "s")
    refused = 78

    def inside() -> None:
        if libc.unshare(newns if os.getuid() == 0 else newns | newuser):
            os._exit(refused)
        libc.mount(b"none", b"/", None, private, None)
        if libc.mount(b"tmpfs", str(base).encode(), b"tmpfs", 0, b"size=4m"):
            os._exit(refused)
        small = {"stage1/a": b"1" * 100_000, "stage1/b": b"2"}
        old = bench.commit(small)
        stored = bench.stored()
        # 1.5 MB: fits once (the staged file) and twice (the blob), and not a third time (the view).
        # 3 MB: does not fit as a blob. 5 MB: does not even fit into the staging area.
        for size in (1_500_000, 3_000_000, 5_000_000):
            with pytest.raises(StoreFullError, match=r"no space left.*free space"):
                bench.commit({"stage1/a": bytes(size), "stage1/c": b"3"})
            assert bench.stored() == stored
            assert bench.areas() == []
            assert bench.checkout(old) == small
        new = bench.commit({"stage1/a": b"4" * 100_000})
        assert libc.mount(b"none", str(base).encode(), None, read_only | remount, None) == 0
        assert bench.checkout(bench.open().current("kitchen", "reconstruction")) == {"stage1/a": b"4" * 100_000}
        assert new.commit_id != old.commit_id
        with pytest.raises(StoreError, match=r"Read-only file system.*make the root writable"):
            bench.commit(small)
        os._exit(0)

    child = os.fork()
    if child == 0:
        try:
            inside()
        except BaseException:
            import traceback

            traceback.print_exc()
        os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WEXITSTATUS(status) == refused:
        # ENOSPC and EROFS are injected at every step elsewhere in this file; this is the same on a real file system.
        pytest.skip("this machine lets nobody mount a file system of his own")
    assert os.WEXITSTATUS(status) == 0


def test_rivals_for_one_asset_and_a_reader(local_bench: Any) -> None:
    """Two processes commit the same asset again and again; whatever a reader finds is one of their artifacts, whole."""
    bench = local_bench
    rivals = [{f"stage1/{n}": bytes([who]) * 5000 for n in range(who + 2)} for who in range(2)]
    bench.commit(rivals[0], code_version="0")

    def write(who: int) -> None:
        for turn in range(15):
            bench.commit(rivals[who], code_version=f"{who} {turn}")

    children = [fork(lambda who=who: write(who)) for who in range(2)]
    seen = 0
    while children:
        record = bench.open().current("kitchen", "reconstruction")
        assert bench.checkout(record) in rivals
        seen += 1
        for child in list(children):
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                assert os.WEXITSTATUS(status) == 0
                children.remove(child)
    assert seen > 2
    assert bench.open().verify("kitchen") == []
    assert bench.view() in rivals


def test_expected_commits_lose_no_update(local_bench: Any) -> None:
    """Three processes count upwards in one file; with `expected` no count is lost."""
    bench = local_bench
    bench.commit({"stage1/count": b"0"}, code_version="start")

    def count(who: int) -> None:
        won = 0
        while won < 5:
            store = bench.open()
            record = store.current("kitchen", "reconstruction")
            value = int(store.read(record, "stage1/count")) + 1
            try:
                bench.commit({"stage1/count": b"%d" % value}, code_version=f"{who} {value}", expected=record.commit_id)
                won += 1
            except CommitConflictError:
                continue

    for child in [fork(lambda who=who: count(who)) for who in range(3)]:
        assert not killed(child)
    assert bench.view() == {"stage1/count": b"15"}


def test_threads_commit_different_assets_at_once(bench: Any) -> None:
    failures: list[BaseException] = []

    def write(who: int) -> None:
        try:
            for turn in range(6):
                bench.commit({f"part{who}/x": b"%d" % turn}, asset=f"asset{who}", owns=(f"part{who}/",))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(who,)) for who in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert bench.view() == {f"part{who}/x": b"5" for who in range(3)}
    assert bench.open().verify("kitchen") == []


def test_a_pointer_that_moved_is_read_again(memory_bench: Any) -> None:
    """Another machine, which shares no lock with us, commits between our look at the pointer and our swap."""
    bench = memory_bench
    bench.commit(V1, code_version="1")
    rival: list[Any] = []

    def trace(step: str) -> None:
        if step == "pointer:temp" and not rival:
            object_store._locks.clear()
            rival.append(bench.commit(V3, code_version="3"))

    record = bench.commit(V2, code_version="2", trace=trace)
    assert bench.open().current("kitchen", "reconstruction") == record
    assert bench.view() == V2
    rival.clear()
    with pytest.raises(CommitConflictError, match="replaced by somebody else"):
        bench.commit(V1, code_version="1", trace=trace, expected=record.commit_id)
    assert bench.checkout(rival[0]) == V3


def test_a_lock_held_too_long_is_named(local_bench: Any) -> None:
    bench = local_bench
    bench.commit(V3)
    ready, go = os.pipe(), os.pipe()

    def hold() -> None:
        def trace(step: str) -> None:
            if step == "pointer:temp":
                os.write(ready[1], b"x")
                os.read(go[0], 1)

        bench.commit(V1, code_version="held", trace=trace)

    child = fork(hold)
    os.read(ready[0], 1)
    backend = SceneStore(bench.root)._backend
    try:
        with (
            pytest.raises(StoreBusyError, match=r"reconstruction\.lock: held by another process"),
            backend.lock("kitchen", "reconstruction", timeout=0.1),
        ):
            raise AssertionError("two holders of one lock")
        # Readers do not wait for it.
        assert bench.checkout(bench.open().current("kitchen", "reconstruction")) == V3
    finally:
        os.write(go[1], b"x")
        assert not killed(child)
    assert bench.view() == V1
