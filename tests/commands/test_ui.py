from __future__ import annotations

import subprocess
import sys
import time

import pytest

from blueprint_assets.commands.ui import check_port, end, first_to_end

WAITS = [sys.executable, "-c", "import sys; sys.stdin.read()"]


def test_the_first_to_end_is_told_and_the_others_are_ended() -> None:
    fails = [sys.executable, "-c", "raise SystemExit(3)"]
    processes = {
        "waits": subprocess.Popen(WAITS, stdin=subprocess.PIPE),
        "fails": subprocess.Popen(fails, stdin=subprocess.PIPE),
    }
    assert first_to_end(processes) == ("fails", 3)
    assert processes["waits"].poll() is None
    began = time.monotonic()
    end(processes.values())
    assert time.monotonic() - began < 20
    assert all(process.poll() is not None for process in processes.values())


@pytest.mark.parametrize("port", [-1, 0, 65536])
def test_a_number_that_is_no_port(port: int) -> None:
    with pytest.raises(ValueError, match=rf"--port {port}: a port is a number from 1 to 65535"):
        check_port(port, "--port")
