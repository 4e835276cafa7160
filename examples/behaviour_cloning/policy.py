"""The policy: two camera pictures, the joints and the time in; the next 0.8 s of joint targets out. Needs torch.

    python policy.py CHECKPOINT      # answers on standard output what comes on standard input (see `serve`)

Each picture goes through a small convolutional encoder that ends in a spatial softmax and becomes 32 points in it (Finn et al.
2016, "Deep Spatial Autoencoders for Visuomotor Learning"). From points, joints and time one MLP says where the arm will be
when the hand closes: the keyframe of a pick (James & Davison 2022, "Q-attention"). The expert takes a box now by one side and
now by the other, and the mean of both is neither: so there are `MODES` proposals, and which to believe (Guzman-Rivera et al.
2012, "Multiple Choice Learning"). A second MLP is told the keyframe and gives a chunk of actions (Zhao et al. 2023, "ACT").
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

VIEWS = {"scene": (0.75, 0.22, 0.25), "wrist": (0.0, 0.0, 1.0)}
"""Camera -> the square of its picture that is looked at: top, left and side as shares of the picture's side. Of the scene
camera it is the middle of the table, where an object is a dozen pixels wide."""
PIXELS = 64
"""Each square is shrunk to this many pixels a side."""
JOINTS, ARM = 8, 7
CHUNK = 16
"""Control steps: 0.8 s at 20 Hz."""
MODES = 3
PERIODS = (16.0, 8.0, 4.0, 2.0)
"""Of the sines and cosines that tell the time since the start, seconds."""


def look(camera: str, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What the policy sees of a picture (size, size, 3), RGB: (PIXELS, PIXELS, 3)."""
    top, left, side = (round(share * len(picture)) for share in VIEWS[camera])
    square = picture[top : top + side, left : left + side]
    return np.asarray(cv2.resize(square, (PIXELS, PIXELS), interpolation=cv2.INTER_AREA), dtype=np.uint8)


class Encoder(nn.Module):
    """Pictures (b, 3, PIXELS, PIXELS), 0..1, to the 32 points (x, y in -1..1) that its channels look at, (b, 64)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 24, 5, 2, 2), nn.ReLU(), nn.Conv2d(24, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 32, 3, 1, 1)
        )
        line = torch.linspace(-1, 1, PIXELS // 4)
        self.register_buffer("grid", torch.stack(torch.meshgrid(line, line, indexing="xy")).reshape(2, -1))

    def forward(self, pictures: Tensor) -> Tensor:
        """As the class says."""
        weights = self.layers(pictures * 2 - 1).flatten(2).softmax(dim=2)
        return torch.einsum("bcp,dp->bcd", weights, self.grid).flatten(1)


class Policy(nn.Module):
    """Inside, joints are normalised by `mean` and `std`, keyframes by `goal_mean` and `goal_std`; chunks are relative to the
    joints now, in units of `action_std`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(Encoder() for _ in VIEWS)
        known = 64 * len(VIEWS) + JOINTS + 2 * len(PERIODS)
        self.where = nn.Sequential(nn.Linear(known, 128), nn.ReLU(), nn.Linear(128, MODES * (ARM + 1)))
        self.how = nn.Sequential(
            nn.Linear(known + ARM, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, CHUNK * JOINTS)
        )
        for name in ("mean", "std"):
            self.register_buffer(name, torch.ones(JOINTS))
            self.register_buffer(f"goal_{name}", torch.ones(ARM))
        self.register_buffer("action_std", torch.ones(CHUNK, JOINTS))

    def see(self, pictures: Tensor, joints: Tensor, time: Tensor) -> Tensor:
        """What both MLPs know of pictures (b, views, PIXELS, PIXELS, 3), 0..1, joints (b, JOINTS) and seconds since the start
        (b,). After the longest period time stands still.
        """
        views = pictures.permute(1, 0, 4, 2, 3)
        points = [encoder(view) for encoder, view in zip(self.encoders, views, strict=True)]
        turn = 2 * torch.pi * time.clamp(max=PERIODS[0])[:, None] / torch.tensor(PERIODS)
        return torch.cat([*points, (joints - self.mean) / self.std, turn.sin(), turn.cos()], dim=1)

    def keyframes(self, known: Tensor) -> tuple[Tensor, Tensor]:
        """Proposals (b, MODES, ARM), normalised, and the logits of belief in them (b, MODES)."""
        out = self.where(known)
        return out[:, MODES:].unflatten(1, (MODES, ARM)), out[:, :MODES]

    def chunk(self, known: Tensor, keyframe: Tensor) -> Tensor:
        """How to move (b, CHUNK, JOINTS), normalised, to a normalised keyframe (b, ARM) and on from there."""
        return self.how(torch.cat([known, keyframe], dim=1)).unflatten(1, (CHUNK, JOINTS))

    @torch.inference_mode()
    def act(self, pictures: NDArray[np.uint8], joints: NDArray[np.float32], time: float) -> NDArray[np.float32]:
        """Joint targets (CHUNK, JOINTS) for pictures (views, PIXELS, PIXELS, 3), joints (JOINTS,) and seconds since the start."""
        now = torch.from_numpy(joints)
        known = self.see(torch.from_numpy(pictures)[None].float() / 255, now[None], torch.tensor([time]))
        proposals, belief = self.keyframes(known)
        chunk = self.chunk(known, proposals[:, int(belief[0].argmax())])[0]
        return np.asarray((chunk * self.action_std + now).numpy(), dtype=np.float32)


def save(policy: Policy, path: Path) -> None:
    """Writes the weights as safetensors."""
    save_file(policy.state_dict(), path)


def load(path: Path) -> Policy:
    """Reads what `save` wrote."""
    policy = Policy()
    policy.load_state_dict(load_file(path))
    return policy.eval()


def serve(policy: Policy, source: BinaryIO, sink: BinaryIO) -> None:
    """Writes one line of JSON and reads one, the pictures' size; then for one uint8 picture per camera, (height, width, 3),
    the joints and the seconds since the start, float32, answers with a chunk of joint targets, float32, until the input ends.
    """
    sink.write(json.dumps({"cameras": list(VIEWS), "chunk": CHUNK, "joints": JOINTS}).encode() + b"\n")
    sink.flush()
    height, width = json.loads(source.readline())["size"]
    pictures, numbers = len(VIEWS) * height * width * 3, JOINTS + 1
    while len(request := source.read(pictures + 4 * numbers)) == pictures + 4 * numbers:
        views = np.frombuffer(request, np.uint8, pictures).reshape(len(VIEWS), height, width, 3)
        told = np.frombuffer(request, "<f4", numbers, pictures).copy()
        seen = np.stack([look(name, view) for name, view in zip(VIEWS, views, strict=True)])
        sink.write(policy.act(seen, told[:JOINTS], float(told[JOINTS])).astype("<f4").tobytes())
        sink.flush()


if __name__ == "__main__":
    torch.set_num_threads(1)
    serve(load(Path(sys.argv[1])), sys.stdin.buffer, sys.stdout.buffer)
