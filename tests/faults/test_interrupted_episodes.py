"""`blueprint run` interrupted again and again while it simulates and encodes: each time it goes on where it was, and the dataset
at the end is that of a run that nobody disturbed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fixtures.kill_points import tree
from io_managers.store import SceneStore

PHOTO = Path(__file__).resolve().parents[2] / "fixtures" / "photos" / "shelf.png"
MASK = PHOTO.with_name("shelf_mask.png")
EPISODES = 3
DEADLINE = 900.0


def start(root: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "blueprint_assets.cli", "run", str(PHOTO), "--mask", str(MASK)]
    return subprocess.Popen(
        [*command, "--root", str(root), "--episodes", str(EPISODES), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def interrupted(root: Path, at: str, number: signal.Signals) -> list[str]:
    """Runs until a line of the display matches `at`, then signals the whole process group; the lines until then."""
    process = start(root)
    said = []
    assert process.stderr is not None
    for line in process.stderr:
        said.append(line)
        if re.match(at, line.strip()):
            os.killpg(process.pid, number)
            break
    _, rest = process.communicate(timeout=60)
    assert process.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 130), "".join(said) + rest
    store = SceneStore(root)
    assert store.verify("shelf") == []
    return said


def finished(root: Path) -> tuple[list[str], Path]:
    """Runs to the end; the display's lines and the dataset."""
    process = start(root)
    out, said = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0, said[-3000:]
    return said.splitlines(), Path(json.loads(out.splitlines()[-1])["dataset"])


def taken_over(lines: list[str], asset: str) -> int:
    """How many the last line of the asset's progress says."""
    told = [line for line in lines if line.strip().startswith(f"{asset}: ")]
    found = re.search(r"(\d+) taken over from an interrupted run", told[-1])
    return int(found[1]) if found else 0


def episodes_of(dataset: Path) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    """Every column of the episodes' provenance, and every other file. A run's name is over the export's time: left out."""
    import pyarrow.parquet as pq

    files = tree(dataset)
    tables = {"meta/provenance/file-000.parquet", "meta/episodes/chunk-000/file-000.parquet"}
    sums = files.pop("SHA256SUMS").decode().splitlines()
    files["SHA256SUMS"] = "\n".join(line for line in sums if line.split(maxsplit=1)[1] not in tables).encode()
    rows: list[dict[str, Any]] = []
    for name in sorted(tables):
        for row in pq.read_table(dataset / name).to_pylist():
            run_id = row.pop("run_id")
            rows.append({key: value.replace(run_id, "") if key == "document" else value for key, value in row.items()})
    return rows, {name: data for name, data in files.items() if name not in tables}


@pytest.mark.slow
@pytest.mark.timeout(3 * DEADLINE)
def test_interrupted_again_and_again(tmp_path: Path) -> None:
    root = tmp_path / "store"
    interrupted(root, rf"geniesim_job: 1/{EPISODES}", signal.SIGINT)
    said = interrupted(root, rf"geniesim_job: 2/{EPISODES}", signal.SIGKILL)
    assert taken_over(said, "geniesim_job") >= 1
    said = interrupted(root, rf"episodes: 1/{EPISODES}", signal.SIGTERM)
    assert taken_over(said, "geniesim_job") >= 2
    said, dataset = finished(root)
    assert any(line.startswith("geniesim_job") and "unchanged" in line for line in said)
    assert taken_over(said, "episodes") >= 1
    assert SceneStore(root).verify("shelf") == []
    staging = root / ".staging"
    assert [path for path in staging.rglob("*") if path.is_file()] == [], "nothing is left over"

    undisturbed_lines, undisturbed = finished(tmp_path / "undisturbed")
    assert not any("taken over" in line for line in undisturbed_lines)
    assert episodes_of(dataset) == episodes_of(undisturbed)
