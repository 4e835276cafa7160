"""Depth, language and calibration against the real LeRobot: read as its users read them, written as its writer writes them.

Called by run.py; `check` notes what was compared in the report it is given.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow.parquet as pq

from blueprint_assets.dataset.depth import QUANTIZATION, decode_depth, depth_feature, dequantize, quantize
from blueprint_assets.dataset.language import statements
from blueprint_assets.dataset.lerobot import assemble
from blueprint_assets.dataset.unit import Unit, read_unit
from blueprint_assets.dataset.video import read_packets
from fixtures.synthetic_modalities import CAMERAS, depth_maps, make_rich_unit

HERE = Path(__file__).resolve().parent
SIZE = (160, 128)
SCALE = ("is_depth_map", "depth_unit", "video.depth_min", "video.depth_max", "video.shift", "video.use_log")
ROUNDING = 1e-5
"""Metres: LeRobot turns levels into metres in float32."""


class Report(Protocol):
    """What `run.Report` gives."""

    def expect(self, what: str, holds: bool, detail: object = "") -> None: ...


class LeRobot(Protocol):
    """What `run.LeRobot` gives."""

    def run(self, *command: str | Path, timeout: float = 900) -> str: ...


def check(report: Report, lerobot: LeRobot, root: Path) -> Path:
    """Writes a dataset with every modality below `root` and compares; returns it."""
    made = [make_rich_unit(root / f"rich-{i}", 40 + 5 * i, i, size=SIZE) for i in range(3)]
    units = [read_unit(unit.folder) for unit in made]
    dataset = root / "rich"
    assemble(units, dataset, language=True)
    ends = np.cumsum([unit.document.frames for unit in units]).tolist()
    samples = sorted({0, 1, 8, 9, 14, 15, *(end - 1 for end in ends), *ends[:-1], 70})
    out = root / "modalities.npz"
    printed = lerobot.run("python", HERE / "read_modalities.py", dataset, ",".join(map(str, samples)), out)
    seen = json.loads(printed.splitlines()[-1])
    with np.load(out, allow_pickle=False) as items:
        _check_depth(report, units, ends, samples, seen, dict(items))
    _check_language(report, units, ends, samples, seen)
    _check_same_packets(report, lerobot, units, dataset, root)
    _check_tools(report, lerobot, dataset, root)
    return dataset


def _check_depth(
    report: Report,
    units: Sequence[Unit],
    ends: Sequence[int],
    samples: Sequence[int],
    seen: dict[str, Any],
    items: dict[str, Any],
) -> None:
    features = [depth_feature(camera) for camera in CAMERAS]
    report.expect("depth: LeRobot takes the features for depth", seen["depth_keys"] == features, seen["depth_keys"])
    wrong: list[str] = []
    worst = 0.0
    for sample in samples:
        episode = int(np.searchsorted(ends, sample, side="right"))
        frame = sample - (ends[episode - 1] if episode else 0)
        unit = units[episode]
        for number, camera in enumerate(CAMERAS):
            stream = depth_feature(camera)
            state, _ = unit.arrays()
            drawn = _nth(depth_maps(state, int(unit.document.provenance["seed"]) + number, *SIZE), frame)
            stored = dequantize(quantize(drawn))
            loaded = items[f"{sample}/{stream}"].squeeze()
            if np.abs(loaded - stored).max() > ROUNDING:
                wrong.append(f"{stream}[{sample}]")
            inside = drawn <= QUANTIZATION.depth_max
            step = np.gradient(dequantize(np.arange(4096)))[quantize(drawn)]
            worst = max(worst, float((np.abs(loaded - drawn) / step)[inside].max()))
            ours = _nth(decode_depth(unit.segment(stream)), frame)
            wrong += [] if np.array_equal(ours, stored) else [f"ours {stream}[{sample}]"]
    report.expect(f"depth: frames at {len(samples)} indices are what was stored", not wrong, wrong[:5])
    report.expect("depth: they are within half a step of what was drawn", worst < 0.51, worst)
    shapes = {key: shape == [4, 1, SIZE[1], SIZE[0]] for key, shape in seen["depth_batch"].items()}
    report.expect("depth: batches of LeRobot's loader", all(shapes.values()), seen["depth_batch"])
    for number, stream in enumerate(features):
        values = np.concatenate(
            [
                dequantize(quantize(depth)).ravel()
                for unit in units
                for depth in depth_maps(unit.arrays()[0], int(unit.document.provenance["seed"]) + number, *SIZE)
            ]
        ).astype(np.float64)
        truth = {"min": values.min(), "max": values.max(), "mean": values.mean(), "std": values.std()}
        truth |= {f"q{q:02d}": np.quantile(values, q / 100) for q in (1, 10, 50, 90, 99)}
        found = {name: seen["stats"][stream][name][0] for name in truth}
        report.expect(
            f"depth: statistics of {stream} equal float64 truth, in metres",
            all(abs(found[name] - truth[name]) < 1e-5 for name in truth),
            (found, truth),
        )
        in_millimetres = seen["stats_in_millimetres"][stream]
        report.expect(
            f"depth: LeRobot gives them in millimetres by default ({stream})",
            abs(in_millimetres - 1000 * truth["mean"]) < 1e-2 and seen["first_in_millimetres"][stream][0] > 100,
            in_millimetres,
        )


def _check_language(
    report: Report, units: Sequence[Unit], ends: Sequence[int], samples: Sequence[int], seen: dict[str, Any]
) -> None:
    report.expect("language: LeRobot finds the columns", bool(seen["has_language"]), seen["has_language"])
    wrong = []
    for sample, said in zip(samples, seen["said"], strict=True):
        episode = int(np.searchsorted(ends, sample, side="right"))
        frame = sample - (ends[episode - 1] if episode else 0)
        document = units[episode].document
        active = max(i for i, step in enumerate(document.subtasks) if step.frame <= frame)
        left = [step.text for step in document.subtasks[active:]]
        plan = "\n".join(f"{number}. {text}" for number, text in enumerate(left, start=1))
        if said != [f"{document.task} Plan: {plan}", left[0]]:
            wrong.append((sample, said))
    report.expect("language: its renderer gives the plan and the subtask of the moment", not wrong, wrong[:3])
    expected = [row | {"camera": None, "tool_calls": None} for row in statements(units[0].document)]
    report.expect(
        "language: the statements are read as they were made", seen["statements"] == expected, seen["statements"]
    )


def _check_same_packets(report: Report, lerobot: LeRobot, units: Sequence[Unit], dataset: Path, root: Path) -> None:
    """LeRobot's own writer on the same depth of one camera, with the settings that our info.json names."""
    camera = CAMERAS[0]
    stream = depth_feature(camera)
    depths = {
        str(i): np.stack(list(depth_maps(unit.arrays()[0], int(unit.document.provenance["seed"]), *SIZE)))
        for i, unit in enumerate(units)
    }
    np.savez(root / "depth.npz", allow_pickle=False, **depths)
    theirs = root / "depth-reference"
    lerobot.run("python", HERE / "write_depth.py", root / "depth.npz", dataset / "meta" / "info.json", theirs)
    info = [json.loads((path / "meta" / "info.json").read_text())["features"][stream] for path in (dataset, theirs)]
    report.expect("depth: LeRobot's writer declares the feature the same", info[0] == info[1], info)
    video = f"videos/{stream}/chunk-000/file-000.mp4"
    packets = [read_packets(path / video) for path in (dataset, theirs)]
    report.expect("depth: LeRobot's writer makes the same packets", packets[0] == packets[1], packets)
    stats = [json.loads((path / "meta" / "stats.json").read_text())[stream] for path in (dataset, theirs)]
    shapes = [{name: np.shape(value) for name, value in found.items()} for found in stats]
    report.expect("depth: statistics have LeRobot's shapes", shapes[0] == shapes[1], shapes)
    rows = [pq.read_table(path / "meta/episodes/chunk-000/file-000.parquet") for path in (dataset, theirs)]
    # LeRobot's are of the values before they were quantized, so 27.5 m stays what is stored as 10 m; and its quantiles of
    # several episodes are an average of theirs. The first episode's middle agrees.
    for name in ("min", "q10", "q50", "q90"):
        a, b = (float(np.ravel(table[f"stats/{stream}/{name}"][0].as_py())[0]) for table in rows)
        report.expect(f"depth: {name} agrees with LeRobot's within 1 cm", abs(a - b) < 0.01, (a, b))


def _check_tools(report: Report, lerobot: LeRobot, dataset: Path, root: Path) -> None:
    """LeRobot's own merge and delete keep depth and language."""
    edit = "lerobot-edit-dataset"
    lerobot.run(
        edit, "--new_repo_id", "local/twice", "--new_root", root / "twice", "--operation.type", "merge",
        "--operation.repo_ids", "['local/a','local/b']", "--operation.roots", f"['{dataset}','{dataset}']",
    )  # fmt: skip
    lerobot.run(
        edit, "--repo_id", "local/a", "--root", dataset, "--new_repo_id", "local/one-less", "--new_root", root / "one-less",
        "--operation.type", "delete_episodes", "--operation.episode_indices", "[0]",
    )  # fmt: skip
    before = json.loads((dataset / "meta" / "info.json").read_text())["features"]
    for name in ("twice", "one-less"):
        printed = lerobot.run("python", HERE / "read_modalities.py", root / name, "0", root / "tools.npz")
        seen = json.loads(printed.splitlines()[-1])
        report.expect(
            f"modalities: depth and language are there after LeRobot's tools ({name})",
            (seen["depth_keys"], seen["has_language"]) == ([depth_feature(camera) for camera in CAMERAS], True),
            seen,
        )
        after = json.loads((root / name / "meta" / "info.json").read_text())["features"]
        scale = [{key: f[depth_feature("scene")]["info"].get(key) for key in SCALE} for f in (before, after)]
        report.expect(f"modalities: and the depth's scale ({name})", scale[0] == scale[1], scale)


def _nth(frames: Any, index: int) -> Any:
    return next(frame for i, frame in enumerate(frames) if i == index)
