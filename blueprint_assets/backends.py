"""Which backend does the work, chosen by configuration. Each interface's table of backends is in its own folder."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import dagster as dg
from pydantic import Field

if TYPE_CHECKING:
    from blueprint_assets.dataset.rendering import RecordedScene
    from resources.enrichment import Enricher
    from resources.planner import Planner
    from resources.reconstruction import Reconstructor
    from resources.reconstruction.regen3d.checkout import Checkout
    from resources.simulator import Simulator


class Reconstruction(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Image in, posed meshes out. Words and other systems' ready outputs have makers of their own (`stage1.maker`).

    `regen3d` runs 3D-RE-GEN in `checkout`: on this machine, in the container `image`, or on the machine `host`. It has not
    been run on the real thing here; see docs/reconstruction_backends.md.
    """

    backend: Literal["embedded", "regen3d"] = "embedded"
    checkout: str = Field(default="", description="regen3d: the folder of its checkout, on `host` if that is given")
    image: str = Field(default="", description="regen3d: a container image with its environment; empty: none")
    host: str = Field(
        default="", description="regen3d: name or user@name of the machine that it is on; empty: this one"
    )
    labels: list[str] = Field(default=[], description="regen3d: what to look for; empty: its own choice")
    gemini: bool = Field(default=True, description="regen3d: complete hidden parts with Google's image model (paid)")

    def open(self) -> Reconstructor:
        """The chosen backend.

        Raises:
            Regen3dRunError, Regen3dConfigError: a setting that 3D-RE-GEN cannot run with.
        """
        if self.backend == "regen3d":
            return self._regen3d()
        from resources.reconstruction.embedded import EmbeddedReconstructor

        return EmbeddedReconstructor()

    def settings(self) -> dict[str, Any]:
        """What a reconstruction depends on besides the picture and the code."""
        if self.backend == "embedded":
            return {}
        return {"labels": list(self.labels), "gemini": self.gemini}

    def _regen3d(self) -> Reconstructor:
        from resources.reconstruction.regen3d.checkout import ContainerCheckout, LocalCheckout, RemoteCheckout
        from resources.reconstruction.regen3d.config import Regen3dSettings
        from resources.reconstruction.regen3d.runner import Regen3dRunner

        place: Checkout
        if self.host:
            place = RemoteCheckout(self.host, self.checkout)
        elif self.image:
            place = ContainerCheckout(Path(self.checkout), image=self.image)
        else:
            place = LocalCheckout(Path(self.checkout))
        labels = tuple(self.labels) or Regen3dSettings.labels
        return Regen3dRunner(place, Regen3dSettings(labels=labels, gemini=self.gemini))


class Enrichment(dg.ConfigurableResource):  # type: ignore[type-arg]
    """A hosted vision model that is shown every object, to name what nobody recognised. Off by default; when it is on, crops
    of the photograph are sent to the provider."""

    provider: Literal["none", "gemini", "openai", "anthropic"] = "none"
    model: str = Field(default="", description="as the provider names it")
    key_variable: str = Field(default="", description="the environment variable that holds the API key")
    base_url: str = Field(default="", description="another address that speaks the provider's protocol")
    timeout_s: float = Field(default=30.0, gt=0, description="for one object")

    @property
    def name(self) -> str:
        """Who is asked, as provenance has it."""
        return "none" if self.provider == "none" else f"{self.provider}/{self.model}"

    def open(self) -> Enricher | None:
        """The chosen model; None when it is off."""
        if self.provider == "none":
            return None
        from resources.enrichment import open_enricher

        return open_enricher(
            self.provider, self.model, self.key_variable, base_url=self.base_url, timeout_s=self.timeout_s
        )


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
