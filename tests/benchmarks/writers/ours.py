"""Our writer on the frames of a folder, or our assembly of encoded episodes, timed in a process of its own.

    python ours.py write FRAMES OUT CODEC CRF AT_ONCE    units, then the dataset of them
    python ours.py join LIST OUT                         videos into one, by packet copy
    python ours.py assemble UNITS OUT EPISODES           a dataset of so many episodes, which share a few recordings
    python ours.py memory FRAMES OUT CODEC CRF           as write, one at a time, frames read as they are needed

Imports, those included that happen at first use, and reading of the frames are counted apart (in `memory` with the rest).
Prints one JSON object on the last line.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray


def cpu() -> float:
    """Seconds of CPU of this process and of its ended children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def peak_megabytes() -> float:
    """Peak resident memory of this process; not `ru_maxrss`, which begins with that of the process that started it."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return round(int(line.split()[1]) / 1024, 1)


BARE = peak_megabytes()
BEGAN = cpu()

import av  # noqa: E402, F401
import cv2  # noqa: E402, F401
import pyarrow.parquet  # noqa: E402

from blueprint_assets.dataset.episode import Episode  # noqa: E402
from blueprint_assets.dataset.lerobot import assemble  # noqa: E402
from blueprint_assets.dataset.unit import Description, Unit, UnitWriter, read_unit  # noqa: E402
from blueprint_assets.dataset.video import AV1, H264, Codec, Segment, concatenate  # noqa: E402

IMPORTED = cpu() - BEGAN

FPS = 20
CAMERAS = ("scene", "wrist")


def codec_named(name: str, crf: int) -> Codec:
    """One of our codecs at another quality."""
    base = {codec.name: codec for codec in (H264, AV1)}[name]
    return Codec(base.name, base.encoder, crf, base.preset)


def encode(folder: Path, images: dict[str, Any], rows: NDArray[np.float32], codec: Codec) -> Unit:
    """One unit from (frames, height, width, 3) per camera and (2, frames, joints)."""
    state, action = rows
    description = Description(
        task="Pick up the red box.",
        success=True,
        robot="franka_panda",
        joint_names=[f"joint_{i}" for i in range(state.shape[1])],
        provenance={"episode_uuid": folder.name, "seed": 0, "scene_id": "drawn"},
    )
    with UnitWriter(folder, fps=FPS, codec=codec) as writer:
        for t in range(len(state)):
            writer.add({camera: pictures[t] for camera, pictures in images.items()}, state[t], action[t])
        return writer.finish(description)


def write(frames: Path, out: Path, codec: Codec, at_once: int) -> dict[str, Any]:
    """Encodes every episode, `at_once` at a time, and assembles them."""
    count = len(list(frames.glob("*-rows.npy")))
    episodes = [
        ({camera: np.load(frames / f"{i}-{camera}.npy") for camera in CAMERAS}, np.load(frames / f"{i}-rows.npy"))
        for i in range(count)
    ]
    out.mkdir()
    began = cpu()
    pyarrow.array([0])  # imports pandas, where it is installed, as LeRobot's imports do; encoding does without
    first_table = cpu() - began
    began, started = cpu(), time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        units = list(pool.map(lambda i: encode(out / f"unit-{i}", *episodes[i], codec), range(count)))
    encoded = cpu() - began
    summary = assemble(units, out / "dataset")
    unwanted = {"torch", "dagster", "lerobot"} & set(sys.modules)
    if unwanted:
        raise RuntimeError(f"writing imported {sorted(unwanted)}")
    return {
        "cpu_seconds": cpu() - began,
        "wall_seconds": time.perf_counter() - started,
        "of_which_assembling_cpu_seconds": cpu() - began - encoded,
        "camera_frames": summary.frames * len(CAMERAS),
        "import_cpu_seconds": IMPORTED,
        "first_table_cpu_seconds": first_table,
    }


def memory(frames: Path, out: Path, codec: Codec) -> dict[str, Any]:
    """Peak memory of encoding, episode after episode, frames read one at a time."""
    out.mkdir()
    after_imports = peak_megabytes()
    units = []
    for i in range(len(list(frames.glob("*-rows.npy")))):
        images = {camera: _Frames(frames / f"{i}-{camera}.npy") for camera in CAMERAS}
        units.append(encode(out / f"unit-{i}", images, np.load(frames / f"{i}-rows.npy"), codec))
    encoding = peak_megabytes()
    assemble(units, out / "dataset")
    return {
        "bare_interpreter": BARE,
        "after_imports": after_imports,
        "after_encoding": encoding,
        "after_assembling": peak_megabytes(),
        "growth_with_imports": round(peak_megabytes() - BARE, 1),
    }


class _Frames:
    """The pictures of an .npy file, read one at a time and not mapped: mapped pages would count as memory."""

    def __init__(self, path: Path) -> None:
        header = np.load(path, mmap_mode="r")
        self._shape, self._offset, self._path = header.shape, header.offset, path

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        size = int(np.prod(self._shape[1:]))
        values = np.fromfile(self._path, np.uint8, size, offset=self._offset + index * size)
        return values.reshape(self._shape[1:])


def join(videos: Sequence[Path], frames: int, out: Path) -> dict[str, Any]:
    """Joins videos of `frames` frames each into one file."""
    began, started = cpu(), time.perf_counter()
    concatenate([Segment(video, 0, frames) for video in videos], out, FPS)
    return {"cpu_seconds": cpu() - began, "wall_seconds": time.perf_counter() - started, "videos": len(videos)}


class Copies(Sequence[Episode]):
    """Many episodes of a few recordings, each under a name of its own, made when asked for."""

    def __init__(self, units: Sequence[Unit], count: int) -> None:
        self._units, self._count = units, count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Episode: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Episode]: ...
    def __getitem__(self, index: int | slice) -> Episode | Sequence[Episode]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._count))]
        if not 0 <= index < self._count:
            raise IndexError(index)
        unit = self._units[index % len(self._units)]
        uuid = f"copy-{index}"
        provenance = unit.document.provenance | {"episode_uuid": uuid}
        return Unit(unit.folder, unit.document.model_copy(update={"episode_uuid": uuid, "provenance": provenance}))

    def __iter__(self) -> Iterator[Episode]:
        return (self[i] for i in range(self._count))


def assembly(folder: Path, out: Path, count: int) -> dict[str, Any]:
    """Assembles `count` episodes that share the units of `folder`."""
    copies = Copies([read_unit(path) for path in sorted(folder.iterdir())], count)
    pyarrow.array([0])  # as in `write`
    began, started = cpu(), time.perf_counter()
    summary = assemble(copies, out)
    return {
        "episodes": count,
        "camera_frames": summary.frames * len(summary.streams),
        "megabytes": round(summary.size_bytes / 1e6, 1),
        "cpu_seconds": cpu() - began,
        "wall_seconds": time.perf_counter() - started,
        "growth_with_imports_megabytes": round(peak_megabytes() - BARE, 1),
    }


def main(action: str, first: Path, out: Path, *rest: str) -> dict[str, Any]:
    """Does what the module's description says."""
    if action == "write":
        return write(first, out, codec_named(rest[0], int(rest[1])), int(rest[2]))
    if action == "memory":
        return memory(first, out, codec_named(rest[0], int(rest[1])))
    if action == "join":
        return join([Path(line) for line in first.read_text().splitlines()], int(rest[0]), out)
    return assembly(first, out, int(rest[0]))


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), *sys.argv[4:])))
