"""Runs inside the LeRobot environment: writes the same episodes with LeRobot's own writer.

    python write_with_lerobot.py EPISODES.npz INFO.json OUT

EPISODES.npz holds `tasks` and, per frame, `<episode>/<feature>`; INFO.json is the info.json of our dataset, whose features
are declared alike and whose codec settings are LeRobot's here. One encoder thread, because x264's output depends on their
number (SVT-AV1's does not).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np


def main(episodes: Path, info: Path, out: Path) -> None:
    from lerobot.configs import RGBEncoderConfig
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    declared = json.loads(info.read_text())
    own = {"timestamp", "frame_index", "episode_index", "index", "task_index"}
    features = {
        name: {"dtype": f["dtype"], "shape": tuple(f["shape"]), "names": f["names"]}
        for name, f in declared["features"].items()
        if name not in own
    }
    video = next(f["info"] for f in declared["features"].values() if f["dtype"] == "video")
    settings = {name: video[f"video.{name}"] for name in ("g", "crf", "preset", "extra_options")}
    encoder = RGBEncoderConfig(vcodec=video["video.codec"], **settings)
    dataset = LeRobotDataset.create(
        "local/reference",
        declared["fps"],
        features,
        root=out,
        robot_type=declared["robot_type"],
        use_videos=True,
        rgb_encoder=encoder,
        encoder_threads=1,
    )
    arrays = np.load(episodes, allow_pickle=False)
    for episode, task in enumerate(arrays["tasks"]):
        columns: dict[str, Any] = {name: arrays[f"{episode}/{name}"] for name in features}
        for t in range(len(columns["action"])):
            frame = {name: np.atleast_1d(values[t]) for name, values in columns.items()}
            dataset.add_frame(frame | {"task": str(task)})
        dataset.save_episode()
    dataset.finalize()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
