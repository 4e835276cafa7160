"""The whole way on the photograph in fixtures/photos: seconds, and the peak memory of the run and all its processes.

    python tests/benchmarks/demo_run.py [--episodes 10] [--root FOLDER]

Prints one JSON object; exit code 1 when the run fails or a figure misses its limit (180 s, 3 GiB, on two cores).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

PHOTO = Path(__file__).resolve().parents[2] / "fixtures" / "photos" / "shelf.png"
SECONDS_LIMIT, MEMORY_LIMIT_GIB = 180.0, 3.0
SAMPLE_SECONDS = 0.2


def tree_memory(process: psutil.Process) -> int:
    """Bytes that a process and everything below it hold: proportional set size, so that shared pages count once."""
    total = 0
    for each in (process, *process.children(recursive=True)):
        try:
            total += each.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total


def measure(root: Path, episodes: int) -> dict[str, Any]:
    """Runs the command line and watches it."""
    command = [
        sys.executable, "-m", "blueprint_assets.cli", "run", str(PHOTO), "--mask", str(PHOTO.with_name("shelf_mask.png")),
        "--root", str(root), "--episodes", str(episodes), "--json",
    ]  # fmt: skip
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    watched = psutil.Process(process.pid)
    peak, done = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(SAMPLE_SECONDS):
            try:
                peak = max(peak, tree_memory(watched))
            except psutil.NoSuchProcess:
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    output, _ = process.communicate()
    seconds = time.monotonic() - began
    done.set()
    watcher.join()
    summary = json.loads(output.splitlines()[-1])
    return {
        "benchmark": "demo_run",
        "seconds": round(seconds, 1),
        "seconds_limit": SECONDS_LIMIT,
        "peak_memory_gib": round(peak / 2**30, 2),
        "peak_memory_limit_gib": MEMORY_LIMIT_GIB,
        "episodes": summary["episodes"],
        "checks": summary["checks"],
        "seconds_by_asset": summary["seconds"],
        "exit_code": process.returncode,
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
    }


def main() -> int:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--episodes", type=int, default=10, help="successful episodes to record")
    parser.add_argument("--root", type=Path, help="where to; a temporary folder if left out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(options.root or Path(folder) / "store", options.episodes)
    print(json.dumps(figures))
    met = figures["seconds"] <= SECONDS_LIMIT and figures["peak_memory_gib"] <= MEMORY_LIMIT_GIB
    return 0 if met and figures["exit_code"] == 0 else 1


if __name__ == "__main__":
    raise SystemExit(main())
