"""A request in words in, posed meshes out. A backend is a folder here; readers of other generators' output are two more."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from blueprint_assets.contracts.posed_meshes import SceneInfo
from blueprint_assets.contracts.scene_request import NormalizedRequest
from resources.observability import ProgressSink


class SceneGenerationError(ValueError):
    """A request, or another generator's output, cannot become a scene. The message names what, where and the remedy."""


class NothingUnderstoodError(SceneGenerationError):
    """No noun of the request is known. The message lists what was read and what there is."""


class ContradictionError(SceneGenerationError):
    """The request asks for what cannot be together: two counts of the same thing, a thing left and right of another."""


class DoesNotFitError(SceneGenerationError):
    """What is asked for has no room where it is asked for. The message names the thing, the place and the sizes."""


class SceneGenerator(Protocol):
    """Turns a request in words into the stage 1 layout."""

    backend: str

    def generate(self, request: NormalizedRequest, stage1: Path, textgen: Path, progress: ProgressSink) -> SceneInfo:
        """Fills the empty folders `stage1` (posed meshes) and `textgen` (what was understood, and the marker, last).

        Raises:
            SceneGenerationError: the request is not for text, nothing in it is understood, it contradicts itself, or what it
                asks for does not fit.
        """
        ...
