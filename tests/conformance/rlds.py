"""Our RLDS export against TensorFlow Datasets. Prints what was compared, then one JSON object; exit code 1 on a difference.

    python tests/conformance/rlds.py --tensorflow ENVIRONMENT [FOLDER ...]

Synthetic episodes are exported here, without TensorFlow, and read there, with it: steps must be equal, PNG pictures what we
decode, JPEG pictures close to it. FOLDERs (`<name>/<version>`) given are read as well and counted.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from blueprint_assets.dataset.exports.rlds import export_rlds
from blueprint_assets.dataset.lerobot import assemble
from blueprint_assets.dataset.reader import open_dataset
from blueprint_assets.dataset.unit import Unit
from blueprint_assets.dataset.video import decode
from fixtures.synthetic_episodes import make_unit

HERE = Path(__file__).resolve().parent
TASKS = ("Pick up the red square.", "Lege das rote Quadrat in die Ecke.")
JPEG_PSNR = 30.0
"""Decibels of the worst picture against what was compressed. Quality 95 gives 35 and more on smooth pictures; these are of
hard coloured edges, which the halved colour resolution blurs."""


class Comparisons:
    """What was compared and what differed."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        self.failed: list[str] = []

    def expect(self, what: str, holds: bool, detail: object = "") -> None:
        """Notes a comparison; `detail` is shown when it failed."""
        (self.passed if holds else self.failed).append(what)
        print(f"{'ok  ' if holds else 'FAIL'} {what}" + ("" if holds else f": {detail}"), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tensorflow", type=Path, required=True, help="TensorFlow's virtual environment")
    parser.add_argument("folders", type=Path, nargs="*", help="<name>/<version> of exports to check as well")
    arguments = parser.parse_args()
    seen = Comparisons()
    environment = arguments.tensorflow.absolute()
    with tempfile.TemporaryDirectory(prefix="conformance-rlds-") as scratch:
        root = Path(scratch)
        units = [make_unit(root / f"u{i}", 20 + 7 * i, i, TASKS[i % 2], (128, 96)) for i in range(4)]
        units.append(make_unit(root / "u4", 9, 4, TASKS[0], (128, 96), success=False))
        assemble(units[:4], root / "dataset")
        episodes = open_dataset(root / "dataset").episodes
        for image_format, limit in (("png", 0), ("jpeg", 256)):
            folder = export_rlds(
                {"train": episodes[:3], "val": [episodes[3], units[4]]},
                root / image_format,
                name="squares",
                image_format=image_format,  # type: ignore[arg-type]
                shard_megabytes=limit,
            ).path
            found, steps = _read(environment, folder, root / "steps.npz")
            shards = {"train": 3, "val": 2} if limit == 0 else {"train": 1, "val": 1}
            seen.expect(f"{image_format}: shards", found["shards"] == shards, found["shards"])
            seen.expect(
                f"{image_format}: found by its name", found["by_name"] == {"train": 3, "val": 2}, found["by_name"]
            )
            _compare(seen, image_format, units, found, steps)
        for folder in arguments.folders:
            found, _ = _read(environment, folder.absolute(), root / "steps.npz")
            seen.expect(f"{folder}: every record is an episode", found["records"] == len(found["episodes"]), found)
            short = [e["uuid"] for e in found["episodes"] if e["steps"] != e["document"]["frames"]]
            seen.expect(f"{folder}: {len(found['episodes'])} episodes have all their steps", not short, short)
    versions = {key: found[key] for key in ("tensorflow", "tensorflow_datasets")}
    print(json.dumps({"passed": len(seen.passed), "failed": seen.failed, **versions}))
    return 1 if seen.failed else 0


def _read(environment: Path, folder: Path, out: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    command = [environment / "bin" / "python", HERE / "read_rlds.py", folder, out]
    # TensorFlow 2.21 speaks protobuf 7 and must not find ours.
    settings = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900, env=settings)
    if done.returncode:
        raise RuntimeError(f"read_rlds.py gave {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}")
    with np.load(out, allow_pickle=False) as arrays:
        return json.loads(done.stdout.splitlines()[-1]), {name: arrays[name] for name in arrays.files}


def _compare(
    seen: Comparisons, image_format: str, units: Sequence[Unit], found: dict[str, Any], steps: dict[str, Any]
) -> None:
    by_uuid = {episode["uuid"]: episode for episode in found["episodes"]}
    seen.expect(f"{image_format}: the episodes", set(by_uuid) == {u.document.episode_uuid for u in units}, set(by_uuid))
    rows = flags = texts = documents = True
    worst = np.inf
    for unit in units:
        document = unit.document
        uuid, frames = document.episode_uuid, document.frames
        state, action = unit.arrays()
        rows &= np.array_equal(steps[f"{uuid}/observation/state"], state)
        rows &= np.array_equal(steps[f"{uuid}/action"], action)
        index = np.arange(frames)
        flags &= np.array_equal(steps[f"{uuid}/is_first"], index == 0)
        flags &= np.array_equal(steps[f"{uuid}/is_last"], index == frames - 1)
        flags &= np.array_equal(steps[f"{uuid}/is_terminal"], (index == frames - 1) & document.success)
        flags &= np.array_equal(steps[f"{uuid}/reward"], np.float32((index == frames - 1) & document.success))
        flags &= np.array_equal(steps[f"{uuid}/discount"], np.ones(frames, np.float32))
        texts &= by_uuid[uuid]["texts"] == [document.task]
        documents &= by_uuid[uuid]["document"] == document.model_dump(mode="json")
        documents &= (by_uuid[uuid]["success"], by_uuid[uuid]["fps"]) == (document.success, document.fps)
        for camera, name in (("scene", "image"), ("wrist", "wrist_image")):
            pictures = steps[f"{uuid}/observation/{name}"].astype(float)
            for picture, ours in zip(pictures, decode(unit.segment(f"observation.images.{camera}")), strict=True):
                error = ((picture - ours) ** 2).mean()
                worst = min(worst, 10 * np.log10(255**2 / error) if error else np.inf)
    seen.expect(f"{image_format}: states and actions are equal", bool(rows))
    seen.expect(f"{image_format}: first, last, terminal, reward and discount", bool(flags))
    seen.expect(f"{image_format}: instructions", bool(texts))
    seen.expect(f"{image_format}: provenance", bool(documents))
    if image_format == "png":
        seen.expect("png: every pixel is equal", worst == np.inf, worst)
    else:
        seen.expect(f"jpeg: worst picture {worst:.1f} dB, at least {JPEG_PSNR}", worst >= JPEG_PSNR)


if __name__ == "__main__":
    sys.exit(main())
