from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from operator import neg
from pathlib import Path

import psutil
import pytest

from blueprint_assets.dataset.workers import WorkerError, map_in_workers


def test_every_task_is_answered_once() -> None:
    assert sorted(map_in_workers(neg, [3, 1, 2], 2)) == [(0, -3), (1, -1), (2, -2)]
    assert list(map_in_workers(neg, [], 2)) == []


def test_stopping_early_ends_the_workers() -> None:
    results = map_in_workers(neg, [1, 2, 3, 4], 2)
    next(results)
    workers = [p for p in psutil.Process().children() if "spawn_main" in " ".join(p.cmdline())]
    assert len(workers) == 2
    results.close()
    assert not psutil.wait_procs(workers, timeout=10)[1]


def test_an_error_in_the_work_names_the_task() -> None:
    with pytest.raises(WorkerError, match=r"(?s)task two: .*TypeError"):
        list(map_in_workers(neg, ["two"], 1, lambda task: f"task {task}"))


def test_a_killed_worker_is_noticed_at_once() -> None:
    began = time.monotonic()
    with pytest.raises(WorkerError, match="killed by SIGKILL"):
        list(map_in_workers(_kill_me, [signal.SIGKILL], 2))
    assert time.monotonic() - began < 20


_kill_me = signal.raise_signal  # a builtin, so that a fresh process finds it

OWNER = """
import sys, time
from blueprint_assets.dataset.workers import map_in_workers
for _ in map_in_workers(time.sleep, [0.0, 0.0, 3.0, 3.0], 2):
    print("working", flush=True)
"""


def test_workers_of_a_killed_owner_leave(tmp_path: Path) -> None:
    script = tmp_path / "owner.py"
    script.write_text('if __name__ == "__main__":\n' + "".join(f"    {line}\n" for line in OWNER.strip().splitlines()))
    owner = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert owner.stdout is not None
    assert [owner.stdout.readline() for _ in range(2)] == ["working\n"] * 2
    workers = [p for p in psutil.Process(owner.pid).children() if "spawn_main" in " ".join(p.cmdline())]
    assert len(workers) == 2
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    assert not psutil.wait_procs(workers, timeout=20)[1]
