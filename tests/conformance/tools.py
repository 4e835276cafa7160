"""LeRobot's own tools work on what we write: info, merge, split, delete_episodes, the visualizer, a training run."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
from harness import LeRobot, Report, totals

from blueprint_assets.dataset.tables import episode_key

EDIT = "lerobot-edit-dataset"
TRAINING_STEPS = 10


def check_tools(report: Report, lerobot: LeRobot, dataset: Path, other: Path, theirs: Path, root: Path) -> None:
    """`other` is a second dataset of ours, `theirs` one that LeRobot's writer made, of the same features."""
    info = (EDIT, "--repo_id", "local/a", "--root", dataset, "--operation.type", "info")
    report.attempt("info", lambda: lerobot.run(*info))
    report.attempt("merge", lambda: _merge(report, lerobot, "merge", dataset, other, root))
    report.attempt(
        "merge with one that LeRobot wrote",
        lambda: _merge(report, lerobot, "merge with LeRobot's", dataset, theirs, root),
    )
    report.attempt("delete_episodes", lambda: _delete(report, lerobot, dataset, root))
    report.attempt("split", lambda: _split(report, lerobot, dataset, root))
    report.attempt("visualizer", lambda: _visualize(report, lerobot, dataset, root))


def train(report: Report, lerobot: LeRobot, dataset: Path, out: Path) -> None:
    """A few steps of ACT on the CPU: the dataset goes through LeRobot's own training loop, every column of it."""
    printed = lerobot.run(
        "lerobot-train", "--dataset.repo_id=local/a", f"--dataset.root={dataset}", "--dataset.video_backend=pyav",
        "--policy.type=act", "--policy.device=cpu", "--policy.push_to_hub=false", "--policy.pretrained_backbone_weights=null",
        f"--output_dir={out}", f"--steps={TRAINING_STEPS}", "--batch_size=2", "--num_workers=0", "--save_checkpoint=true",
        "--wandb.enable=false",
    )  # fmt: skip
    saved = list(out.glob("checkpoints/*/pretrained_model/model.safetensors"))
    report.expect(f"{TRAINING_STEPS} training steps leave a checkpoint", bool(saved), printed[-500:])


def _merge(report: Report, lerobot: LeRobot, name: str, first: Path, second: Path, root: Path) -> None:
    out = root / name.replace(" ", "-").replace("'", "")
    lerobot.run(
        EDIT, "--new_repo_id", "local/merged", "--new_root", out, "--operation.type", "merge",
        "--operation.repo_ids", "['local/a','local/b']", "--operation.roots", f"['{first}','{second}']",
    )  # fmt: skip
    sums = tuple(a + b for a, b in zip(totals(first), totals(second), strict=True))
    seen, _ = lerobot.read(out, [0, sums[1] - 1], root)
    report.expect(f"{name}: loads whole", (seen["episodes"], seen["frames"]) == sums, seen)
    kept = [uuid for uuid in _uuids(out) if uuid is not None]
    expected = [uuid for part in (first, second) for uuid in _uuids(part)]
    report.expect(f"{name}: keeps the provenance columns", kept == expected, (kept, expected))


def _delete(report: Report, lerobot: LeRobot, dataset: Path, root: Path) -> None:
    out = root / "fewer"
    lerobot.run(
        EDIT, "--repo_id", "local/a", "--root", dataset, "--new_repo_id", "local/fewer", "--new_root", out,
        "--operation.type", "delete_episodes", "--operation.episode_indices", "[1]",
    )  # fmt: skip
    uuids = _uuids(dataset)
    _expect_keys(report, "delete_episodes", out, [uuids[0], *uuids[2:]])


def _split(report: Report, lerobot: LeRobot, dataset: Path, root: Path) -> None:
    uuids = _uuids(dataset)
    parts = {"train": list(range(len(uuids) - 1)), "val": [len(uuids) - 1]}
    lerobot.run(
        EDIT, "--repo_id", "local/a", "--root", dataset, "--new_root", root / "parts",
        "--operation.type", "split", "--operation.splits", json.dumps(parts),
    )  # fmt: skip
    for part, members in parts.items():
        found = next((root / "parts").glob(f"*{part}"))
        _expect_keys(report, f"split {part}", found, [uuids[i] for i in members])


def _visualize(report: Report, lerobot: LeRobot, dataset: Path, root: Path) -> None:
    lerobot.run(
        "lerobot-dataset-viz", "--repo-id", "local/a", "--root", dataset, "--episode-index", "0",
        "--save", "1", "--output-dir", root / "viz", "--mode", "local",
    )  # fmt: skip
    report.expect("the visualizer wrote a recording", any((root / "viz").glob("*.rrd")), root / "viz")


def _expect_keys(report: Report, name: str, dataset: Path, uuids: list[str]) -> None:
    """LeRobot drops our columns of meta/episodes here; the per-frame column leads back to meta/provenance all the same."""
    report.expect(f"{name}: {len(uuids)} episodes", totals(dataset)[0] == len(uuids), totals(dataset))
    table = pq.read_table(dataset / "data", columns=["episode_key"])
    found = list(dict.fromkeys(table["episode_key"].to_pylist()))
    expected = [episode_key(uuid) for uuid in uuids]
    report.expect(f"{name}: the per-frame key still says which episode", found == expected, (found, expected))


def _uuids(dataset: Path) -> list[str]:
    table = pq.read_table(dataset / "meta" / "episodes")
    if "episode_uuid" not in table.schema.names:
        return []
    uuids: list[str] = table["episode_uuid"].to_pylist()
    return uuids
