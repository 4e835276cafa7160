"""Trains the policy on a LeRobot dataset, read by LeRobot. Runs in LeRobot's environment (see README.md).

    python train.py DATASET CHECKPOINT --episodes 100 --seed 0 [--steps 3000]

Prints one JSON object. One thread; the same arguments on the same machine give the same weights.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from policy import ARM, CHUNK, VIEWS, Policy, look, save
from torch import Tensor
from torch.nn import functional

TASK_TYPE = "pick_lift"
BATCH, STEPS, RATE = 32, 3000, 1e-3
BELIEF = 0.1
"""Weight of knowing which proposal is right, beside its error."""
GOAL_NOISE = 0.2
"""How wrong the keyframe is that the second MLP is told in training, in standard deviations of keyframes."""
FIRST, AROUND, DECISIVE = 10, 10, 0.5
"""Half of each batch is drawn from the frames that decide: the first ones, when the arm sets out, and those before and after
the hand begins to close. They are few."""
CLOSING = 0.001
"""The hand closes when the fingers' target is this far inside where they are, metres."""
COLOR = 0.25
"""A picture's channels are shuffled and multiplied by 1 +- this: what makes unseen colours less strange."""
BLUR = 0.01
"""Standard deviation of what is added to the arm's joints in training, radians."""


def read(dataset: Path, cache: Path) -> dict[str, NDArray]:
    """Every frame of the dataset's episodes of TASK_TYPE: `pictures` (n, views, PIXELS, PIXELS, 3) uint8, `joints` and
    `actions` (n, JOINTS), `times` (n,) float32, `starts` (episodes + 1,). Decoded once, then kept below `cache`.
    """
    kept = cache / f"frames-{hashlib.sha256((dataset / 'meta' / 'stats.json').read_bytes()).hexdigest()[:12]}"
    if not kept.is_dir():
        from lerobot.datasets.lerobot_dataset import LeRobotDataset

        plain = LeRobotDataset("local/dataset", root=dataset)
        rows = plain.meta.episodes
        chosen = [i for i, kind in enumerate(rows["task_type"]) if kind == TASK_TYPE]
        window = [i / plain.fps for i in range(max(rows["length"]))]
        windows = {f"observation.images.{name}": window for name in VIEWS}
        whole = LeRobotDataset("local/dataset", root=dataset, delta_timestamps=windows, video_backend="pyav")
        parts = []
        for first, last in ((rows["dataset_from_index"][i], rows["dataset_to_index"][i]) for i in chosen):
            item = whole[first]  # with these windows one item holds all pictures of its episode
            views = [_seen(name, item[f"observation.images.{name}"][: last - first]) for name in VIEWS]
            table = plain.hf_dataset[first:last]
            columns = (np.asarray(table[name], np.float32) for name in ("observation.state", "action", "timestamp"))
            parts.append((np.stack(views, axis=1), *columns))
        new = Path(tempfile.mkdtemp(prefix="frames-", dir=cache))
        for name, column in zip(("pictures", "joints", "actions", "times"), zip(*parts, strict=True), strict=True):
            np.save(new / f"{name}.npy", np.concatenate(column))
        np.save(new / "starts.npy", np.cumsum([0, *(len(part[1]) for part in parts)]))
        try:
            new.rename(kept)  # whole or not at all
        except OSError:
            shutil.rmtree(new)
            if not kept.is_dir():  # else another training, begun together with this one, was first
                raise
    return {path.stem: np.load(path, mmap_mode="r" if path.stem == "pictures" else None) for path in kept.glob("*.npy")}


def _seen(camera: str, pictures: Tensor) -> NDArray[np.uint8]:
    """(t, 3, h, w), 0..1, to (t, PIXELS, PIXELS, 3)."""
    whole = (pictures * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    return np.stack([look(camera, picture) for picture in whole])


def chunks(actions: NDArray, joints: NDArray, starts: NDArray) -> NDArray[np.float32]:
    """The next actions from each frame on, relative to its joints, (n, CHUNK, JOINTS). After the end the last one goes on."""
    last = np.repeat(starts[1:] - 1, np.diff(starts))
    ahead = np.minimum(np.arange(len(actions))[:, None] + np.arange(CHUNK), last[:, None])
    return np.asarray(actions[ahead] - joints[:, None], dtype=np.float32)


def closings(actions: NDArray, joints: NDArray, starts: NDArray) -> NDArray[np.intp]:
    """The frame in each episode in which the hand begins to close; the last one where it never does."""
    found = []
    for first, last in pairwise(starts):
        closing = np.flatnonzero(actions[first:last, ARM] < joints[first:last, ARM] - CLOSING)
        found.append(first + closing[0] if len(closing) else last - 1)
    return np.array(found)


def losses(policy: Policy, known: Tensor, keyframe: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute error of the best proposal, cross entropy of believing in it, and mean absolute error of the chunk when
    the true keyframe is told, a little wrong.
    """
    proposals, belief = policy.keyframes(known)
    goal = (keyframe - policy.goal_mean) / policy.goal_std
    errors = (proposals - goal[:, None]).abs().mean(dim=2)
    best = errors.argmin(dim=1)
    moved = policy.chunk(known, goal + GOAL_NOISE * torch.randn_like(goal)) - wanted / policy.action_std
    parts = errors.gather(1, best[:, None]).mean(), BELIEF * functional.cross_entropy(belief, best), moved.abs().mean()
    return torch.stack(parts)


def train(data: dict[str, NDArray], episodes: int, seed: int, steps: int) -> tuple[Policy, list[list[float]]]:
    """The policy, and its three losses over every 100 steps. `seed` draws which episodes it sees; more include fewer.

    Raises:
        ValueError: the dataset does not have so many.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    starts, joints = data["starts"], data["joints"]
    if not 1 <= episodes < len(starts):
        raise ValueError(f"{episodes} episodes asked for; the dataset has {len(starts) - 1} of type {TASK_TYPE}")
    chosen = np.sort(rng.permutation(len(starts) - 1)[:episodes])
    frames = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in chosen])
    closing = closings(data["actions"], joints, starts)
    early, around = starts[chosen][:, None] + np.arange(FIRST), closing[chosen][:, None] + np.arange(-AROUND, AROUND)
    decisive = np.intersect1d(frames, np.concatenate([early.ravel(), around.ravel()]))
    goals, targets = np.repeat(joints[closing, :ARM], np.diff(starts), axis=0), chunks(data["actions"], joints, starts)

    policy = Policy()
    policy.mean[:], policy.std[:] = _spread(joints[frames])
    policy.goal_mean[:], policy.goal_std[:] = _spread(goals[frames])
    policy.action_std[:] = torch.from_numpy(np.abs(targets[frames]).mean(axis=0) + 1e-4)
    optimizer = torch.optim.AdamW(policy.parameters(), lr=RATE, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=RATE, total_steps=steps)
    curve, total = [], torch.zeros(3)
    for step in range(1, steps + 1):
        few = round(DECISIVE * BATCH)
        batch = np.concatenate([rng.choice(decisive, few), rng.choice(frames, BATCH - few)])
        now, goal, wanted, times = (torch.from_numpy(array[batch]) for array in (joints, goals, targets, data["times"]))
        now[:, :ARM] += BLUR * torch.randn(BATCH, ARM)
        pictures = torch.from_numpy(data["pictures"][batch])[..., torch.randperm(3)].float() / 255
        gain = 1 + COLOR * (2 * torch.rand(BATCH, 1, 1, 1, 3) - 1)
        parts = losses(policy, policy.see((pictures * gain).clamp(0, 1), now, times), goal, wanted)
        optimizer.zero_grad(set_to_none=True)
        parts.sum().backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        total += parts.detach()
        if step % 100 == 0:
            curve.append([round(float(part) / 100, 3) for part in total])
            total.zero_()
    return policy.eval(), curve


def _spread(values: NDArray) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(values.mean(axis=0)), torch.from_numpy(values.std(axis=0) + 1e-3)


def main() -> None:
    """Trains, writes the checkpoint, says what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path, help="a LeRobot dataset, say a release's train/")
    parser.add_argument("checkpoint", type=Path, help="file to write, .safetensors; decoded frames are kept beside it")
    parser.add_argument("--episodes", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    began = time.process_time()
    data = read(arguments.dataset, arguments.checkpoint.parent)
    ready = time.process_time()
    policy, curve = train(data, arguments.episodes, arguments.seed, arguments.steps)
    save(policy, arguments.checkpoint)
    seconds = {"reading": round(ready - began, 1), "training": round(time.process_time() - ready, 1)}
    weights = sum(parameter.numel() for parameter in policy.parameters())
    print(json.dumps({"episodes": arguments.episodes, "seed": arguments.seed, "steps": arguments.steps, "weights": weights,
                      "cpu_seconds": seconds, "losses": curve}))  # fmt: skip


if __name__ == "__main__":
    main()
