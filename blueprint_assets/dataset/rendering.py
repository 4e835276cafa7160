"""Pictures of recorded states: what the embedded simulator's cameras saw, rendered afterwards and only where wanted."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from blueprint_assets.contracts.encoded_episode import Calibration
from blueprint_assets.contracts.task_config import RobotConfig

from .calibration import calibration
from .sidecars import Modality

if TYPE_CHECKING:
    from resources.simulator.render import Renderer, View


class Render(Protocol):
    """What turns recorded states into pictures. Sent to worker processes once, by pickle between our own processes."""

    def views(
        self, states: Path, cameras: Sequence[str], modalities: Collection[Modality] = ()
    ) -> Iterator[Mapping[str, View]]:
        """What every camera saw, per row of `qpos` in a states file. Depth and segmentation are there where a modality
        needs them: for a point cloud only at the first and the last row."""
        ...

    def calibrations(self, cameras: Sequence[str]) -> dict[str, Calibration]:
        """How the cameras see; the same in every state. Cameras of which it is not known are left out."""
        ...

    def labels(self) -> tuple[str, ...]:
        """What each number in a segmentation stands for."""
        ...


@dataclass(frozen=True)
class RecordedScene:
    """A scene whose recordings can be rendered; a `Render`. In every process it builds its world once.

    `scene_usd`: the scene, `scene_root`: nothing outside it is read, `robot`: where the robot stands.
    """

    scene_usd: Path
    scene_root: Path
    robot: RobotConfig
    width: int = 256
    height: int = 256

    def views(
        self, states: Path, cameras: Sequence[str], modalities: Collection[Modality] = ()
    ) -> Iterator[dict[str, View]]:
        """See `Render`."""
        with np.load(states, allow_pickle=False) as arrays:
            qpos = arrays["qpos"]
        renderer = _renderer(self)
        for index, row in enumerate(qpos):
            cloud = "point_cloud" in modalities and index in (0, len(qpos) - 1)
            depth, segmentation = "depth" in modalities or cloud, "segmentation" in modalities or cloud
            yield {camera: renderer.view(camera, row, depth=depth, segmentation=segmentation) for camera in cameras}

    def calibrations(self, cameras: Sequence[str]) -> dict[str, Calibration]:
        """See `Render`."""
        model = _renderer(self).world.model
        return {camera: calibration(model, camera, self.width, self.height) for camera in cameras}

    def labels(self) -> tuple[str, ...]:
        """See `Render`."""
        return _renderer(self).labels.names


@functools.lru_cache(maxsize=1)
def _renderer(scene: RecordedScene) -> Renderer:
    from resources.simulator.render import Renderer
    from resources.simulator.world import build_world

    return Renderer(build_world(scene.scene_usd, scene.scene_root, scene.robot), scene.width, scene.height)
