"""Threads keep the scheduling policy they had, whatever a library asks of the kernel."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TASKS = Path("/proc/self/task")


@contextmanager
def same_scheduling() -> Iterator[None]:
    """The calling thread, and threads made within the block, have the caller's scheduling policy after it.

    SVT-AV1, opened by root, makes the thread that opens it and all of its own real-time (SCHED_FIFO at the highest
    priority; measured with 3.0). Processes started later inherit that, and two of them on two cores leave nothing to
    others: servers do not answer, and what waits for them waits for good. Does nothing outside Linux.
    """
    if not TASKS.is_dir():
        yield
        return
    policy, priority, known = os.sched_getscheduler(0), os.sched_getparam(0), _threads()
    try:
        yield
    finally:
        for thread in {0} | (_threads() - known):
            with suppress(ProcessLookupError):  # it ended meanwhile
                if os.sched_getscheduler(thread) != policy:
                    os.sched_setscheduler(thread, policy, priority)


def _threads() -> set[int]:
    return {int(task.name) for task in TASKS.iterdir()}
