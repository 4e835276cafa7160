"""A picture dropped into the inbox ends as a dataset, with nothing running but Dagster's daemon."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from io_managers.store import SceneStore

ROOT = Path(__file__).resolve().parents[1]
PHOTOS = ROOT / "fixtures" / "photos"
DEADLINE = 420.0

LOCATION = """
from blueprint_assets.backends import Reconstruction, Simulation
from blueprint_assets.definitions import definitions

defs = definitions(Reconstruction(), Simulation(episodes_per_scene=1))
"""


@pytest.mark.slow
@pytest.mark.timeout(DEADLINE + 60)
def test_a_dropped_picture_ends_as_a_dataset(tmp_path: Path) -> None:
    home, inbox = tmp_path / ".dagster", tmp_path / "inbox"
    home.mkdir()
    inbox.mkdir()
    shutil.copy(ROOT / "deployments" / "local" / "dagster.yaml", home)
    location = tmp_path / "location.py"
    location.write_text(LOCATION)
    environment = {**os.environ, "DAGSTER_HOME": str(home), "BLUEPRINT_STORE": str(tmp_path)}
    log = (tmp_path / "daemon.log").open("wb")
    daemon = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "dagster._daemon", "run", "-f", str(location)],
        env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=tmp_path,
    )  # fmt: skip
    try:
        shutil.copy(PHOTOS / "shelf_mask.png", inbox / "shelf_mask.png")
        shutil.copy(PHOTOS / "shelf.png", inbox / "shelf.png")
        store = SceneStore(tmp_path)
        deadline = time.monotonic() + DEADLINE
        while (record := store.current("shelf", "lerobot_dataset")) is None:
            assert daemon.poll() is None, (tmp_path / "daemon.log").read_text()[-4000:]
            assert time.monotonic() < deadline, (tmp_path / "daemon.log").read_text()[-4000:]
            time.sleep(1.0)
    finally:
        daemon.terminate()
        daemon.wait(timeout=60)
    assert record.metadata["episodes"] == 1
    assert (tmp_path / "scenes" / "shelf" / str(record.metadata["dataset"]) / "meta" / "info.json").is_file()
