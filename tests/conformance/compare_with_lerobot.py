"""Runs inside the LeRobot environment: reads every item of two datasets with LeRobotDataset and says where they differ.

    python compare_with_lerobot.py DATASET REFERENCE

Every key of an item is compared bit for bit, decoded pictures too. Prints one JSON object on the last line. Nothing of
the project is imported here.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np


def main(first: Path, second: Path) -> dict[str, Any]:
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    loaded = [LeRobotDataset(f"local/{path.name}", root=path, video_backend="pyav") for path in (first, second)]
    differing: list[str] = []
    keys: set[str] = set()
    for index in range(len(loaded[0])):
        ours, theirs = (dataset[index] for dataset in loaded)
        if set(ours) != set(theirs):
            differing.append(f"{index}: keys {sorted(set(ours) ^ set(theirs))}")
        keys |= set(theirs)
        for key in set(ours) & set(theirs):
            a, b = ours[key], theirs[key]
            same = a == b if isinstance(a, str) else a.dtype == b.dtype and np.array_equal(np.asarray(a), np.asarray(b))
            if not same:
                differing.append(f"{index}/{key}")
    return {
        "items": len(loaded[0]),
        "lengths": [len(dataset) for dataset in loaded],
        "keys": sorted(keys),
        "equal": not differing and len(loaded[0]) == len(loaded[1]) > 0,
        "differing": differing[:10],
        "differing_count": len(differing),
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]))))
