"""Our dataset writer against the real LeRobot. Prints what was compared, then one JSON object; exit code 1 on a difference.

    python tests/conformance/run.py --lerobot ENVIRONMENT [DATASET ...]

Synthetic datasets are written here, without LeRobot, and read there, with it: rows must be equal, decoded frames must be
what we decode, and close to what was drawn. Then LeRobot's own tools (info, merge, delete, visualizer, three training
steps) work on them, and LeRobot's own writer writes the same episodes. DATASETs given are loaded and handled as well.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from blueprint_assets.dataset.judges import JUDGES
from blueprint_assets.dataset.lerobot import Limits, assemble
from blueprint_assets.dataset.unit import Unit, read_unit
from blueprint_assets.dataset.video import AV1, Codec, decode, packets_sha256
from fixtures.synthetic_episodes import FPS, arm, images, make_unit

HERE = Path(__file__).resolve().parent
TASKS = ("Pick up the red square.", "Put the red square into the corner.")
SAMPLES = 24
PSNR_LIMIT = 30.0
"""Decibels against the picture before encoding; the codec settings give 32 to 39 on noisy to clean pictures."""
DECODER_STEPS = 1
"""Of 255: LeRobot converts colours itself, which may round one level otherwise."""


@dataclass
class Report:
    """What was compared and what differed."""

    passed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def expect(self, what: str, holds: bool, detail: object = "") -> None:
        """Notes a comparison; `detail` is shown when it failed."""
        (self.passed if holds else self.failed).append(what)
        print(f"{'ok  ' if holds else 'FAIL'} {what}" + ("" if holds else f": {detail}"), flush=True)


@dataclass(frozen=True)
class LeRobot:
    """LeRobot's environment. Offline, one thread, no GPU."""

    environment: Path

    def run(self, *command: str | Path, timeout: float = 900) -> str:
        """Runs a program of the environment and returns its output.

        Raises:
            RuntimeError: it failed; with the end of what it said.
        """
        program, *arguments = [str(part) for part in command]
        settings = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "WANDB_MODE": "disabled"}
        done = subprocess.run(
            [str(self.environment / "bin" / program), *arguments],
            env=os.environ | settings,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(
                f"{program} {' '.join(arguments)} gave {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}"
            )
        return done.stdout

    def read(self, dataset: Path, samples: Sequence[int], scratch: Path) -> tuple[dict[str, Any], dict[str, Any]]:
        """What LeRobotDataset says about a dataset, and the items at `samples`."""
        out = scratch / "items.npz"
        asked = ",".join(str(i) for i in samples)
        printed = self.run("python", HERE / "read_with_lerobot.py", dataset, asked, out)
        with np.load(out, allow_pickle=False) as items:
            return json.loads(printed.splitlines()[-1]), {name: items[name] for name in items.files}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lerobot", type=Path, required=True, help="LeRobot's virtual environment")
    parser.add_argument("datasets", type=Path, nargs="*", help="datasets to check as well")
    arguments = parser.parse_args()
    began = time.monotonic()
    report, lerobot = Report(), LeRobot(arguments.lerobot.resolve())
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        root = Path(folder)
        first = [_unit(root / f"h264-{i}", 100 + 7 * i, i, (256, 256)) for i in range(4)]
        check_reading(report, lerobot, "h264 256x256", first, root / "h264", Limits())
        rolled = [_unit(root / f"noisy-{i}", 120, 10 + i, (256, 256)) for i in range(9)]
        check_reading(report, lerobot, "files rolled over", rolled, root / "rolled", Limits(1, 1, 1))
        files = list((root / "rolled" / "videos").rglob("*.mp4"))
        report.expect("the rolled dataset has several files and chunks", len({f.parent for f in files}) > 2, files)
        check_tools(report, lerobot, "h264", root / "h264", root / "rolled", root)
        large = [_unit(root / f"av1-{i}", 60 + i, 20 + i, (320, 240), AV1) for i in range(3)]
        check_reading(report, lerobot, "av1 320x240", large, root / "av1", Limits())
        check_same_as_lerobot(report, lerobot, large, root / "av1", root)
        _attempt(report, "three training steps (ACT)", lambda: train(lerobot, root / "h264", root / "train"))
        for dataset in arguments.datasets:
            check_given(report, lerobot, dataset.resolve(), root)
    report.figures["seconds"] = round(time.monotonic() - began, 1)
    print(json.dumps({"passed": len(report.passed), "failed": report.failed, **report.figures}))
    return 1 if report.failed else 0


def check_reading(
    report: Report, lerobot: LeRobot, name: str, units: Sequence[Unit], out: Path, limits: Limits
) -> None:
    """Writes a dataset, loads it with LeRobotDataset, compares items at random indices with what was encoded."""
    summary = assemble(units, out, limits=limits)
    generator = np.random.default_rng(7)
    ends = np.cumsum([unit.document.frames for unit in units])
    edges = {0, summary.frames - 1, *(int(e) for e in ends[:-1]), *(int(e) - 1 for e in ends)}
    samples = sorted(edges | {int(i) for i in generator.integers(0, summary.frames, SAMPLES)})
    seen, items = lerobot.read(out, samples, out.parent)
    counts = (seen["episodes"], seen["frames"], seen["fps"])
    report.expect(f"{name}: episodes, frames, fps", counts == (len(units), summary.frames, FPS), counts)
    report.expect(f"{name}: {len(TASKS)} task texts", set(seen["task_table"]) == set(TASKS), seen["task_table"])
    extra = {"episode_uuid", "success", "quality_score", "seed", "scene_sha256"} - set(seen["extra_columns"])
    report.expect(f"{name}: provenance columns are there", not extra, extra)
    report.expect(
        f"{name}: episode_filter on provenance", seen["filtered_episodes"] == len(units), seen["filtered_episodes"]
    )
    report.expect(
        f"{name}: a window over the end is padded",
        seen["window_padding"] == [False] + [True] * 7,
        seen["window_padding"],
    )

    wrong_rows: list[str] = []
    psnr: list[float] = []
    steps = 0
    for sample, task in zip(samples, seen["tasks"], strict=True):
        episode = int(np.searchsorted(ends, sample, side="right"))
        frame = sample - (int(ends[episode - 1]) if episode else 0)
        unit = units[episode]
        state, action = unit.arrays()
        last = frame == unit.document.frames - 1
        expected = {
            "observation.state": state[frame],
            "action": action[frame],
            "next.done": last,
            "next.success": last,
            "timestamp": np.float32(frame / FPS),
            "frame_index": frame,
            "episode_index": episode,
            "index": sample,
            "task_index": TASKS.index(unit.document.task),
        }
        wrong_rows += [
            f"{k}[{sample}]" for k, v in expected.items() if not np.array_equal(items[f"{sample}/{k}"].squeeze(), v)
        ]
        wrong_rows += [] if task == unit.document.task else [f"task[{sample}]: {task}"]
        for number, camera in enumerate(unit.document.cameras):
            loaded = items[f"{sample}/observation.images.{camera}"].transpose(1, 2, 0) * 255
            drawn = _nth(images(state, int(unit.document.provenance["seed"]) + number, *_size(unit, camera)), frame)
            psnr.append(10 * np.log10(255**2 / np.mean((loaded - drawn.astype(float)) ** 2)))
            ours = _nth(decode(unit.video(camera)), frame).astype(float)
            steps = max(steps, int(np.abs(loaded - ours).round().max()))
    report.expect(f"{name}: rows at {len(samples)} indices are equal", not wrong_rows, wrong_rows[:5])
    report.expect(f"{name}: frames are the unit's frames (+-{DECODER_STEPS})", steps <= DECODER_STEPS, steps)
    report.expect(f"{name}: frames are close to the pictures before encoding", min(psnr) > PSNR_LIMIT, min(psnr))
    report.figures[name] = {
        "psnr_min": round(min(psnr), 1),
        "psnr_mean": round(float(np.mean(psnr)), 1),
        "open_s": seen["open_seconds"],
    }
    for judge in JUDGES:
        verdict = judge(out)
        report.expect(f"{name}: {verdict.judge}", verdict.outcome == "passed", verdict.messages)


def check_tools(report: Report, lerobot: LeRobot, name: str, dataset: Path, other: Path, root: Path) -> None:
    """LeRobot's dataset tools, offline: info, merge, delete_episodes, remove_feature, visualizer."""
    edit = "lerobot-edit-dataset"

    def total(path: Path) -> tuple[int, int]:
        info = json.loads((path / "meta" / "info.json").read_text())
        return info["total_episodes"], info["total_frames"]

    def merged() -> None:
        lerobot.run(
            edit, "--new_repo_id", "local/merged", "--new_root", root / "merged", "--operation.type", "merge",
            "--operation.repo_ids", "['local/a','local/b']", "--operation.roots", f"['{dataset}','{other}']",
        )  # fmt: skip
        sums = tuple(a + b for a, b in zip(total(dataset), total(other), strict=True))
        seen, _ = lerobot.read(root / "merged", [0, sums[1] - 1], root)
        report.expect(f"{name}: merged dataset loads whole", (seen["episodes"], seen["frames"]) == sums, seen)
        report.expect(f"{name}: merge keeps provenance", "episode_uuid" in seen["extra_columns"], seen["extra_columns"])

    def deleted() -> None:
        lerobot.run(
            edit, "--repo_id", "local/a", "--root", dataset, "--new_repo_id", "local/fewer", "--new_root", root / "fewer",
            "--operation.type", "delete_episodes", "--operation.episode_indices", "[1]",
        )  # fmt: skip
        report.expect(
            f"{name}: one episode fewer", total(root / "fewer")[0] == total(dataset)[0] - 1, total(root / "fewer")
        )

    def shown() -> None:
        lerobot.run(
            "lerobot-dataset-viz", "--repo-id", "local/a", "--root", dataset, "--episode-index", "0",
            "--save", "1", "--output-dir", root / "viz", "--mode", "local",
        )  # fmt: skip
        report.expect(f"{name}: visualizer wrote a recording", any((root / "viz").glob("*.rrd")), root / "viz")

    info = (edit, "--repo_id", "local/a", "--root", dataset, "--operation.type", "info")
    _attempt(report, f"{name}: info", lambda: lerobot.run(*info))
    _attempt(report, f"{name}: merge", merged)
    _attempt(report, f"{name}: delete_episodes", deleted)
    _attempt(report, f"{name}: visualizer", shown)


def check_same_as_lerobot(report: Report, lerobot: LeRobot, units: Sequence[Unit], ours: Path, root: Path) -> None:
    """LeRobot's writer on the same pictures and rows: the same declarations, tables, packets and vector statistics."""
    arrays: dict[str, Any] = {"tasks": np.array([unit.document.task for unit in units])}
    for i, unit in enumerate(units):
        arrays[f"{i}/state"], arrays[f"{i}/action"] = unit.arrays()
        for number, camera in enumerate(unit.document.cameras):
            seed = int(unit.document.provenance["seed"]) + number
            arrays[f"{i}/{camera}"] = np.stack(list(images(arrays[f"{i}/state"], seed, *_size(unit, camera))))
    np.savez(root / "episodes.npz", **arrays)
    theirs = root / "reference"
    lerobot.run("python", HERE / "write_with_lerobot.py", root / "episodes.npz", ours / "meta" / "info.json", theirs)

    info = [json.loads((path / "meta" / "info.json").read_text()) for path in (ours, theirs)]
    report.expect("LeRobot's writer: info.json is equal, in order", json.dumps(info[0]) == json.dumps(info[1]), info)
    tables = [pq.read_table(path / "data/chunk-000/file-000.parquet") for path in (ours, theirs)]
    report.expect("LeRobot's writer: data tables are equal", tables[0].equals(tables[1]), [t.schema for t in tables])
    groups = [pq.read_metadata(path / "data/chunk-000/file-000.parquet").num_row_groups for path in (ours, theirs)]
    report.expect("LeRobot's writer: row groups are equal", groups[0] == groups[1] == len(units), groups)
    episodes = [pq.read_table(path / "meta/episodes/chunk-000/file-000.parquet") for path in (ours, theirs)]
    differing = [
        f.name
        for f in episodes[1].schema
        if f.name not in episodes[0].schema.names or episodes[0].schema.field(f.name) != f
    ]
    report.expect(
        "LeRobot's writer: every column of meta/episodes is ours too, of the same type", not differing, differing
    )
    tasks = [pq.read_table(path / "meta/tasks.parquet") for path in (ours, theirs)]
    report.expect("LeRobot's writer: tasks are equal", tasks[0].equals(tasks[1]), [t.to_pylist() for t in tasks])
    for camera in units[0].document.cameras:
        video = f"videos/observation.images.{camera}/chunk-000/file-000.mp4"
        packets = [packets_sha256(path / video) for path in (ours, theirs)]
        report.expect(f"LeRobot's writer: AV1 packets of {camera} are equal", packets[0] == packets[1], packets)
    stats = [json.loads((path / "meta" / "stats.json").read_text()) for path in (ours, theirs)]
    report.expect(
        "LeRobot's writer: the same features have statistics", set(stats[0]) == set(stats[1]), stats[0].keys()
    )
    for feature in ("observation.state", "action", "index", "next.done"):
        for kind in ("min", "max", "mean", "std", "count"):
            a, b = (np.array(s[feature][kind], float) for s in stats)
            report.expect(f"LeRobot's writer: {feature} {kind} agrees", np.allclose(a, b, rtol=1e-4, atol=1e-5), (a, b))


def check_given(report: Report, lerobot: LeRobot, dataset: Path, root: Path) -> None:
    """A dataset from elsewhere: it loads, its counts are true, its frames decode, the tools take it."""
    info = json.loads((dataset / "meta" / "info.json").read_text())
    generator = np.random.default_rng(11)
    frames = info["total_frames"]
    samples = sorted({0, frames - 1, *(int(i) for i in generator.integers(0, frames, SAMPLES))})
    seen, items = lerobot.read(dataset, samples, root)
    counts = (seen["episodes"], seen["frames"])
    report.expect(f"{dataset}: loads", counts == (info["total_episodes"], frames), counts)
    for camera in seen["camera_keys"]:
        values = [items[f"{i}/{camera}"] for i in samples]
        lively = all(v.std() > 0.01 for v in values) and any(not np.array_equal(values[0], v) for v in values)
        report.expect(f"{dataset}: {camera} decodes to pictures that differ", lively)
    for judge in JUDGES:
        verdict = judge(dataset)
        report.expect(f"{dataset}: {verdict.judge}", verdict.outcome == "passed", verdict.messages)
    command = ("lerobot-edit-dataset", "--repo_id", "local/given", "--root", dataset, "--operation.type", "info")
    _attempt(report, f"{dataset}: info", lambda: lerobot.run(*command))


def train(lerobot: LeRobot, dataset: Path, out: Path) -> None:
    """Three steps of ACT on the CPU: the dataset goes through LeRobot's own training loop."""
    lerobot.run(
        "lerobot-train", "--dataset.repo_id=local/a", f"--dataset.root={dataset}", "--dataset.video_backend=pyav",
        "--policy.type=act", "--policy.device=cpu", "--policy.push_to_hub=false", "--policy.pretrained_backbone_weights=null",
        f"--output_dir={out}", "--steps=3", "--batch_size=2", "--num_workers=0", "--save_checkpoint=false",
        "--wandb.enable=false",
    )  # fmt: skip


def _attempt(report: Report, what: str, work: Callable[[], object]) -> None:
    try:
        work()
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        report.expect(what, False, error)
    else:
        report.expect(what, True)


def _unit(folder: Path, frames: int, seed: int, size: tuple[int, int], codec: Codec | None = None) -> Unit:
    make_unit(folder, frames, seed, TASKS[seed % 2], size, codec)
    unit = read_unit(folder)
    state, action = arm(frames, seed)
    stored = unit.arrays()
    if not (np.array_equal(stored[0], state) and np.array_equal(stored[1], action)):
        raise AssertionError(f"{folder}: the unit does not hold the arrays that were given")
    return unit


def _size(unit: Unit, camera: str) -> tuple[int, int]:
    video = unit.document.cameras[camera]
    return video.width, video.height


def _nth(frames: Any, index: int) -> Any:
    return next(frame for i, frame in enumerate(frames) if i == index)


if __name__ == "__main__":
    sys.exit(main())
