"""The benchmark itself, and what it promises of importing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_short_benchmark_measures_our_side_and_says_what_it_did_not(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable, "tests/benchmarks/dataset_against_lerobot.py",
            "--short", "--repeat", "1", "--lerobot", str(tmp_path / "none"),
        ],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["missed"] == []
    assert len(report["not_measured"]) == 7  # every comparison with LeRobot
    for case in ("256x256 AV1", "256x256 H.264", "640x480 AV1", "256x256 AV1, rendered"):
        assert report["writing"][case]["ours"]["cpu_seconds"]["median"] > 0
        assert "streaming" not in report["writing"][case]
    assert report["quality"]["256x256 av1 crf 30"]["psnr_mean"] > 30
    assert report["memory_megabytes"]["growth_with_imports"] < 400


def test_writing_a_unit_imports_nothing_large(tmp_path: Path) -> None:
    """pyarrow imports pandas at its first `pa.array`, 0.4 s of CPU in every process that encodes."""
    script = f"""
import sys
import numpy as np
from pathlib import Path
from blueprint_assets.dataset.unit import Description, UnitWriter, read_unit
with UnitWriter(Path({str(tmp_path / "unit")!r}), fps=20) as writer:
    for _ in range(3):
        writer.add({{"scene": np.full((64, 64, 3), 90, np.uint8)}}, np.zeros(2, np.float32), np.ones(2, np.float32))
    writer.finish(Description("task", True, "robot", ("a", "b"), {{"episode_uuid": "u"}}))
unit = read_unit(Path({str(tmp_path / "unit")!r}))
assert unit.arrays()[1].tolist() == [[1, 1]] * 3
assert unit.histogram("observation.images.scene").frames == 3
print(*sorted({{"pandas", "pyarrow.compute", "torch", "dagster", "lerobot", "mujoco", "scipy"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
