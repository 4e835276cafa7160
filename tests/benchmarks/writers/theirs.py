"""Runs inside the LeRobot environment: LeRobot's own writer on the frames of a folder, or its joining of videos, timed.

    python theirs.py write FRAMES OUT default|streaming CODEC CRF
    python theirs.py memory FRAMES OUT default|streaming CODEC CRF
    python theirs.py join LIST OUT

`write`: every episode of FRAMES (see frames.py) through `LeRobotDataset.create`, `add_frame`, `save_episode`, `finalize`;
only the state, the action and the two cameras are declared, which is the least it can be asked for. Its defaults hold for
all that is not named: g 2, preset 12 (AV1) or the encoder's own (x264: medium), images written in the caller's thread,
cameras encoded in parallel. `streaming` is given a queue that holds an episode, so that it cannot drop a frame.
`memory`: the same, but frames are read one at a time, so that they do not count.
`join`: the videos named in LIST, one a line, joined as LeRobot's writer joins each new episode's to the last file.

Imports and, in `write`, reading of the frames are not counted. Prints one JSON object on the last line. Nothing of the project
is imported here.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

FPS = 20
CAMERAS = ("scene", "wrist")
VIDEO_MEGABYTES = 200
"""LeRobot's video_files_size_in_mb."""


def cpu() -> float:
    """Seconds of CPU of this process and of its ended children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def peak_megabytes() -> dict[str, float]:
    """Peak resident memory of this process (not `ru_maxrss`, which begins with that of the process that started it) and of
    the largest of its ended children, which share much of theirs with it."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {"self": round(int(line.split()[1]) / 1024, 1), "largest_child": round(children / 1024, 1)}


class Frames:
    """The pictures of an .npy file, read one at a time and not mapped: mapped pages would count as memory."""

    def __init__(self, path: Path) -> None:
        header = np.load(path, mmap_mode="r")
        self._shape, self._offset, self._path = header.shape, header.offset, path

    def __getitem__(self, index: int) -> np.ndarray:
        size = int(np.prod(self._shape[1:]))
        values = np.fromfile(self._path, np.uint8, size, offset=self._offset + index * size)
        return values.reshape(self._shape[1:])


def write(folder: Path, out: Path, mode: str, codec: str, crf: int, *, preload: bool) -> dict[str, Any]:
    """Writes the dataset; CPU seconds, wall seconds, peak memory."""
    before = peak_megabytes()["self"]
    began = cpu()
    from lerobot.configs import RGBEncoderConfig
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    imported = cpu() - began
    count = len(list(folder.glob("*-rows.npy")))
    length, height, width, _ = np.load(folder / "0-scene.npy", mmap_mode="r").shape
    episodes = [
        (
            np.load(folder / f"{i}-rows.npy"),
            {c: (np.load if preload else Frames)(folder / f"{i}-{c}.npy") for c in CAMERAS},
        )
        for i in range(count)
    ]
    names = [f"joint_{i}" for i in range(8)]
    features: dict[str, Any] = {
        name: {"dtype": "float32", "shape": (8,), "names": names} for name in ("observation.state", "action")
    }
    for camera in CAMERAS:
        features[f"observation.images.{camera}"] = {
            "dtype": "video",
            "shape": (height, width, 3),
            "names": ["height", "width", "channels"],
        }
    began, started = cpu(), time.perf_counter()
    dataset = LeRobotDataset.create(
        "local/theirs",
        FPS,
        features,
        root=out,
        robot_type="franka_panda",
        rgb_encoder=RGBEncoderConfig(vcodec=codec, crf=crf),
        streaming_encoding=mode == "streaming",
        encoder_queue_maxsize=length + 1,
    )
    for (state, action), images in episodes:
        for t in range(length):
            frame: dict[str, Any] = {"observation.state": state[t], "action": action[t], "task": "Pick up the red box."}
            frame |= {f"observation.images.{camera}": pictures[t] for camera, pictures in images.items()}
            dataset.add_frame(frame)
        dataset.save_episode()
    dataset.finalize()
    return {
        "cpu_seconds": cpu() - began,
        "wall_seconds": time.perf_counter() - started,
        "camera_frames": count * length * len(CAMERAS),
        "import_cpu_seconds": imported,
        "peak_megabytes": peak_megabytes() | {"before_imports": before},
    }


def join(videos: list[Path], out: Path) -> dict[str, Any]:
    """Joins the videos; CPU and wall seconds."""
    from lerobot.datasets.io_utils import get_file_size_in_mb
    from lerobot.datasets.video_utils import concatenate_video_files, get_video_duration_in_s

    out.mkdir()
    scratch = out / "episode.mp4"
    spent = waited = 0.0
    number = 0
    current = out / "file-000.mp4"
    for index, video in enumerate(videos):
        shutil.copy(video, scratch)  # its writer has each episode's video in a temporary file: copying is not counted
        began, started = cpu(), time.perf_counter()
        size = get_file_size_in_mb(scratch)
        get_video_duration_in_s(scratch)
        if index == 0:
            shutil.move(str(scratch), str(current))
        elif get_file_size_in_mb(current) + size >= VIDEO_MEGABYTES:
            number += 1
            current = out / f"file-{number:03d}.mp4"
            shutil.move(str(scratch), str(current))
        else:
            concatenate_video_files([current, scratch], current)
        spent += cpu() - began
        waited += time.perf_counter() - started
    return {"cpu_seconds": spent, "wall_seconds": waited, "videos": len(videos), "files": number + 1}


if __name__ == "__main__":
    action, first, second, *rest = sys.argv[1:]
    if action in ("write", "memory"):
        mode, codec, crf = rest
        report = write(Path(first), Path(second), mode, codec, int(crf), preload=action == "write")
    else:
        report = join([Path(line) for line in Path(first).read_text().splitlines()], Path(second))
    print(json.dumps(report))
