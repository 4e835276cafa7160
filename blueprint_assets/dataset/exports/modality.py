"""`meta/modality.json`: what GR00T needs to know about a LeRobot v2 dataset.

Source: NVIDIA/Isaac-GR00T, getting_started/data_preparation.md (the schema: state and action as slices `[start:end]`, video
names to features, annotations to columns), and its loaders: an annotation's `original_key` names the column that holds an
index into tasks.jsonl, so `task_index` serves and no column is added. Both names that its examples use for the task text
are given: `human.task_description` (N1.5's demo data) and `human.action.task_description` (N1.6's guide).

GR00T also reads `meta/stats.json` (N1.6 demands it): per vector feature the statistics in `STATISTICS`, and no others, since
it slices every one of them by joint (gr00t/data/dataset.py and lerobot_episode_loader.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from blueprint_assets.dataset.stats import Statistics

STATISTICS = ("mean", "std", "min", "max", "q01", "q99")
ANNOTATIONS = ("human.task_description", "human.action.task_description")
GRIPPER_WORDS = ("finger", "gripper")


def modality(joint_names: Sequence[str], streams: Sequence[str]) -> dict[str, Any]:
    """The document. Joints whose names say finger or gripper, at the end, are `gripper`; those before them `arm`."""
    groups = joint_groups(joint_names)
    return {
        "state": {name: {"start": start, "end": end} for name, (start, end) in groups.items()},
        "action": {name: {"start": start, "end": end} for name, (start, end) in groups.items()},
        "video": {stream.rpartition(".")[2]: {"original_key": stream} for stream in streams},
        "annotation": {name: {"original_key": "task_index"} for name in ANNOTATIONS},
    }


def joint_groups(joint_names: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Group -> (first joint, one past the last)."""
    total = len(joint_names)
    arm = total
    while arm and any(word in joint_names[arm - 1].lower() for word in GRIPPER_WORDS):
        arm -= 1
    return {name: (start, end) for name, start, end in (("arm", 0, arm), ("gripper", arm, total)) if start < end}


def statistics_json(statistics: Mapping[str, Statistics]) -> dict[str, dict[str, list[float]]]:
    """`meta/stats.json` in GR00T's form."""
    return {feature: {name: values[name].tolist() for name in STATISTICS} for feature, values in statistics.items()}
