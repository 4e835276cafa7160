"""Runs inside the LeRobot environment: opens a dataset with the real LeRobotDataset and says what it saw, as JSON.

    python read_with_lerobot.py DATASET SAMPLES OUT.npz

Writes the items at the asked indices (rows and decoded frames) to OUT.npz; prints one JSON object on the last line.
Nothing of the project is imported here.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


def main(dataset: Path, samples: list[int], out: Path) -> dict[str, Any]:
    import lerobot
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    began = time.perf_counter()
    loaded = LeRobotDataset(f"local/{dataset.name}", root=dataset, video_backend="pyav")
    opened = time.perf_counter() - began
    arrays: dict[str, np.ndarray] = {}
    tasks = []
    for index in samples:
        item = loaded[index]
        tasks.append(item["task"])
        for key, value in item.items():
            if key != "task":
                arrays[f"{index}/{key}"] = np.asarray(value)
    np.savez(out, **arrays)

    picky = LeRobotDataset(
        f"local/{dataset.name}",
        root=dataset,
        video_backend="pyav",
        episode_filter=lambda episode: bool(episode["success"]) and (episode["quality_score"] or 0) > 0.5,
    )
    # A policy asks for futures: the window that reaches over the end of an episode must be padded, not leak.
    window = LeRobotDataset(
        f"local/{dataset.name}",
        root=dataset,
        video_backend="pyav",
        delta_timestamps={
            "action": [i / loaded.fps for i in range(8)],
            "observation.images.scene": [-1 / loaded.fps, 0.0],
        },
    )
    last = int(loaded.meta.episodes[0]["dataset_to_index"]) - 1
    at_end = window[last]
    return {
        "lerobot": lerobot.__version__,
        "episodes": loaded.num_episodes,
        "frames": loaded.num_frames,
        "fps": loaded.fps,
        "features": {name: [f["dtype"], list(f["shape"])] for name, f in loaded.features.items()},
        "camera_keys": list(loaded.meta.camera_keys),
        "tasks": tasks,
        "task_table": [str(task) for task in loaded.meta.tasks.index],
        "extra_columns": sorted(c for c in loaded.meta.episodes.column_names if "/" not in c),
        "filtered_episodes": picky.num_episodes,
        "window_padding": [bool(p) for p in at_end["action_is_pad"]],
        "window_shape": list(at_end["observation.images.scene"].shape),
        "stats": {k: {n: np.asarray(v).ravel().tolist() for n, v in s.items()} for k, s in loaded.meta.stats.items()},
        "open_seconds": round(opened, 3),
    }


if __name__ == "__main__":
    report = main(Path(sys.argv[1]), [int(i) for i in sys.argv[2].split(",")], Path(sys.argv[3]))
    print(json.dumps(report))
