"""Our LeRobot v2.1 against two LeRobots: 0.6.1 converts it to v3.0 and reads that; 0.3.3, which knew nothing else, reads
it as it is. `check` is called by run.py.

0.3.3 lies in `lerobot-v21` beside the environment (requirements-v21.txt, without its dependencies: it wants a torch and a
`datasets` that cannot be installed there). It runs on the environment's torch. Its video decoding is the one thing that is
replaced, by PyAV: the function of torchvision that it calls is gone from the versions of today.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from blueprint_assets.dataset.exports.lerobot_v21 import export_v21
from blueprint_assets.dataset.lerobot import assemble
from blueprint_assets.dataset.reader import open_dataset
from blueprint_assets.dataset.unit import Unit
from blueprint_assets.dataset.video import AV1, H264, decode
from fixtures.synthetic_episodes import make_unit

HERE = Path(__file__).resolve().parent
TASKS = ("Pick up the red square.", "Put the red square into the corner.")
DECODER_STEPS = 1
"""Of 255: the environment's decoder may round a colour one level otherwise than ours."""


def check(report: Any, lerobot: Any, root: Path) -> None:
    """`report` and `lerobot` are run.py's Report and LeRobot; `root` is a folder to write into."""
    for name, codec in (("h264", H264), ("av1", AV1)):
        folder = root / f"exports-{name}"
        units = [make_unit(folder / f"u{i}", 40 + 7 * i, i, TASKS[i % 2], (128, 96), codec) for i in range(3)]
        assemble(units, folder / "v30")
        v21 = export_v21(open_dataset(folder / "v30").episodes, folder / "v21").path
        try:
            _native(report, lerobot, f"v2.1 {name}, LeRobot 0.3.3", units, v21, folder)
            _converted(report, lerobot, f"v2.1 {name}, converted by LeRobot", units, v21, folder)
        except RuntimeError as error:
            report.expect(f"v2.1 {name}", False, error)


def _native(report: Any, lerobot: Any, name: str, units: Sequence[Unit], v21: Path, folder: Path) -> None:
    library = lerobot.environment.parent / "lerobot-v21"
    if not library.is_dir():
        report.expect(f"{name}: reads it", False, f"{library} is not there: not measured")
        return
    samples = _samples(units)
    out = folder / "native.npz"
    asked = ",".join(str(i) for i in samples)
    printed = lerobot.run("python", HERE / "read_with_lerobot_v21.py", library, v21, asked, out)
    seen = json.loads(printed.splitlines()[-1])
    with np.load(out, allow_pickle=False) as items:
        found = {key: items[key] for key in items.files}
    frames = sum(unit.document.frames for unit in units)
    counts = (seen["lerobot"], seen["version"], seen["episodes"], seen["frames"])
    report.expect(f"{name}: version, episodes, frames", counts == ("0.3.3", "2.1", len(units), frames), counts)
    report.expect(
        f"{name}: tasks", seen["tasks"] == [_where(units, i)[0].document.task for i in samples], seen["tasks"]
    )
    _compare(report, name, units, samples, found)


def _converted(report: Any, lerobot: Any, name: str, units: Sequence[Unit], v21: Path, folder: Path) -> None:
    back = shutil.copytree(v21, folder / "back")
    lerobot.run(
        "python", "-m", "lerobot.scripts.convert_dataset_v21_to_v30", "--repo-id", "local/back", "--root", back,
        "--push-to-hub", "false",
    )  # fmt: skip
    samples = _samples(units)
    seen, items = lerobot.read(back, samples, folder)
    frames = sum(unit.document.frames for unit in units)
    counts = (seen["episodes"], seen["frames"])
    report.expect(f"{name}: episodes, frames", counts == (len(units), frames), counts)
    missing = {"episode_uuid", "success", "quality_score", "seed", "rows_sha256"} - set(seen["extra_columns"])
    report.expect(f"{name}: provenance became columns of meta/episodes", not missing, missing)
    report.expect(
        f"{name}: episode_filter on provenance", seen["filtered_episodes"] == len(units), seen["filtered_episodes"]
    )
    _compare(report, name, units, samples, items)


def _compare(report: Any, name: str, units: Sequence[Unit], samples: Sequence[int], items: dict[str, Any]) -> None:
    rows, worst = True, 0.0
    decoded = [{stream: list(decode(unit.segment(stream))) for stream in unit.document.streams} for unit in units]
    for index in samples:
        unit, frame = _where(units, index)
        state, action = unit.arrays()
        rows &= np.array_equal(items[f"{index}/observation.state"], state[frame])
        rows &= np.array_equal(items[f"{index}/action"], action[frame])
        rows &= int(items[f"{index}/frame_index"]) == frame
        rows &= float(items[f"{index}/timestamp"]) == np.float32(frame / unit.document.fps)
        for stream, pictures in decoded[units.index(unit)].items():
            image = items[f"{index}/{stream}"].transpose(1, 2, 0) * 255
            worst = max(worst, float(np.abs(image - pictures[frame]).max()))
    report.expect(f"{name}: rows are equal", bool(rows))
    report.expect(f"{name}: pictures are ours", worst <= DECODER_STEPS + 1e-3, worst)


def _samples(units: Sequence[Unit]) -> list[int]:
    """The dataset's indices of the first, the last and a middle frame of every episode."""
    starts = np.cumsum([0, *(unit.document.frames for unit in units)])
    return [int(i) for a, b in pairwise(starts) for i in (a, (a + b) // 2, b - 1)]


def _where(units: Sequence[Unit], index: int) -> tuple[Unit, int]:
    for unit in units:
        if index < unit.document.frames:
            return unit, index
        index -= unit.document.frames
    raise IndexError(index)
