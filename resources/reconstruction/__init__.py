"""Image in, posed meshes out. A backend is a module of this folder and a line of `BACKENDS`."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from blueprint_assets.contracts.posed_meshes import SceneInfo
from blueprint_assets.contracts.source import Source
from resources.observability import ProgressSink


class ReconstructionError(ValueError):
    """The picture cannot be turned into a scene. The message names what was looked for, what was found and the remedy."""


class Reconstructor(Protocol):
    """Turns a photograph into the stage 1 layout."""

    @property
    def backend(self) -> str:
        """What really runs."""
        ...

    def reconstruct(self, source: Source, scene_root: Path, stage1: Path, progress: ProgressSink) -> SceneInfo:
        """Reads the picture (and mask) that `source` names below `scene_root`; fills the empty folder `stage1`.

        Raises:
            ReconstructionError: no support plane, or no object, could be found.
        """
        ...
