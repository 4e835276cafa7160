from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from blueprint_assets.dataset.scheduling import TASKS, same_scheduling
from blueprint_assets.dataset.video import AV1, VideoEncoder
from fixtures.synthetic_episodes import arm, images

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="scheduling policies are set through Linux's calls")
may_be_real_time = pytest.mark.skipif(
    sys.platform == "linux" and os.geteuid() != 0, reason="only root may make a thread real-time"
)


def policies() -> dict[int, int]:
    return {int(task.name): os.sched_getscheduler(int(task.name)) for task in TASKS.iterdir()}


@may_be_real_time
def test_an_open_av1_encoder_leaves_no_thread_real_time(tmp_path: Path) -> None:
    before = policies()
    with VideoEncoder(tmp_path / "a.mp4", 64, 64, 20, AV1) as encoder:
        for image in images(arm(3, 0)[0], 0):
            encoder.write(image)
            now = policies()
            assert set(now) > set(before), "the encoder has threads of its own"
            assert {now[thread] for thread in set(now) - set(before)} == {os.SCHED_OTHER}
            assert os.sched_getscheduler(0) == os.SCHED_OTHER


@may_be_real_time
def test_the_callers_policy_and_the_one_it_gave_its_threads_come_back() -> None:
    highest = os.sched_param(os.sched_get_priority_max(os.SCHED_FIFO))
    done = threading.Event()
    with same_scheduling():
        os.sched_setscheduler(0, os.SCHED_FIFO, highest)
        thread = threading.Thread(target=done.wait)  # inherits it
        thread.start()
        changed = policies()
    now = policies()
    done.set()
    thread.join()
    assert changed[thread.native_id or 0] == os.SCHED_FIFO
    assert now[thread.native_id or 0] == os.SCHED_OTHER
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
