"""LeRobotDataset loads what we write: items at the edges and at random equal what was encoded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from harness import SAMPLES, TASKS, LeRobot, Report, nth, pictures

from blueprint_assets.dataset.lerobot import Limits, assemble
from blueprint_assets.dataset.review.judges import JUDGES
from blueprint_assets.dataset.tables import episode_key
from blueprint_assets.dataset.unit import Unit
from blueprint_assets.dataset.video import decode
from fixtures.synthetic_episodes import FPS

PSNR_LIMIT = 30.0
"""Decibels against the picture before encoding; the codec settings give 32 to 39 on noisy to clean pictures."""
DECODER_STEPS = 1
"""Of 255: LeRobot converts colours itself, which may round one level otherwise."""


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
            "episode_key": episode_key(unit.document.episode_uuid),
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
        for stream in unit.document.streams:
            loaded = items[f"{sample}/{stream}"].transpose(1, 2, 0) * 255
            drawn = nth(pictures(unit, stream), frame)
            psnr.append(10 * np.log10(255**2 / np.mean((loaded - drawn.astype(float)) ** 2)))
            ours = nth(decode(unit.segment(stream)), frame).astype(float)
            steps = max(steps, int(np.abs(loaded - ours).round().max()))
    report.expect(f"{name}: rows at {len(samples)} indices are equal", not wrong_rows, wrong_rows[:5])
    report.expect(f"{name}: frames are the unit's frames (+-{DECODER_STEPS})", steps <= DECODER_STEPS, steps)
    report.expect(f"{name}: frames are close to the pictures before encoding", min(psnr) > PSNR_LIMIT, min(psnr))
    report.figures[name] = {
        "psnr_min": round(min(psnr), 1),
        "psnr_mean": round(float(np.mean(psnr)), 1),
        "open_s": seen["open_seconds"],
    }
    _judge(report, name, out)


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
    _judge(report, str(dataset), dataset)
    command = ("lerobot-edit-dataset", "--repo_id", "local/given", "--root", dataset, "--operation.type", "info")
    report.attempt(f"{dataset}: info", lambda: lerobot.run(*command))


def _judge(report: Report, name: str, dataset: Path) -> None:
    for judge in JUDGES:
        verdict = judge(dataset)
        report.expect(f"{name}: {verdict.judge}", verdict.outcome == "passed", verdict.messages)
