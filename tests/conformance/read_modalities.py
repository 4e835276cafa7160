"""Runs inside the LeRobot environment: reads depth and language of a dataset as LeRobot's users would; prints JSON.

    python read_modalities.py DATASET SAMPLES OUT.npz

Depth at the asked indices goes to OUT.npz, in metres. Language is what LeRobot's own renderer makes of it: the step that
its training puts between dataset and policy, with a recipe that asks for the plan and the subtask. Nothing of the project
is imported here.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np


def main(dataset: Path, samples: list[int], out: Path) -> dict[str, Any]:
    import torch
    from lerobot.configs.recipe import MessageTurn, TrainingRecipe
    from lerobot.datasets.lerobot_dataset import LeRobotDataset
    from lerobot.lerobot_types import TransitionKey
    from lerobot.processor.render_messages_processor import RenderMessagesStep
    from lerobot.utils.collate import lerobot_collate_fn

    loaded = LeRobotDataset(f"local/{dataset.name}", root=dataset, video_backend="pyav", depth_output_unit="m")
    millimetres = LeRobotDataset(f"local/{dataset.name}", root=dataset, video_backend="pyav")
    recipe = TrainingRecipe(
        messages=[
            MessageTurn(role="user", content="${task} Plan: ${plan}", stream="high_level"),
            MessageTurn(role="assistant", content="${subtask}", stream="low_level", target=True),
        ]
    )
    render = RenderMessagesStep(recipe=recipe)
    depth: dict[str, np.ndarray] = {}
    said = []
    for index in samples:
        item = loaded[index]
        for key in loaded.meta.depth_keys:
            depth[f"{index}/{key}"] = np.asarray(item[key])
        transition = render({TransitionKey.COMPLEMENTARY_DATA: dict(item)})
        rendered = transition[TransitionKey.COMPLEMENTARY_DATA]
        said.append([message["content"] for message in rendered.get("messages", [])])
    np.savez(out, **depth)

    loader = torch.utils.data.DataLoader(loaded, batch_size=4, num_workers=0, collate_fn=lerobot_collate_fn)
    batch = next(iter(loader))
    first = {key: np.asarray(millimetres[samples[0]][key]).ravel()[:1].tolist() for key in loaded.meta.depth_keys}
    return {
        "depth_keys": list(loaded.meta.depth_keys),
        "camera_keys": list(loaded.meta.camera_keys),
        "stats": {
            key: {name: np.asarray(value).ravel().tolist() for name, value in loaded.meta.stats[key].items()}
            for key in loaded.meta.depth_keys
        },
        "first_in_millimetres": first,
        "stats_in_millimetres": {key: float(millimetres.meta.stats[key]["mean"].ravel()[0]) for key in first},
        "has_language": loaded.meta.has_language_columns,
        "said": said,
        "statements": loaded[samples[0]]["language_persistent"],
        "depth_batch": {key: list(batch[key].shape) for key in loaded.meta.depth_keys},
    }


if __name__ == "__main__":
    report = main(Path(sys.argv[1]), [int(i) for i in sys.argv[2].split(",")], Path(sys.argv[3]))
    print(json.dumps(report))
