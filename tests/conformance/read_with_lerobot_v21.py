"""Runs inside the LeRobot environment: opens a v2.1 dataset with LeRobot 0.3.3 and says what it saw, as JSON.

    python read_with_lerobot_v21.py LIBRARY DATASET SAMPLES OUT.npz

LIBRARY is the folder that holds lerobot 0.3.3 and its `datasets`. Writes the items at the asked indices to OUT.npz; prints
one JSON object on the last line. Nothing of the project is imported here.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np


def decoded(path: Path | str, timestamps: list[float], tolerance: float, backend: str | None = None) -> Any:
    """Stands in for 0.3.3's decoder: the frames at these times, float32 in [0, 1], (N, 3, height, width)."""
    import av
    import torch

    with av.open(str(path)) as container:
        frames = [
            (float(frame.pts * frame.time_base), frame.to_ndarray(format="rgb24"))
            for frame in container.decode(video=0)
        ]
    times = np.array([time for time, _ in frames])
    found = []
    for asked in timestamps:
        nearest = int(np.abs(times - asked).argmin())
        assert abs(times[nearest] - asked) < tolerance, (asked, times[nearest])
        found.append(torch.from_numpy(frames[nearest][1]).permute(2, 0, 1).float() / 255)
    return torch.stack(found)


def main(library: Path, dataset: Path, samples: list[int], out: Path) -> dict[str, Any]:
    sys.path.insert(0, str(library))
    from importlib.metadata import version

    from lerobot.datasets import lerobot_dataset

    assert Path(lerobot_dataset.__file__).is_relative_to(library), lerobot_dataset.__file__
    lerobot_dataset.decode_video_frames = decoded
    loaded = lerobot_dataset.LeRobotDataset(f"local/{dataset.name}", root=dataset, video_backend="pyav")
    arrays: dict[str, np.ndarray] = {}
    tasks = []
    for index in samples:
        item = loaded[index]
        tasks.append(item["task"])
        arrays |= {f"{index}/{key}": np.asarray(value) for key, value in item.items() if key != "task"}
    np.savez(out, **arrays)
    return {
        "lerobot": version("lerobot"),
        "version": str(loaded.meta._version),
        "episodes": loaded.num_episodes,
        "frames": loaded.num_frames,
        "tasks": tasks,
    }


if __name__ == "__main__":
    _, library_, dataset_, samples_, out_ = sys.argv
    print(json.dumps(main(Path(library_).resolve(), Path(dataset_), [int(i) for i in samples_.split(",")], Path(out_))))
