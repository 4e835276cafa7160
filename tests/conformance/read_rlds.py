"""Runs inside TensorFlow's environment: opens an RLDS folder with TensorFlow Datasets and says what it saw, as JSON.

    python read_rlds.py FOLDER OUT.npz

FOLDER is `<name>/<version>`. Writes every step of every episode to OUT.npz; prints one JSON object on the last line. Nothing
of the project is imported here.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}


def main(folder: Path, out: Path) -> dict[str, Any]:
    import tensorflow as tf
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(folder)
    loaded = tfds.builder(folder.parent.name, data_dir=folder.parent.parent)
    arrays: dict[str, np.ndarray] = {}
    episodes = []
    for split in builder.info.splits:
        # Open X-Embodiment's readers work on whole trajectories, so each is batched to its length.
        for episode in builder.as_dataset(split=split):
            metadata = {key: value.numpy() for key, value in episode["episode_metadata"].items()}
            uuid = metadata["episode_uuid"].decode()
            steps = list(episode["steps"].as_numpy_iterator())
            flat = [dict(step) | {f"observation/{k}": v for k, v in step["observation"].items()} for step in steps]
            names = [name for name in flat[0] if name not in ("observation", "language_instruction")]
            arrays |= {f"{uuid}/{name}": np.stack([step[name] for step in flat]) for name in names}
            episodes.append(
                {
                    "split": split,
                    "uuid": uuid,
                    "texts": sorted({step["language_instruction"].decode() for step in steps}),
                    "document": json.loads(metadata["document"].decode()),
                    "success": bool(metadata["success"]),
                    "fps": int(metadata["fps"]),
                    "steps": len(steps),
                }
            )
    np.savez(out, **arrays)
    records = sum(1 for _ in tf.data.TFRecordDataset([str(path) for path in sorted(folder.glob("*.tfrecord-*"))]))
    return {
        "tensorflow": tf.__version__,
        "tensorflow_datasets": tfds.__version__,
        "by_name": {name: split.num_examples for name, split in loaded.info.splits.items()},
        "shards": {name: split.num_shards for name, split in builder.info.splits.items()},
        "image_dtype": str(builder.info.features["steps"]["observation"]["image"].dtype),
        "records": records,
        "episodes": episodes,
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]))))
