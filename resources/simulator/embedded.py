"""Our own simulator, started on a free loopback port for as long as somebody needs it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from . import SimulatorError

if TYPE_CHECKING:
    from blueprint_assets.contracts.task_config import RobotConfig

    from .client import SimulatorClient

START_SECONDS = 60.0
"""Importing and loading take 2 to 3 s on an idle machine."""
STOP_SECONDS = 10.0
LOG_LINES = 15


@contextmanager
def start_embedded(
    scene_usd: Path,
    scene_root: Path,
    robot: RobotConfig,
    recordings_root: Path,
    log_path: Path,
    image_size: tuple[int, int] = (256, 256),
) -> Iterator[SimulatorClient]:
    """A running simulator of one scene, stopped when the context ends. It also dies with the process that started it.

    Args:
        scene_usd: the scene, USD.
        scene_root: nothing outside this folder is read.
        robot: which robot stands where.
        recordings_root: recordings are written inside this folder only.
        log_path: what the server says goes here; errors quote its last lines.
        image_size: width, height of pictures, pixels.

    Raises:
        SimulatorError: the server does not start (a scene that cannot be simulated, say), or does not in time.
    """
    from .client import SimulatorClient

    command = [sys.executable, "-m", "resources.simulator.server", "--scene-usd", str(scene_usd.resolve())]
    command += ["--scene-root", str(scene_root.resolve()), "--robot", robot.model_dump_json()]
    command += ["--recordings-root", str(recordings_root.resolve()), "--image-size", f"{image_size[0]}x{image_size[1]}"]
    command += ["--exit-with-stdin"]
    log_path.parent.mkdir(parents=True, exist_ok=True)
    recordings_root.mkdir(parents=True, exist_ok=True)
    with log_path.open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
    try:
        ready = _wait_until_ready(process, log_path)

        def diagnose() -> str:
            try:
                code = process.wait(timeout=2.0)  # a process that dies takes a moment to be gone
            except subprocess.TimeoutExpired:
                return ""
            return f"; the simulator ended ({_ending(code)}){_tail(log_path)}"

        with SimulatorClient(f"127.0.0.1:{ready['port']}", str(ready["simulator"]), diagnose) as client:
            yield client
    finally:
        _stop(process)


def _wait_until_ready(process: subprocess.Popen[bytes], log_path: Path) -> dict[str, int | str]:
    """Waits for the line that the server prints when it can be called."""
    assert process.stdout is not None
    deadline = time.monotonic() + START_SECONDS
    received = b""
    while b"\n" not in received:
        left = deadline - time.monotonic()
        readable, _, _ = select.select([process.stdout], [], [], max(left, 0.0))
        if not readable:
            raise SimulatorError(
                f"the simulator is not ready after {START_SECONDS:g} s; its log is {log_path}{_tail(log_path)}"
            )
        chunk = os.read(process.stdout.fileno(), 4096)
        if not chunk:
            code = process.wait()
            raise SimulatorError(
                f"the simulator did not start ({_ending(code)}); its log is {log_path}{_tail(log_path)}"
            )
        received += chunk
    ready: dict[str, int | str] = json.loads(received.partition(b"\n")[0])
    return ready


def _stop(process: subprocess.Popen[bytes]) -> None:
    """The end of its standard input tells the server to stop; one that does not is killed."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


def _ending(code: int) -> str:
    if code == -signal.SIGKILL:
        return "killed by SIGKILL, by somebody or for want of memory; then run again, with more memory free"
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _tail(log_path: Path) -> str:
    """The last lines of the log, for an error message."""
    lines = log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
    return ":\n  " + "\n  ".join(lines) if lines else ""
