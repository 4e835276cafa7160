"""How long encoding and assembling a dataset take, in CPU time of this process. Prints one JSON object.

python tests/benchmarks/dataset_write.py [--episodes N]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from blueprint_assets.dataset.lerobot import assemble
from blueprint_assets.dataset.stats import ImageHistogram
from blueprint_assets.dataset.unit import Unit, read_unit
from blueprint_assets.dataset.video import AV1, H264, Codec, VideoEncoder
from fixtures.synthetic_episodes import FPS, arm, images, make_unit

FRAMES = 300


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--episodes", type=int, default=100, help="episodes to assemble")
    episodes = parser.parse_args().episodes
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        encoding = {
            f"{codec.name}_{width}x{height}": _encode(root, codec, width, height)
            for codec, width, height in ((H264, 256, 256), (AV1, 256, 256), (AV1, 640, 480))
        }
        drawn = [make_unit(root / f"u{i}", FRAMES, i, size=(256, 256)) for i in range(4)]
        # Many episodes of four recordings: what is copied does not matter, how much does.
        many = [_renamed(drawn[i % 4], f"uuid-{i}") for i in range(episodes)]
        began = time.process_time()
        summary = assemble(many, root / "dataset")
        assembling = time.process_time() - began
        began = time.process_time()
        for unit in drawn:
            read_unit(unit.folder)
        verifying = (time.process_time() - began) / len(drawn)
    print(
        json.dumps(
            {
                "benchmark": "dataset_write",
                "encode": encoding,
                "assemble": {
                    "episodes": summary.episodes,
                    "camera_frames": summary.frames * len(summary.cameras),
                    "megabytes": round(summary.size_bytes / 1e6, 1),
                    "cpu_seconds": round(assembling, 3),
                    "cpu_ms_per_episode": round(1e3 * assembling / summary.episodes, 2),
                },
                "verify_unit_cpu_ms": round(1e3 * verifying, 2),
            }
        )
    )


def _encode(root: Path, codec: Codec, width: int, height: int) -> dict[str, float]:
    frames = list(images(arm(FRAMES, 1)[0], 1, width, height))
    noise = np.random.default_rng(3).integers(-4, 5, (height, width, 3))
    frames = [np.clip(frame + np.roll(noise, i, axis=1), 0, 255).astype(np.uint8) for i, frame in enumerate(frames)]
    path = root / f"{codec.name}-{width}.mp4"
    began = time.process_time()
    with VideoEncoder(path, width, height, FPS, codec) as encoder:
        for frame in frames:
            encoder.write(frame)
    encoded = time.process_time() - began
    began = time.process_time()
    histogram = ImageHistogram()
    for frame in frames:
        histogram.add(frame)
    counted = time.process_time() - began
    return {
        "cpu_ms_per_frame": round(1e3 * encoded / FRAMES, 2),
        "statistics_cpu_ms_per_frame": round(1e3 * counted / FRAMES, 2),
        "kilobytes_per_frame": round(path.stat().st_size / FRAMES / 1e3, 2),
    }


def _renamed(unit: Unit, uuid: str) -> Unit:
    provenance = unit.document.provenance | {"episode_uuid": uuid}
    return Unit(unit.folder, unit.document.model_copy(update={"episode_uuid": uuid, "provenance": provenance}))


if __name__ == "__main__":
    main()
