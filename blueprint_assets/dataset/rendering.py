"""Pictures of recorded states: what the embedded simulator's cameras saw, rendered afterwards and only where wanted."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from blueprint_assets.contracts.task_config import RobotConfig

from .video import Image

if TYPE_CHECKING:
    from resources.simulator.render import Renderer


@dataclass(frozen=True)
class RecordedScene:
    """A scene whose recordings can be rendered. Travels to worker processes; each builds its world once.

    `scene_usd`: the scene, `scene_root`: nothing outside it is read, `robot`: where the robot stands.
    """

    scene_usd: Path
    scene_root: Path
    robot: RobotConfig
    width: int = 256
    height: int = 256

    def __call__(self, states: Path, camera: str) -> Iterator[Image]:
        """One RGB picture, uint8 (height, width, 3), per row of `qpos` in a states file."""
        with np.load(states, allow_pickle=False) as arrays:
            qpos = arrays["qpos"]
        return _renderer(self).render_states(qpos, camera)


@functools.lru_cache(maxsize=1)
def _renderer(scene: RecordedScene) -> Renderer:
    from resources.simulator.render import Renderer
    from resources.simulator.world import build_world

    return Renderer(build_world(scene.scene_usd, scene.scene_root, scene.robot), scene.width, scene.height)
