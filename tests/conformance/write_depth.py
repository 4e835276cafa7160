"""Runs inside the LeRobot environment: writes depth with LeRobot's own writer.

    python write_depth.py DEPTH.npz INFO.json OUT

DEPTH.npz holds `<episode>`: float32 metres (frames, height, width); INFO.json is the info.json of our dataset: its depth
feature is declared alike, encoded with the settings that its `info` names, and the only one.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np


def main(depth: Path, info: Path, out: Path) -> None:
    from lerobot.configs.video import DepthEncoderConfig
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    declared = json.loads(info.read_text())
    name = next(name for name, f in declared["features"].items() if (f.get("info") or {}).get("is_depth_map"))
    feature = declared["features"][name]
    features = {
        name: {
            "dtype": "video",
            "shape": tuple(feature["shape"]),
            "names": feature["names"],
            "info": {"is_depth_map": True},
        },
        "action": {"dtype": "float32", "shape": (1,), "names": ["none"]},
    }
    settings = feature["info"]
    dataset = LeRobotDataset.create(
        "local/depth",
        declared["fps"],
        features,
        root=out,
        use_videos=True,
        depth_encoder=DepthEncoderConfig(
            preset=settings["video.preset"], crf=settings["video.crf"], extra_options=settings["video.extra_options"]
        ),
    )
    arrays = np.load(depth, allow_pickle=False)
    for episode in range(len(arrays.files)):
        for frame in arrays[str(episode)]:
            dataset.add_frame({name: frame[..., None], "action": np.zeros(1, np.float32), "task": "look"})
        dataset.save_episode()
    dataset.finalize()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
