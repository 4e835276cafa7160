"""Which backend does the work, chosen by configuration. Each interface's table of backends is in its own folder."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import dagster as dg
from pydantic import Field

if TYPE_CHECKING:
    from blueprint_assets.dataset.rendering import RecordedScene
    from resources.planner import Planner
    from resources.reconstruction import Reconstructor
    from resources.simulator import Simulator


class Reconstruction(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Image in, posed meshes out."""

    backend: Literal["embedded"] = "embedded"

    def open(self) -> Reconstructor:
        """The chosen backend."""
        from resources.reconstruction.embedded import EmbeddedReconstructor

        return EmbeddedReconstructor()


class Simulation(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where episodes are simulated. `embedded` starts a server on a free loopback port for the time of a job."""

    backend: Literal["embedded"] = "embedded"
    episodes_per_scene: int = Field(default=10, ge=1, description="successful episodes, where a run does not say")

    @contextmanager
    def running(self, scene: Path, recordings: Path) -> Iterator[tuple[Simulator, Planner]]:
        """A simulator and a planner of one scene; both are gone when the block ends."""
        from blueprint_assets.contracts.task_config import TaskConfig
        from resources.planner.embedded import EmbeddedPlanner
        from resources.simulator.embedded import start_embedded
        from resources.simulator.world import build_world

        robot = TaskConfig.read(scene / "geniesim/task_config.json").robot_config
        usd = scene / "usd/scene.usda"
        with tempfile.TemporaryDirectory(prefix="blueprint-simulator-") as folder:
            log = Path(folder) / "server.log"
            with start_embedded(usd, scene, robot, recordings, log) as simulator:
                yield simulator, EmbeddedPlanner(build_world(usd, scene, robot))

    def renderer(self, scene: Path, width: int = 256, height: int = 256) -> RecordedScene:
        """What turns recorded states into pictures of `width` by `height` pixels."""
        from blueprint_assets.contracts.task_config import TaskConfig
        from blueprint_assets.dataset.rendering import RecordedScene

        robot = TaskConfig.read(scene / "geniesim/task_config.json").robot_config
        return RecordedScene(scene / "usd/scene.usda", scene, robot, width, height)
