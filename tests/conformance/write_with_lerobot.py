"""Runs inside the LeRobot environment: writes the same episodes with LeRobot's own writer.

    python write_with_lerobot.py EPISODES.npz INFO.json OUT

EPISODES.npz holds `<episode>/{state,action,scene,wrist}`; INFO.json is the info.json of our dataset, whose features are
declared alike. AV1 as LeRobot sets it by default.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np


def main(episodes: Path, info: Path, out: Path) -> None:
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    declared = json.loads(info.read_text())
    own = {"timestamp", "frame_index", "episode_index", "index", "task_index"}
    features = {
        name: {"dtype": f["dtype"], "shape": tuple(f["shape"]), "names": f["names"]}
        for name, f in declared["features"].items()
        if name not in own
    }
    dataset = LeRobotDataset.create(
        "local/reference", declared["fps"], features, root=out, robot_type=declared["robot_type"], use_videos=True
    )
    arrays = np.load(episodes, allow_pickle=False)
    count = 1 + max(int(name.split("/")[0]) for name in arrays.files if name[0].isdigit())
    for episode in range(count):
        state, action = arrays[f"{episode}/state"], arrays[f"{episode}/action"]
        images = {camera: arrays[f"{episode}/{camera}"] for camera in ("scene", "wrist")}
        for t in range(len(state)):
            last = np.array([t == len(state) - 1])
            frame = {"observation.state": state[t], "action": action[t], "next.done": last, "next.success": last}
            frame |= {f"observation.images.{camera}": images[camera][t] for camera in images}
            dataset.add_frame(frame | {"task": str(arrays["tasks"][episode])})
        dataset.save_episode()
    dataset.finalize()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
