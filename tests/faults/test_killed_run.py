"""A run that is killed: what was committed stays, nothing half-made shows, and the next run goes on where it stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from io_managers.store import SceneStore

PHOTO = Path(__file__).resolve().parents[2] / "fixtures" / "photos" / "shelf.png"
COMMAND = [
    sys.executable,
    "-m",
    "blueprint_assets.cli",
    "run",
    str(PHOTO),
    "--mask",
    str(PHOTO.with_name("shelf_mask.png")),
]
DEADLINE = 240.0


def committed(root: Path) -> list[str]:
    return SceneStore(root).assets("shelf") if root.exists() else []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_so_once(number: signal.Signals, tmp_path: Path) -> None:
    root = tmp_path / "store"
    process = subprocess.Popen(
        [*COMMAND, "--root", str(root), "--episodes", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    for line in process.stderr:  # ends with the process
        if line.startswith("source"):
            break
    os.killpg(process.pid, number)  # as a terminal does: to the command and whatever it started
    out, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.splitlines()[-1] == "blueprint: interrupted; what was committed stays"
    assert "Traceback" not in said
    (line,) = out.splitlines()
    assert json.loads(line)["success"] is False
    store = SceneStore(root)
    assert store.verify("shelf") == []
    assert "simready_assets" not in store.assets("shelf")


@pytest.mark.parametrize("after", ["reconstruction", "geniesim_export"])
def test_a_killed_run_loses_nothing_and_is_gone_on_with(after: str, tmp_path: Path) -> None:
    root = tmp_path / "store"
    arguments = ["--root", str(root), "--episodes", "1", "--json"]
    process = subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + DEADLINE
    while after not in committed(root):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()

    store = SceneStore(root)
    kept = {asset: store.current("shelf", asset) for asset in store.assets("shelf")}
    assert after in kept
    assert "lerobot_dataset" not in kept
    assert store.verify("shelf") == []

    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    summary = json.loads(done.stdout.splitlines()[-1])
    assert Path(summary["dataset"]).is_dir()
    for asset, record in kept.items():
        assert store.current("shelf", asset) == record
    assert store.verify("shelf") == []
